"""All projects' mailboxes and workers: made on demand, gone when idle."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from speckle2pg import metrics
from speckle2pg.errors import RetryableError
from speckle2pg.streams.mailbox import Mailbox
from speckle2pg.streams.worker import IDLE_SECONDS, Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from speckle2pg.events import Event
    from speckle2pg.streams.worker import LookOutcome

log = structlog.get_logger()

STOPPING = "the daemon is stopping; what waits is found again at its next start"


class Workers:
    """Routes events to their project's worker.

    Args:
        look: Looks where an event points.
        concurrency: How many workers may look at once.
        mailbox_size: Slots of each mailbox.
        idle: Seconds without work after which a worker ends.
    """

    def __init__(
        self,
        look: Callable[[Event], Awaitable[LookOutcome]],
        *,
        concurrency: int = 4,
        mailbox_size: int = 64,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self._look = look
        self._slots = asyncio.Semaphore(concurrency)
        self._mailbox_size = mailbox_size
        self._idle = idle
        self._mailboxes: dict[str, Mailbox] = {}
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        self._closed = False

    def post(self, event: Event) -> None:
        """Takes an event for its project; never waits and never loses it, until draining has begun."""
        if not self._closed:
            self._open(event).put(event)

    async def ask(self, event: Event) -> LookOutcome:
        """Posts an event and waits for the outcome of the look that begins after it.

        Raises:
            RetryableError: The project was dropped, or the daemon stops.
            Speckle2pgError: What the look itself raised.
        """
        if self._closed:
            raise RetryableError(f"project {event.project_id}: {STOPPING}")
        return await self._open(event).ask(event)

    def _open(self, event: Event) -> Mailbox:
        """The mailbox of an event's project, with a worker at it."""
        metrics.EVENTS.labels(event.cause, "model" if event.model_id else "project").inc()
        mailbox = self._mailboxes.setdefault(event.project_id, Mailbox(self._mailbox_size))
        if event.project_id not in self._workers:
            self._start(event.project_id, mailbox)
        return mailbox

    def _start(self, project_id: str, mailbox: Mailbox) -> None:
        worker = Worker(project_id, mailbox, self._look, self._slots, idle=self._idle)
        task = asyncio.create_task(worker.run(), name=f"worker {project_id}")
        self._workers[project_id] = (worker, task)
        task.add_done_callback(lambda done: self._ended(project_id, done))

    def _ended(self, project_id: str, task: asyncio.Task[None]) -> None:
        del self._workers[project_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("worker ended unexpectedly", project=project_id, exc_info=error)
        # An event can have come between the worker's last look at its mailbox and its end, or after a drop.
        mailbox = self._mailboxes.pop(project_id, None)
        if mailbox is not None and len(mailbox) and not self._closed:
            self._mailboxes[project_id] = mailbox
            self._start(project_id, mailbox)

    def drop(self, project_id: str) -> None:
        """Stops following a project: what waits is forgotten, what runs is cancelled and rolls back."""
        if (mailbox := self._mailboxes.pop(project_id, None)) is not None:
            mailbox.refuse(RetryableError(f"project {project_id} is no longer followed"))
        if (entry := self._workers.get(project_id)) is not None:
            _cancel(entry[1])

    def depth(self) -> int:
        """Slots taken over all mailboxes."""
        return sum(len(mailbox) for mailbox in self._mailboxes.values())

    def alive(self) -> int:
        """Workers that are alive."""
        return len(self._workers)

    def settled(self) -> bool:
        """Whether nothing waits and nothing runs (retries that are not due yet aside)."""
        return self.depth() == 0 and not any(worker.busy for worker, _ in self._workers.values())

    async def drain(self, deadline: float) -> list[str]:
        """Takes no more events, lets what runs finish, and cancels what does not in time.

        Args:
            deadline: Loop time until which running looks may finish.

        Returns:
            Projects whose look had to be cancelled; their transactions rolled back.
        """
        self._closed = True
        for project_id, mailbox in self._mailboxes.items():
            mailbox.refuse(RetryableError(f"project {project_id}: {STOPPING}"))
        projects = {task: project_id for project_id, (_, task) in self._workers.items()}
        for worker, task in self._workers.values():
            if worker.busy:
                worker.finish()
            else:
                _cancel(task)
        if not projects:
            return []
        left = max(deadline - asyncio.get_running_loop().time(), 0.0)
        _, late = await asyncio.wait(projects, timeout=left)
        for task in late:
            _cancel(task)
        await asyncio.wait(projects)
        return sorted(projects[task] for task in late)


def _cancel(task: asyncio.Task[None]) -> None:
    """Cancels once: a second cancellation would interrupt the rollback that the first one began."""
    if not task.cancelling():
        task.cancel()

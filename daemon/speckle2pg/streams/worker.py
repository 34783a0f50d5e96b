"""One worker per project: serial, patient, gone when idle."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import structlog

from speckle2pg import metrics
from speckle2pg.aio.backoff import Backoff
from speckle2pg.errors import RetryableError, Speckle2pgError, StalePlanError, TokenRefusedError
from speckle2pg.streams.mailbox import reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from speckle2pg.events import Event, Key
    from speckle2pg.streams.mailbox import Answer, Mailbox

log = structlog.get_logger()

IDLE_SECONDS = 30.0
FIRST_RETRY = 1.0
LAST_RETRY = 60.0
REFUSED_RETRY = 30.0
"""A refused token is tried again slowly: each try costs the server a bcrypt."""


class LookOutcome(Protocol):
    """What a worker needs to know of a look."""

    @property
    def retry(self) -> Mapping[Key, RetryableError]:
        """What has to be looked at again, and why."""


class Worker:
    """Takes events from a mailbox, one at a time, and looks again later at what failed in passing.

    Args:
        project_id: Its project.
        mailbox: Where the events are.
        look: Looks where an event points.
        slots: Shared by all workers: how many may look at once. First come, first served.
        idle: Seconds without work after which it ends.
    """

    def __init__(
        self,
        project_id: str,
        mailbox: Mailbox,
        look: Callable[[Event], Awaitable[LookOutcome]],
        slots: asyncio.Semaphore,
        *,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self.project_id = project_id
        self._mailbox = mailbox
        self._look = look
        self._slots = slots
        self._idle = idle
        self._due: dict[Key, tuple[float, Event]] = {}
        self._backoffs: dict[Key, Backoff] = {}
        self._last = False
        self.busy = False

    def finish(self) -> None:
        """Makes the look that runs the last one."""
        self._last = True

    async def run(self) -> None:
        """Works until there is nothing to do and nothing to try again."""
        while not self._last and await self._next():
            # A slot is given back after each look: a busy project queues up behind the others.
            async with self._slots:
                event, asked = self._mailbox.take()
                self.busy = True
                try:
                    await self._handle(event, asked)
                finally:
                    self.busy = False

    async def _next(self) -> bool:
        """Waits for an event or for a retry to be due; False when idle for long enough."""
        while True:
            pause = self._post_due()
            if len(self._mailbox):
                return True
            try:
                async with asyncio.timeout(self._idle if pause is None else pause):
                    await self._mailbox.wait()
            except TimeoutError:
                if pause is None and not len(self._mailbox):
                    return False

    def _post_due(self) -> float | None:
        """Posts the retries that are due, and gives the seconds until the next one, if there is one.

        Before each look, so that a project which is never idle does not put them off for ever.
        """
        now = asyncio.get_running_loop().time()
        for key in [key for key, (due, _) in self._due.items() if due <= now]:
            self._mailbox.put(self._due.pop(key)[1])
        earliest = min((due for due, _ in self._due.values()), default=None)
        return None if earliest is None else earliest - now

    async def _handle(self, event: Event, asked: list[Answer]) -> None:
        failed: Mapping[Key, RetryableError]
        try:
            outcome = await self._look(event)
        except asyncio.CancelledError:
            stopped = RetryableError(f"project {self.project_id}: the sync was stopped; nothing was written")
            reply(asked, stopped)
            if _is_cancelled():
                raise
            # Nobody stopped this worker: a cancellation that leaked out of the look must not end it.
            log.exception("look was cancelled from within", project=self.project_id, model=event.model_id)
            failed = {event.key: stopped}
        except Exception as error:  # noqa: BLE001  (the daemon goes on, the fault is logged, and it is tried again)
            failed = {event.key: self._as_retryable(event, error)}
            reply(asked, error)
        else:
            failed = outcome.retry
            reply(asked, outcome)
        self._settle(event, failed)
        for key, reason in failed.items():
            self._retry_later(key, event, reason)

    def _as_retryable(self, event: Event, error: Exception) -> RetryableError:
        if isinstance(error, RetryableError):
            return error
        if isinstance(error, Speckle2pgError):
            log.error("look failed", project=self.project_id, model=event.model_id, error=str(error))
            return RetryableError(str(error))
        log.error("look failed unexpectedly", project=self.project_id, model=event.model_id, exc_info=error)
        return RetryableError("unexpected error; see the log")

    def _settle(self, event: Event, failed: Mapping[Key, RetryableError]) -> None:
        """What was just looked at waits for no retry any more, and what succeeded begins its delays anew."""
        for key in [key for key in self._due if event.model_id is None or key == event.key]:
            del self._due[key]
        for key in [key for key in self._backoffs if event.model_id is None or key == event.key]:
            if key not in failed:
                del self._backoffs[key]

    def _retry_later(self, key: Key, event: Event, error: RetryableError) -> None:
        now = asyncio.get_running_loop().time()
        delay = self._delay(key, error)
        log.warning("looking again later", project=key[0], model=key[1], seconds=round(delay, 2), reason=str(error))
        again = replace(event, model_id=key[1], cause="retry", at=datetime.now(UTC))
        self._due[key] = (now + delay, again)
        metrics.EVENTS.labels("retry", "model" if key[1] else "project").inc()

    def _delay(self, key: Key, error: RetryableError) -> float:
        first = key not in self._backoffs
        if first:
            self._backoffs[key] = Backoff(FIRST_RETRY, LAST_RETRY, asyncio.get_running_loop().time)
        at_least = REFUSED_RETRY if isinstance(error, TokenRefusedError) else error.retry_after
        delay = self._backoffs[key].failed(at_least)
        # A plan gone stale is made anew at once; when that goes on, two writers are at it and patience helps.
        return 0.0 if first and isinstance(error, StalePlanError) else delay


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

"""A project's mailbox: one slot per key, bounded, and nothing is ever lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from speckle2pg import metrics

if TYPE_CHECKING:
    from speckle2pg.events import Event, Key
    from speckle2pg.streams.worker import LookOutcome

Answer: TypeAlias = "asyncio.Future[LookOutcome]"
"""What somebody who asked for a look waits for."""


class Mailbox:
    """Slots by key, in order of arrival. A repeat finds its slot taken and is counted.

    When all slots are taken, what comes next leaves one mark: look at the whole project. That covers every slot, so
    memory is bounded and nothing is lost. Who waits for an answer is known here and not to the worker, because the
    mailbox outlives it.

    Args:
        size: Slots at most.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._slots: dict[Key, Event] = {}
        self._overflow: Event | None = None
        self._asked: dict[Key, list[Answer]] = {}
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._slots) + (self._overflow is not None)

    def put(self, event: Event) -> None:
        """Takes an event; the earliest one of a key keeps its time."""
        if event.key in self._slots:
            metrics.COALESCED.labels("slot_taken").inc()
        elif len(self._slots) < self._size:
            self._slots[event.key] = event
        else:
            metrics.COALESCED.labels("mailbox_full").inc()
            if self._overflow is None:
                self._overflow = replace(event, model_id=None)
        self._filled.set()

    def ask(self, event: Event) -> Answer:
        """Takes an event and gives the outcome of the look that begins after it."""
        answer: Answer = asyncio.get_running_loop().create_future()
        self._asked.setdefault(event.key, []).append(answer)
        self.put(event)
        return answer

    async def wait(self) -> None:
        """Returns when there is something to take."""
        await self._filled.wait()

    def take(self) -> tuple[Event, list[Answer]]:
        """Frees the oldest slot and gives its event with those who wait for it; an overflow frees all slots.

        The slot is freed before the worker reads the server, so what comes during a sync is a new slot. A look at
        the whole project answers everybody.
        """
        if self._overflow is not None:
            event, self._overflow = self._overflow, None
            self._slots.clear()
        else:
            event = self._slots.pop(next(iter(self._slots)))
        if not len(self):
            self._filled.clear()
        keys = list(self._asked) if event.model_id is None else [event.key]
        return event, [answer for key in keys for answer in self._asked.pop(key, [])]

    def refuse(self, error: Exception) -> None:
        """Forgets all events, and answers who waits with an error."""
        asked = [answer for answers in self._asked.values() for answer in answers]
        self._slots.clear()
        self._asked.clear()
        self._overflow = None
        self._filled.clear()
        reply(asked, error)


def reply(asked: list[Answer], answer: LookOutcome | Exception) -> None:
    """Answers those who still wait."""
    for future in asked:
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)

"""A stand-in for what workers do: looks that a test holds open, lets fail and counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from speckle2pg.events import Event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from speckle2pg.errors import RetryableError
    from speckle2pg.events import Cause, Key

AT = datetime(2026, 1, 1, tzinfo=UTC)


def event(project: str = "p", model: str | None = "m", cause: Cause = "subscription") -> Event:
    return Event(project, model, cause, AT)


@dataclass
class Result:
    """The outcome of a look."""

    retry: dict[Key, RetryableError] = field(default_factory=dict)


@dataclass
class Desk:
    """Looks: each is noted with its time, then does what the test says."""

    script: Callable[[Event, int], Awaitable[Result | None]] | None = None
    looks: list[Event] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    most: int = 0

    async def look(self, event: Event) -> Result:
        """A look; two at one project at once fail the test."""
        assert event.project_id not in self.running, "two looks at one project at once"
        self.running.add(event.project_id)
        self.most = max(self.most, len(self.running))
        self.looks.append(event)
        self.times.append(asyncio.get_running_loop().time())
        try:
            result = await self.script(event, len(self.looks)) if self.script else None
            return result or Result()
        finally:
            self.running.discard(event.project_id)

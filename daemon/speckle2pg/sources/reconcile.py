"""The poll behind every push: within each interval, every followed project is looked at."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from speckle2pg.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_TICK = 1.0
"""Seconds between two looks at what is due; an interval below 20 s has shorter ones."""


class ReconcileSource:
    """Posts a look at each project at least once per interval, spread over it so that the server sees no wave.

    Each project has a time of its own, drawn at random, so no two looks at it are more than an interval apart.

    Args:
        interval: Seconds.
        projects: Gives the followed projects.
        post: Takes the events.
    """

    def __init__(self, interval: float, projects: Callable[[], frozenset[str]], post: Callable[[Event], None]) -> None:
        self._interval = interval
        self._projects = projects
        self._post = post
        self._due: dict[str, float] = {}

    async def run(self) -> None:
        """Reconciles for ever."""
        tick = min(LONGEST_TICK, self._interval / 20)
        while True:
            await asyncio.sleep(tick)
            self._post_due(asyncio.get_running_loop().time())

    def _post_due(self, now: float) -> None:
        projects = self._projects()
        for project_id in self._due.keys() - projects:
            del self._due[project_id]
        for project_id in projects - self._due.keys():
            # It was looked at when its following began.
            self._due[project_id] = now + self._interval * random.uniform(0.0, 0.9)  # noqa: S311  (spreading load)
        for project_id in [project_id for project_id, due in self._due.items() if due <= now]:
            self._post(Event(project_id, None, "reconcile", datetime.now(UTC)))
            # A little less than the interval, for the tick; drawn, so that what fell together drifts apart.
            self._due[project_id] = now + self._interval * random.uniform(0.8, 0.9)  # noqa: S311  (spreading load)

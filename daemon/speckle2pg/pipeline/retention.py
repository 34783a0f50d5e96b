"""Deletes what is older than it shall be kept: former images, and the daemon's own records. A part at a time."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import structlog

from speckle2pg.errors import Speckle2pgError

if TYPE_CHECKING:
    from speckle2pg.settings import Settings
    from speckle2pg.store.database import Database

log = structlog.get_logger()

ROWS = 5000
"""Rows that one transaction deletes, so that nobody waits long for what it holds."""

DAY = 86_400.0
AGAIN = 600.0
"""Seconds until the next round, and until another try where the database was away."""


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days something is kept; 0 is for ever.

    Attributes:
        history: Former images of elements: the state shown that many days ago can still be told.
        events: Handled requests, notifications that are settled, the administrators' log, snapshots.
    """

    history: int
    events: int

    @classmethod
    def of(cls, settings: Settings) -> Keep:
        """What the settings say."""
        return cls(settings.history_keep_days, settings.events_keep_days)


@dataclass(frozen=True, slots=True)
class Old:
    """Rows that are too old, or that were deleted for it."""

    images: int = 0
    requests: int = 0
    notifications: int = 0
    log_entries: int = 0
    snapshots: int = 0

    def __bool__(self) -> bool:
        return any(asdict(self).values())


async def find_old(database: Database, keep: Keep) -> Old:
    """What `prune` would delete; changes nothing."""
    images = await database.one("old_history", days=keep.history) if keep.history else None
    events = await database.one("old_events", days=keep.events) if keep.events else None
    return Old(**(images or {}), **(events or {}))


async def prune(database: Database, keep: Keep) -> Old:
    """Deletes what is too old, and says how much that was.

    What can no longer be told is refused before it is deleted, so nobody gets half an answer.
    """
    images = 0
    if keep.history:
        await database.do("shorten_history", days=keep.history)
        images = await _drop(database, "drop_old_history")
    if not keep.events:
        return Old(images)
    return Old(
        images,
        await _drop(database, "drop_old_requests", days=keep.events),
        await _drop(database, "drop_old_notifications", days=keep.events),
        await _drop(database, "drop_old_log_entries", days=keep.events),
        await _drop(database, "drop_old_snapshots", days=keep.events),
    )


async def _drop(database: Database, query: str, **parameters: int) -> int:
    total = 0
    while True:
        count = await database.do(query, rows=ROWS, **parameters)
        total += count
        if count < ROWS:
            return total


class Retention:
    """Prunes at the start and once a day.

    Args:
        database: Where the rows are.
        keep: For how long what is kept.
    """

    def __init__(self, database: Database, keep: Keep) -> None:
        self._database = database
        self._keep = keep

    async def run(self) -> None:
        """Prunes for ever."""
        pause = await self._round()
        while True:
            await asyncio.sleep(pause)
            pause = await self._round()

    async def _round(self) -> float:
        """Prunes once, and gives the seconds until the next time."""
        try:
            old = await prune(self._database, self._keep)
        except Speckle2pgError as error:
            log.warning("what is old cannot be deleted; trying again", reason=str(error), seconds=AGAIN)
            return AGAIN
        if old:
            log.info("deleted what was older than it is kept", **asdict(old))
        return DAY

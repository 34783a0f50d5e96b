"""The registry as a source: the rows of `projects`, followed by LISTEN with a poll behind it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from speckle2pg.aio.backoff import Backoff
from speckle2pg.aio.guard import wait_set
from speckle2pg.errors import Speckle2pgError
from speckle2pg.store.listen import listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from speckle2pg.store.database import Database, Row

log = structlog.get_logger()

CHANNEL = "speckle2pg_registry"
POLL_LISTENING = 30.0
POLL_DEAF = 1.0
"""Seconds between polls with and without LISTEN: a new row is followed within a second either way."""


@dataclass(frozen=True, slots=True)
class RegistryChange:
    """What changed in the set of followed projects since the last look.

    Attributes:
        followed: All projects to follow now.
        look: Those that are new, or whose settings changed: they need a look.
        dropped: Those that are no longer followed.
    """

    followed: frozenset[str]
    look: frozenset[str]
    dropped: frozenset[str]


def compare(
    before: dict[str, tuple[object, ...]], rows: list[Row]
) -> tuple[dict[str, tuple[object, ...]], RegistryChange]:
    """The enabled rows' settings, and how they differ from those before."""
    # created_at tells a row that was deleted and inserted again between two looks.
    names = ("model_globs", "every_version", "separate_models", "created_at")
    now: dict[str, tuple[object, ...]] = {
        row["id"]: tuple(str(row.get(name)) for name in names) for row in rows if row["enabled"]
    }
    look = frozenset(key for key, value in now.items() if before.get(key) != value)
    return now, RegistryChange(frozenset(now), look, frozenset(before) - frozenset(now))


class RegistrySource:
    """Reads the registry at each notification and at each poll, and reports what changed.

    Args:
        database: Where the registry is.
        direct_url: A connection that carries LISTEN.
        report: Called with each change.
    """

    def __init__(self, database: Database, direct_url: str, report: Callable[[RegistryChange], None]) -> None:
        self._database = database
        self._direct_url = direct_url
        self._report = report
        self._known: dict[str, tuple[object, ...]] = {}
        self._woken = asyncio.Event()
        self._listening = False

    async def run(self) -> None:
        """Follows the registry for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name="registry listen")
            group.create_task(self._poll(), name="registry poll")

    async def _listen(self) -> None:
        backoff = Backoff(1.0, 30.0, asyncio.get_running_loop().time)
        while True:
            try:
                async for _ in listen(self._direct_url, CHANNEL):
                    if not self._listening:
                        backoff.started()
                    self._listening = True
                    self._woken.set()
            except Speckle2pgError as error:
                log.warning("registry is polled: LISTEN does not work", reason=str(error))
            self._listening = False
            self._woken.set()
            await asyncio.sleep(backoff.failed())

    async def _poll(self) -> None:
        readable = True
        while True:
            self._woken.clear()
            try:
                await self.refresh()
                readable = True
            except Speckle2pgError as error:
                if readable:
                    log.warning("registry cannot be read; what is followed stays", reason=str(error))
                readable = False
            # What a notification was about may not have been read: then the poll is as if there were no LISTEN.
            await wait_set(self._woken, POLL_LISTENING if self._listening and readable else POLL_DEAF)

    async def refresh(self) -> None:
        """Reads the registry now and reports what changed."""
        rows = await self._database.all("list_projects")
        self._known, change = compare(self._known, rows)
        if change.look or change.dropped:
            log.info(
                "registry changed",
                following=len(change.followed),
                look=len(change.look),
                dropped=len(change.dropped),
            )
            self._report(change)

"""The registry as a source: the rows of `projects`, followed by LISTEN with a poll behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from speckle2pg.store.follow import Follower

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
    names = ("model_globs", "every_version", "separate_models", "attribute_map", "created_at")
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

    async def run(self) -> None:
        """Follows the registry for ever; while it cannot be read, what is followed stays."""
        follower = Follower(self._direct_url, CHANNEL, self.refresh, listening=POLL_LISTENING, deaf=POLL_DEAF)
        await follower.run()

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

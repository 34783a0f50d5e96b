"""Requests to look are worked on once each, whoever left them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from speckle2pg.pipeline.project import Outcome
from speckle2pg.sources import admin
from speckle2pg.sources.admin import AdminSource
from support.oracle import rows
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from speckle2pg.events import Event
    from speckle2pg.store.database import Database

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@dataclass
class Looks:
    """What was asked for, and whether looks may end."""

    events: list[tuple[str, str | None]] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, event: Event) -> Outcome:
        """Looks where an event points."""
        self.events.append((event.project_id, event.model_id))
        await self.open.wait()
        return Outcome(state="ok")


@asynccontextmanager
async def working(database: Database, direct_url: str) -> AsyncIterator[tuple[AdminSource, Looks]]:
    looks = Looks()
    looks.open.set()
    source = AdminSource(database, direct_url, looks.ask)
    task = asyncio.create_task(source.run(), name="requests under test")
    try:
        yield source, looks
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def leave(database: Database, project: str, *, ring: bool = True) -> None:
    """What another process does."""
    async with database.transaction() as tx:
        await tx.one("accept_request", project_id=project, model_id="m", cause="admin", requested_by="somebody")
        if ring:
            await tx.one("ring_requests", project_id=project)


def is_settled(owner_url: str, count: int) -> bool:
    return len(rows(owner_url, "SELECT id FROM sync_requests WHERE handled_at IS NOT NULL")) == count


def listens(owner_url: str) -> bool:
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'speckle2pg listen' AND state = 'idle'"
    return bool(rows(owner_url, f"{query} AND datname = current_database()"))


async def test_request_of_another_process_is_taken_up_at_its_notification(
    database: Database, database_url: str, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the poll switched off: the notification alone carries it."""
    monkeypatch.setattr(admin, "POLL_LISTENING", 3600.0)
    async with working(database, database_url) as (_, looks):
        await until(lambda: listens(owner_url))
        for number in range(1, 4):
            await leave(database, f"p{number}")
            await until(lambda count=number: is_settled(owner_url, count))
    assert looks.events == [("p1", "m"), ("p2", "m"), ("p3", "m")]
    results = rows(owner_url, "SELECT result FROM sync_requests")
    assert all(row["result"]["state"] == "ok" for row in results)


@pytest.mark.parametrize("ring", [True, False])
async def test_without_listen_the_poll_finds_it(database: Database, owner_url: str, ring: bool) -> None:  # noqa: FBT001
    async with working(database, NOWHERE) as (_, looks):
        await leave(database, "p1", ring=ring)
        await until(lambda: is_settled(owner_url, 1))
    assert looks.events == [("p1", "m")]


async def test_request_is_looked_at_once_however_often_the_list_is_read(
    database: Database, database_url: str, owner_url: str
) -> None:
    async with working(database, database_url) as (source, looks):
        looks.open.clear()
        for _ in range(3):
            await source.accept("own", None, "admin token")
        await leave(database, "left")
        await until(lambda: len(looks.events) == 4)
        # Each rings: the list is read while four are being worked on, and again while they are settled.
        for number in range(20):
            await database.one("ring_requests", project_id="left")
            if number == 10:
                looks.open.set()
        await until(lambda: is_settled(owner_url, 4))
        await until(lambda: len(source._settled) == 4 or not source._settled)
        await database.one("ring_requests", project_id="left")
        await until(lambda: not source._settled and not source._taken_up)
    assert sorted(looks.events, key=str) == [("left", "m"), ("own", None), ("own", None), ("own", None)]


async def test_what_was_left_open_is_worked_on_at_the_next_start(
    database: Database, database_url: str, owner_url: str
) -> None:
    await leave(database, "p1")
    async with working(database, database_url) as (_, looks):
        await until(lambda: is_settled(owner_url, 1))
    assert looks.events == [("p1", "m")]

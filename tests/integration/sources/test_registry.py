"""The registry is followed within about a second, with LISTEN and without it, and through a database's absence."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psycopg
import structlog

from speckle2pg.sources import registry
from speckle2pg.sources.registry import RegistryChange, RegistrySource
from speckle2pg.store.database import Database
from support.oracle import rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

    from support.databases import Cluster

NONE: frozenset[str] = frozenset()
PROMISE = 1.0
MARGIN = 1.0
"""Seconds that a loaded machine may add."""


class Registry:
    """A running source and what it reported."""

    def __init__(self, owner_url: str) -> None:
        self._owner_url = owner_url
        self.changes: list[RegistryChange] = []
        self._changed = asyncio.Event()

    def report(self, change: RegistryChange) -> None:
        """Takes a change."""
        self.changes.append(change)
        self._changed.set()

    async def sql(self, query: str, *parameters: object) -> list[dict[str, object]]:
        """What an administrator types."""
        return await asyncio.to_thread(rows, self._owner_url, query, *parameters)

    async def change(self, query: str, *parameters: object) -> RegistryChange:
        """The change that a statement leads to, within the promise."""
        self._changed.clear()
        self.changes.clear()
        await self.sql(f"{query} RETURNING id", *parameters)
        async with asyncio.timeout(PROMISE + MARGIN):
            await self._changed.wait()
        (change,) = self.changes
        return change

    async def listeners(self) -> list[int]:
        """Processes of connections that listen."""
        found = await self.sql(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'speckle2pg listen' AND state = 'idle'"
            " AND datname = current_database()"
        )
        return [int(str(row["pid"])) for row in found]

    async def until(self, condition: Callable[[list[int]], bool]) -> list[int]:
        """Waits for connections to come or go."""
        async with asyncio.timeout(10):
            while not condition(found := await self.listeners()):
                pass
        return found


@asynccontextmanager
async def following(owner_url: str, database: Database, direct_url: str) -> AsyncIterator[Registry]:
    followed = Registry(owner_url)
    task = asyncio.create_task(RegistrySource(database, direct_url, followed.report).run(), name="registry under test")
    try:
        yield followed
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


async def test_rows_are_followed_by_plain_sql(
    owner_url: str, database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the poll switched off: LISTEN alone carries every change."""
    monkeypatch.setattr(registry, "POLL_LISTENING", 3600.0)
    async with following(owner_url, database, database_url) as followed:
        await followed.until(lambda found: len(found) == 1)
        one = frozenset({"p1"})
        assert await followed.change("INSERT INTO projects (id) VALUES ('p1')") == RegistryChange(one, one, NONE)
        change = await followed.change("INSERT INTO projects (id) VALUES ('p2'), ('p3')")
        assert (change.followed, change.look) == (frozenset({"p1", "p2", "p3"}), frozenset({"p2", "p3"}))
        change = await followed.change("UPDATE projects SET enabled = false WHERE id = 'p2'")
        assert (change.followed, change.look, change.dropped) == (frozenset({"p1", "p3"}), NONE, frozenset({"p2"}))
        change = await followed.change("UPDATE projects SET enabled = true WHERE id = 'p2'")
        assert (change.look, change.dropped) == (frozenset({"p2"}), NONE)
        change = await followed.change("UPDATE projects SET model_globs = '{bridge*}' WHERE id = 'p1'")
        assert (change.look, change.dropped) == (frozenset({"p1"}), NONE)
        change = await followed.change("UPDATE projects SET every_version = true WHERE id = 'p1'")
        assert change.look == frozenset({"p1"})
        change = await followed.change("DELETE FROM projects WHERE id = 'p3'")
        assert (change.followed, change.dropped) == (frozenset({"p1", "p2"}), frozenset({"p3"}))


async def test_what_the_daemon_itself_records_is_no_change(
    owner_url: str, database_url: str, database: Database
) -> None:
    async with following(owner_url, database, database_url) as followed:
        await followed.until(lambda found: len(found) == 1)
        await followed.change("INSERT INTO projects (id) VALUES ('p1')")
        followed.changes.clear()
        await followed.sql("UPDATE projects SET state = 'ok', name = 'Bridge', last_reconciled_at = now() RETURNING id")
        await followed.change("INSERT INTO projects (id) VALUES ('p2')")
        assert [change.look for change in followed.changes] == [frozenset({"p2"})]


async def test_with_a_broken_listen_the_poll_finds_rows_and_listen_comes_back(
    owner_url: str, database_url: str, database: Database
) -> None:
    async with following(owner_url, database, database_url) as followed:
        (process,) = await followed.until(lambda found: len(found) == 1)
        await followed.sql("SELECT pg_terminate_backend(%s)", process)
        assert (await followed.change("INSERT INTO projects (id) VALUES ('p1')")).look == frozenset({"p1"})
        (again,) = await followed.until(lambda found: len(found) == 1 and found != [process])
        assert again != process
        assert (await followed.change("INSERT INTO projects (id) VALUES ('p2')")).look == frozenset({"p2"})


async def test_without_any_listen_rows_are_found_within_about_a_second(owner_url: str, database: Database) -> None:
    async with following(owner_url, database, "postgresql://nobody@127.0.0.1:1/nothing") as followed:
        for project in ("p1", "p2"):
            assert (await followed.change("INSERT INTO projects (id) VALUES (%s)", project)).look == {project}


async def test_a_row_written_while_the_database_turns_everybody_away_is_found_when_it_is_back(
    cluster: Cluster, owner_url: str, database_url: str
) -> None:
    """The database refuses the daemon for a moment: nothing is dropped, and what changed meanwhile is found."""
    async with Database(database_url) as database, following(owner_url, database, database_url) as followed:
        await followed.until(lambda found: len(found) == 1)
        await followed.change("INSERT INTO projects (id) VALUES ('p1')")
        with (
            psycopg.connect(owner_url, autocommit=True) as inside,
            psycopg.connect(cluster.admin_url, autocommit=True) as admin,
        ):
            name = inside.info.dbname
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
            try:
                query = (
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                inside.execute(query)
                inside.execute("UPDATE projects SET model_globs = '{x}' WHERE id = 'p1'")
                inside.execute("INSERT INTO projects (id) VALUES ('p2')")
                followed.changes.clear()
                await asyncio.sleep(0.2)
                assert followed.changes == []
            finally:
                admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
        async with asyncio.timeout(30):
            while not followed.changes:
                followed._changed.clear()
                await followed._changed.wait()
        (change,) = followed.changes
        assert (change.followed, change.look, change.dropped) == (
            frozenset({"p1", "p2"}),
            frozenset({"p1", "p2"}),
            NONE,
        )


async def test_a_notification_that_could_not_be_followed_up_is_not_forgotten(
    owner_url: str, database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notification came, the registry could not be read, and no other notification follows."""
    monkeypatch.setattr(registry, "POLL_LISTENING", 3600.0)
    async with following(owner_url, database, database_url) as followed:
        await followed.until(lambda found: len(found) == 1)
        await followed.change("INSERT INTO projects (id) VALUES ('p1')")
        followed.changes.clear()
        with structlog.testing.capture_logs() as logged:
            with psycopg.connect(owner_url, autocommit=True) as owner:
                owner.execute("ALTER TABLE projects RENAME TO away")
                owner.execute("INSERT INTO away (id) VALUES ('p2')")
            async with asyncio.timeout(5):
                while not [entry for entry in logged if "cannot be read" in entry["event"]]:  # noqa: ASYNC110  (turns)
                    await asyncio.sleep(0)
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute("ALTER TABLE away RENAME TO projects")
        async with asyncio.timeout(PROMISE + MARGIN):
            while not followed.changes:
                followed._changed.clear()
                await followed._changed.wait()
        assert followed.changes[0].look == frozenset({"p2"})

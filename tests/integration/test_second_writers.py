"""What another writer, an administrator or a revoked token does between two looks is not overlooked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from speckle2pg.sources.registry import RegistryChange, RegistrySource
from speckle2pg.sources.subscription import SubscriptionSource
from speckle2pg.speckle.http import SpeckleHTTP
from speckle2pg.speckle.queries import SpeckleQueries
from support.oracle import rows

if TYPE_CHECKING:
    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database


async def test_a_project_deleted_and_added_again_between_two_looks_is_looked_at(
    owner_url: str, database_url: str, database: Database
) -> None:
    changes: list[RegistryChange] = []
    source = RegistrySource(database, database_url, changes.append)
    rows(owner_url, "INSERT INTO projects (id) VALUES ('abc') RETURNING id")
    await source.refresh()
    rows(owner_url, "DELETE FROM projects RETURNING id")
    rows(owner_url, "INSERT INTO projects (id) VALUES ('abc') RETURNING id")
    await source.refresh()
    assert [change.look for change in changes] == [{"abc"}, {"abc"}]


async def test_a_version_that_another_writer_applied_is_not_left_waiting(owner_url: str, database: Database) -> None:
    rows(owner_url, "INSERT INTO models (project_id, id, name, version_id) VALUES ('p', 'm', 'm', 'v1') RETURNING id")
    for version in ("v1", "v2"):
        rows(
            owner_url,
            "INSERT INTO versions (project_id, id, model_id, created_at, state)"
            " VALUES ('p', %s, 'm', now(), 'syncing') RETURNING id",
            version,
        )
        await database.do("record_attempt", project_id="p", version_id=version, state="pending", error="stale")
    states = rows(owner_url, "SELECT id, state, error FROM versions ORDER BY id")
    assert states == [
        {"id": "v1", "state": "synced", "error": None},
        {"id": "v2", "state": "pending", "error": "stale"},
    ]


async def test_a_token_refused_while_subscribing_is_told(sandbox: SandboxServer) -> None:
    user = sandbox.world.add_user("Anna")
    token = sandbox.world.add_token(user)
    sandbox.world.revoke_token(token)
    told = asyncio.Event()
    async with SpeckleHTTP(sandbox.url, lambda: token) as http:
        source = SubscriptionSource(
            sandbox.url,
            lambda: token,
            SpeckleQueries(http),
            lambda _event: None,
            per_socket=1,
            refused=lambda _error: told.set(),
        )
        task = asyncio.create_task(source.run(), name="source under test")
        source.follow(frozenset({"abc"}))
        async with asyncio.timeout(20):
            await told.wait()
        task.cancel()
        await asyncio.wait([task])

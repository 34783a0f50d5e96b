"""A version is in the tables whole or not at all, whatever strikes and whoever else loads."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from integration.pipeline.bench import Bench, Thing, collection, element, open_bench
from speckle2pg.errors import DatabaseUnavailableError, RetryableError, StalePlanError
from speckle2pg.pipeline import staging
from speckle2pg.pipeline.staging import Staging
from speckle2pg.pipeline.task import Task

if TYPE_CHECKING:
    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database, Transaction

CHECKPOINTS = ("staged", "merged", "before commit")


def tagged(tag: int, count: int = 30) -> Thing:
    """A version in which every element says which version it is of, and that has elements of its own."""
    shared = [element(f"shared {number}", tag=tag) for number in range(count)]
    own = [element(f"own {tag} {number}", tag=tag) for number in range(tag % 7)]
    return collection(f"Root {tag}", *shared, *own)


class _Struck(Exception):  # noqa: N818  (stands for any fault)
    """A fault of the test's own."""


async def test_reader_never_sees_two_versions_mixed(bench: Bench) -> None:
    stop = asyncio.Event()
    seen: set[int] = set()

    async def read() -> None:
        query = (
            b"SELECT array_agg(DISTINCT (properties->>'tag')::int) AS tags, count(*) AS n, "
            b"(SELECT element_count FROM models WHERE name = 'structure') AS counted "
            b"FROM model_elements WHERE removed_at IS NULL"
        )
        async with await psycopg.AsyncConnection.connect(bench.owner_url, autocommit=True) as connection:
            while not stop.is_set():
                row = await (await connection.execute(query)).fetchone()
                assert row is not None
                tags, count, counted = row
                assert len(tags or []) <= 1, f"versions {tags} at once"
                assert count == (counted or 0)
                seen.update(tags or [])

    reader = asyncio.create_task(read())
    for tag in range(30):
        await bench.show(tagged(tag))
    stop.set()
    await reader
    assert len(seen) > 5
    bench.check()


@pytest.mark.parametrize("fault", [_Struck, DatabaseUnavailableError, asyncio.CancelledError])
@pytest.mark.parametrize("point", CHECKPOINTS)
async def test_fault_at_any_point_before_the_commit_leaves_the_former_version_whole(
    sandbox: SandboxServer, database: Database, owner_url: str, point: str, fault: type[BaseException]
) -> None:
    armed = False

    def strike(name: str) -> None:
        if armed and name == point:
            raise fault(f"struck at {name}")

    async with open_bench(sandbox, database, owner_url, checkpoint=strike) as bench:
        good = await bench.show(tagged(1))
        before = bench.elements(), bench.rows("SELECT * FROM model_objects ORDER BY 1, 2, 3, 4, 7")
        bad = await bench.publish(tagged(2))
        armed = True
        if fault is DatabaseUnavailableError:
            assert (await bench.look()).retry
        else:
            with pytest.raises(fault):
                await bench.look()
        assert (bench.elements(), bench.rows("SELECT * FROM model_objects ORDER BY 1, 2, 3, 4, 7")) == before
        assert bench.cursor()["version_id"] == good.id
        assert bench.rows("SELECT * FROM element_history") == []
        if fault is not asyncio.CancelledError:
            assert (bench.version(bad)["state"], bench.version(bad)["error"]) == ("pending", f"struck at {point}")
        bench.check()
        armed = False
        await bench.look()
        assert bench.cursor()["version_id"] == bad.id
        assert {row["properties"]["tag"] for row in bench.present_rows()} == {2}
        bench.check()


async def test_fault_after_the_commit_changes_nothing(
    sandbox: SandboxServer, database: Database, owner_url: str
) -> None:
    def strike(name: str) -> None:
        if name == "after commit":
            raise DatabaseUnavailableError("the answer to COMMIT was lost")

    async with open_bench(sandbox, database, owner_url, checkpoint=strike) as bench:
        version = await bench.publish(tagged(1))
        await bench.look()
        assert bench.version(version)["state"] == "synced"
        assert not (await bench.look()).retry
        bench.check()


async def test_project_that_goes_during_a_download_leaves_no_version_syncing(bench: Bench) -> None:
    version = await bench.publish(tagged(1))
    listed = bench.queries.project

    async def list_then_forbid(project_id: str) -> Any:
        listing = await listed(project_id)
        bench.sandbox.world.set_role(project_id, bench.user.id, None)
        return listing

    bench.queries.project = list_then_forbid  # type: ignore[method-assign]
    outcome = await bench.look()
    assert outcome.state == "unreadable"
    row = bench.version(version)
    assert row["state"] == "pending"
    assert row["error"]


async def test_two_loaders_of_one_version_apply_it_once(
    bench: Bench, sandbox: SandboxServer, database: Database
) -> None:
    async with open_bench(sandbox, database, bench.owner_url, like=bench) as other:
        for tag in range(8):
            await bench.publish(tagged(tag))
            outcomes = await asyncio.gather(bench.look(), other.look())
            stale = [error for outcome in outcomes for error in outcome.retry.values()]
            assert all(isinstance(error, StalePlanError) for error in stale)
            assert sum(len(outcome.applied) for outcome in outcomes) == 1
            assert bench.cursor()["seq"] == tag + 1
        bench.check()


async def test_loaders_that_race_through_many_versions_end_at_the_newest(
    bench: Bench, sandbox: SandboxServer, database: Database
) -> None:
    async with open_bench(sandbox, database, bench.owner_url, like=bench) as other:

        async def keep_looking(one: Bench) -> None:
            while not done.is_set() or (await one.look()).retry:
                await one.look(one.model_id)

        done = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_looking(bench))
            group.create_task(keep_looking(other))
            for tag in range(25):
                newest = await bench.publish(tagged(tag))
                await asyncio.sleep(0.01)
            done.set()
        assert bench.cursor()["version_id"] == newest.id
        assert {row["properties"]["tag"] for row in bench.present_rows()} == {24}
        applied = bench.rows(
            "SELECT v.created_at FROM model_syncs JOIN versions AS v ON v.id = version_id ORDER BY model_syncs.seq"
        )
        assert [row["created_at"] for row in applied] == sorted(row["created_at"] for row in applied)
        assert not bench.rows("SELECT id FROM versions WHERE state IN ('pending', 'syncing', 'deleted', 'failed')")
        bench.check()


async def test_older_answer_of_the_server_never_overwrites_what_came_later(
    bench: Bench, sandbox: SandboxServer, database: Database
) -> None:
    """One process lists, another publishes, lists and applies: the first one's list is stale, and says so."""
    await bench.show(tagged(1))
    listed = bench.queries.model

    async def list_then_be_overtaken(project_id: str, model_id: str) -> Any:
        answer = await listed(project_id, model_id)
        async with open_bench(sandbox, database, bench.owner_url, like=bench) as other:
            await other.show(tagged(3))
        return answer

    await bench.publish(tagged(2))
    bench.queries.model = list_then_be_overtaken  # type: ignore[method-assign]
    outcome = await bench.look(bench.model_id)
    assert [type(error) for error in outcome.retry.values()] == [StalePlanError]
    assert {row["properties"]["tag"] for row in bench.present_rows()} == {3}
    states = bench.rows("SELECT state FROM versions ORDER BY created_at, id")
    assert [row["state"] for row in states] == ["synced", "superseded", "synced"]
    bench.check()


@pytest.mark.parametrize(("first", "second"), [(1, 2), (7, 14)], ids=["elements are added", "elements only change"])
async def test_staging_that_is_emptied_under_a_load_is_never_committed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, first: int, second: int
) -> None:
    """A crash of the database empties unlogged tables; nothing but the counts can tell."""
    good = await bench.show(tagged(first))
    monkeypatch.setattr(staging, "CHUNK_ROWS", 10)
    complete = Staging.complete

    async def emptied(self: Staging, tx: Transaction, occurrences: Any) -> tuple[int, int]:
        bench.rows("DELETE FROM staged_facts RETURNING load_id")
        return await complete(self, tx, occurrences)

    bad = await bench.publish(tagged(second))
    with monkeypatch.context() as patched:
        patched.setattr(Staging, "complete", emptied)
        outcome = await bench.look()
        assert [type(error) for error in outcome.retry.values()] == [RetryableError]
    assert bench.cursor()["version_id"] == good.id
    assert {row["properties"]["tag"] for row in bench.present_rows()} == {first}
    bench.check()
    await bench.look()
    assert bench.cursor()["version_id"] == bad.id
    bench.check()


async def test_chunks_give_the_same_rows_as_one_transaction(
    bench: Bench, sandbox: SandboxServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tag in (1, 2, 3):
        await bench.show(tagged(tag))
    at_once = bench.present()
    await bench.show(collection("Root 3"))
    monkeypatch.setattr(staging, "CHUNK_ROWS", 7)
    loads = bench.rows("SELECT last_value AS n FROM load_ids")[0]["n"]
    await bench.show(tagged(3))
    assert bench.present() == at_once
    assert bench.rows("SELECT last_value AS n FROM load_ids")[0]["n"] == loads + 1
    bench.check()


async def test_dry_run_counts_and_writes_nothing(bench: Bench) -> None:
    await bench.show(tagged(1))
    before = bench.elements(), bench.rows("SELECT * FROM versions"), bench.cursor()
    await bench.publish(tagged(2))
    model = await bench.queries.model(bench.project_id, bench.model_id)
    assert model is not None
    counts = (await bench.models.preview(Task(bench.project_id, model, "admin", datetime.now(UTC)))).counts
    assert (counts.added, counts.modified, counts.removed) == (2, 30, 1)
    assert (bench.elements(), bench.rows("SELECT * FROM versions"), bench.cursor()) == before
    assert bench.staged() == 0


async def test_sweep_removes_orphans_and_nothing_that_is_under_way(bench: Bench) -> None:
    bench.rows(
        "INSERT INTO loads (id, project_id, model_id, version_id, started_at) VALUES "
        "(901, 'p', 'm', 'v', now() - interval '25 hours'), (902, 'p', 'm', 'v', now()) RETURNING id"
    )
    for load in (901, 902, 903):
        bench.rows(
            "INSERT INTO staged_facts (load_id, object_id, properties) VALUES (%s, 'o', '{}') RETURNING load_id", load
        )
    assert await staging.sweep(bench.database) == 2
    assert [row["load_id"] for row in bench.rows("SELECT load_id FROM staged_facts")] == [902]
    assert [row["id"] for row in bench.rows("SELECT id FROM loads")] == [902]
    assert await staging.sweep(bench.database) == 0

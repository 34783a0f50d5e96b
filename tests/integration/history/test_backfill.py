"""After a replay the tables are as if each version had been loaded in its turn."""

from __future__ import annotations

import itertools
import random
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from integration.pipeline.bench import Bench, collection, element, open_bench
from speckle2pg.errors import ConfigurationError, DatabaseUnavailableError, RequestError, StalePlanError
from speckle2pg.pipeline import fetch
from speckle2pg.pipeline.backfill import Backfill
from speckle2pg.pipeline.gate import OFF, Limits
from speckle2pg.pipeline.side import SideDatabase
from speckle2pg.pipeline.swap import Backfilled
from speckle2pg.pipeline.task import Task
from speckle2pg.speckle.objects import ObjectReader
from support.logins import new_login, run
from support.oracle import rows
from support.sequences import Building

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.sandbox.entities import Version
    from speckle2pg.store.database import Database

_NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
ids = [str(uuid.UUID(int=number)) for number in range(100, 104)]


@pytest.fixture
async def bench(
    sandbox: SandboxServer, database: Database, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    """A followed project, with no pause before missing objects are asked for again."""
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)
    async with open_bench(sandbox, database, owner_url) as opened:
        yield opened


@asynccontextmanager
async def another(bench: Bench) -> AsyncIterator[Bench]:
    """Another project on the same server, in the same database."""
    async with open_bench(bench.sandbox, bench.database, bench.owner_url) as opened:
        yield opened


async def backfill(
    bench: Bench,
    since: datetime | None = None,
    checkpoint: Callable[[str], Awaitable[None]] | None = None,
    progress: Callable[[int, int, int], None] | None = None,
    url: str | None = None,
    limits: Limits = OFF,
) -> Backfilled:
    """Replays what was passed over in the bench's model."""
    model = await bench.queries.model(bench.project_id, bench.model_id)
    assert model is not None
    async with SideDatabase(url or bench.database.url, schema="public") as side:
        work = Backfill(side, ObjectReader(bench.http), bench.queries, progress, checkpoint, limits)
        return await work.run(Task(bench.project_id, model, "admin", datetime.now(UTC)), since=since)


async def publish(bench: Bench, tree: dict[str, Any], number: int) -> Version:
    """Publishes version `number`, an hour after the one before; its message is its number."""
    return await bench.publish(tree, created_at=_NOON + timedelta(hours=number), message=str(number))


async def load(bench: Bench, trees: Sequence[dict[str, Any]], loaded: Sequence[int]) -> list[Version]:
    """Publishes versions and syncs only when some of them are the newest."""
    published = []
    for number, tree in enumerate(trees):
        published.append(await publish(bench, tree, number))
        if number in loaded:
            assert not (await bench.look()).retry
    return published


async def load_each(bench: Bench, trees: Sequence[dict[str, Any]], numbers: Sequence[int] | None = None) -> None:
    """Publishes versions and syncs each before the next."""
    for number, tree in zip(numbers or range(len(trees)), trees, strict=True):
        await publish(bench, tree, number)
        assert not (await bench.look()).retry


_NOT_COMPARED = {
    "model_elements": {"change_pos"},
    "element_history": {"change_pos"},
    "model_syncs": {"change_pos", "synced_at"},
    "versions": {
        *("root_object_id", "announced_at", "announced_by", "attempts", "started_at", "synced_at", "decided_at"),
        *("objects_fetched", "bytes_fetched", "requests", "stage_seconds", "replaced", "author"),
    },
    "models": {"synced_at"},
    "parts": {"last_seen_at"},
}


def tables(bench: Bench, *, but: Sequence[str] = ()) -> dict[str, list[dict[str, Any]]]:
    """All rows of the bench's model, with versions named by their messages."""
    numbers = {row["id"]: row["message"] for row in bench.rows("SELECT id, message FROM versions")}
    numbers[bench.model_id] = "model"
    found: dict[str, list[dict[str, Any]]] = {}
    for table, without in _NOT_COMPARED.items():
        column = {"models": "id", "parts": "project_id"}.get(table, "model_id")
        mine = bench.project_id if table == "parts" else bench.model_id
        stored = bench.rows(f"SELECT * FROM {table} WHERE {column} = %s", mine)  # noqa: S608
        left = {"project_id", "model_id", *without, *but}
        named = [
            {
                name: numbers.get(value, value) if isinstance(value, str) else value
                for name, value in row.items()
                if name not in left
            }
            for row in stored
        ]
        found[table] = sorted(named, key=lambda row: [str(row.get(name)) for name in ("guid", "from_seq", "seq", "id")])
    return found


def same(one: dict[str, list[dict[str, Any]]], other: dict[str, list[dict[str, Any]]]) -> None:
    """Fails with the first table that differs."""
    for table, expected in one.items():
        assert len(other[table]) == len(expected), table
        for mine, wanted in zip(other[table], expected, strict=True):
            differing = {name: (mine[name], value) for name, value in wanted.items() if mine[name] != value}
            assert not differing, f"{table} {wanted}: (is, should be) {differing}"


@pytest.mark.parametrize("first", [False, True], ids=["first passed over", "first loaded"])
@pytest.mark.parametrize("seed", range(5))
async def test_after_a_replay_all_is_as_if_each_version_had_been_loaded_in_its_turn(
    bench: Bench, seed: int, *, first: bool
) -> None:
    chance = random.Random(seed)
    trees = list(Building(seed).versions(chance.randrange(3, 8)))
    async with another(bench) as oracle:
        await load_each(oracle, trees)
        for number, tree in enumerate(trees):
            await publish(bench, tree, number)
            if number == len(trees) - 1 or (first if number == 0 else chance.random() < 0.4):
                assert not (await bench.look()).retry
        done = await backfill(bench)
        assert not done.left_out
        same(tables(oracle), tables(bench))
        bench.check()
        assert await backfill(bench) == Backfilled()


@pytest.mark.parametrize("seed", range(20, 23))
async def test_what_the_server_no_longer_has_is_told_by_the_rows(bench: Bench, seed: int) -> None:
    trees = list(Building(seed, noise=False).versions(7))
    async with another(bench) as oracle:
        await load_each(oracle, trees)
        published = await load(bench, trees, (0, 3, 6))
        applied = {str(published[number].referenced_object) for number in (0, 3, 6)}
        passed_over = {str(published[number].referenced_object) for number in (1, 2, 4, 5)}
        bench.sandbox.world.remove_objects(bench.project_id, applied - passed_over)
        assert not (await backfill(bench)).left_out
        # Which object held what did not change, and which names it twice, only objects can say.
        without = ("object_id", "duplicates")
        same(tables(oracle, but=without), tables(bench, but=without))
        named = bench.rows("SELECT object_id FROM model_elements UNION ALL SELECT object_id FROM element_history")
        assert not [row for row in named if "#" in row["object_id"]]


async def test_a_version_deleted_on_the_server_before_it_was_loaded_is_not_replayed(bench: Bench) -> None:
    trees = list(Building(31).versions(5))
    async with another(bench) as oracle:
        await load_each(oracle, [trees[number] for number in (0, 1, 3, 4)], (0, 1, 3, 4))
        published = await load(bench, trees, (1, 4))
        await bench.sandbox.delete_version(bench.project_id, published[2].id)
        await bench.look()
        await backfill(bench)
        mine = tables(bench)
        assert [row["state"] for row in mine["versions"] if row["message"] == "2"] == ["deleted"]
        mine["versions"] = [row for row in mine["versions"] if row["message"] != "2"]
        same(tables(oracle), mine)


async def test_a_version_that_was_shown_and_deleted_keeps_its_place(bench: Bench) -> None:
    trees = list(Building(32).versions(4))
    published = await load(bench, trees, (1, 3))
    await bench.sandbox.delete_version(bench.project_id, published[3].id)
    await bench.look()
    before = tables(bench)
    assert [row["version_id"] for row in before["model_syncs"]] == ["1", "3", "2"]
    assert (await backfill(bench)).replayed == [published[0].id]
    shown = [(row["seq"], row["version_id"]) for row in tables(bench)["model_syncs"]]
    assert shown == [(1, "0"), (2, "1"), (3, "3"), (4, "2")]
    states = {row["message"]: (row["state"], row["seq"]) for row in tables(bench)["versions"]}
    assert states == {"0": ("synced", 1), "1": ("synced", 2), "3": ("deleted", 3), "2": ("synced", 4)}
    bench.check()


async def test_versions_before_a_date_are_left_alone(bench: Bench) -> None:
    trees = list(Building(33).versions(6))
    async with another(bench) as oracle:
        await load_each(oracle, [trees[number] for number in (0, 3, 4, 5)], (0, 3, 4, 5))
        published = await load(bench, trees, (0, 5))
        done = await backfill(bench, since=_NOON + timedelta(hours=3))
        assert done.replayed == [published[3].id, published[4].id]
        mine = tables(bench)
        mine["versions"] = [row for row in mine["versions"] if row["message"] not in ("1", "2")]
        same(tables(oracle), mine)
        # The rest later, before what is there.
        assert len((await backfill(bench)).replayed) == 2
    async with another(bench) as oracle:
        await load_each(oracle, trees)
        same(tables(oracle), tables(bench))


def prune(bench: Bench) -> None:
    """Former images are gone, as after HISTORY=false."""
    bench.rows("DELETE FROM element_history WHERE model_id = %s RETURNING guid", bench.model_id)
    bench.rows("UPDATE models SET history_seq = seq WHERE id = %s RETURNING id", bench.model_id)


async def test_history_that_was_not_kept_is_made_again(bench: Bench) -> None:
    trees = list(Building(34).versions(6))
    async with another(bench) as oracle:
        await load_each(oracle, trees)
        published = await load(bench, trees, (0, 2, 4, 5))
        prune(bench)
        # Pruned to the newest, it can be replayed from a date as well: what was before that stays untold.
        done = await backfill(bench, since=_NOON + timedelta(hours=3))
        assert done.replayed == [published[3].id, published[4].id]
        assert (bench.cursor()["seq"], bench.cursor()["history_seq"]) == (5, 3)
        assert len((await backfill(bench)).replayed) == 3
        same(tables(oracle), tables(bench))


async def test_what_neither_server_nor_rows_can_tell_is_left_out(bench: Bench) -> None:
    trees = [
        collection("Root", element(ids[0]), element(ids[1])),
        collection("Root", element(ids[0]), element(ids[2])),
        collection("Root", element(ids[0])),
        collection("Root", element(ids[0]), element(ids[3])),
    ]
    published = await load(bench, trees, (1, 2, 3))
    prune(bench)
    bench.sandbox.world.remove_objects(bench.project_id, [str(published[1].referenced_object)])
    done = await backfill(bench)
    assert done.replayed == [published[0].id, published[2].id]
    assert list(done.left_out) == [published[1].id]
    assert [row["version_id"] for row in tables(bench)["model_syncs"]] == ["0", "2", "3"]
    (unknown,) = bench.rows("SELECT * FROM model_elements WHERE application_id = %s", ids[2])
    assert (unknown["from_seq"], unknown["removed_seq"]) == (0, 0)
    assert bench.version(published[1])["seq"] is None
    (first,) = bench.rows("SELECT * FROM model_elements WHERE application_id = %s", ids[1])
    assert (first["from_seq"], first["removed_seq"], first["removed_version_id"]) == (1, 2, published[2].id)
    bench.check()


async def test_a_version_that_cannot_be_read_is_left_out_and_stays_as_it_is(bench: Bench) -> None:
    trees = list(Building(35).versions(4))
    async with another(bench) as oracle:
        await load_each(oracle, [trees[number] for number in (0, 2, 3)], (0, 2, 3))
        published = await load(bench, trees, (3,))
        bench.sandbox.world.remove_objects(bench.project_id, [str(published[1].referenced_object)])
        done = await backfill(bench)
        assert "did not come" in done.left_out[published[1].id]
        mine = tables(bench)
        assert [(row["state"], row["seq"]) for row in mine["versions"] if row["message"] == "1"] == [
            ("superseded", None)
        ]
        mine["versions"] = [row for row in mine["versions"] if row["message"] != "1"]
        same(tables(oracle), mine)


async def test_a_model_that_was_empty_for_a_while_is_so_in_its_history(bench: Bench) -> None:
    elsewhere = bench.sandbox.world.create_model(bench.project_id, "drafts")
    early = await bench.publish(
        collection("Root", element(ids[0])), model=elsewhere.id, created_at=_NOON, message="early"
    )
    first = await publish(bench, collection("Root", element(ids[0]), element(ids[1])), 1)
    await bench.look()
    await bench.sandbox.delete_version(bench.project_id, first.id)
    await bench.look()
    await publish(bench, collection("Root", element(ids[1]), element(ids[2])), 2)
    await bench.look()
    await bench.sandbox.move_version(bench.project_id, early.id, bench.model_id)
    await bench.look()
    before = {row["guid"]: row for row in tables(bench)["model_elements"]}
    assert (await backfill(bench)).replayed == [early.id]
    after = {row["guid"]: row for row in tables(bench)["model_elements"]}
    syncs = [(row["seq"], row["version_id"], row["removed_reason"]) for row in tables(bench)["model_syncs"]]
    assert syncs == [(1, "early", None), (2, "1", None), (3, None, "no_version"), (4, "2", None)]
    gone = after[uuid.UUID(ids[0])]
    assert gone["removed_at"] == before[uuid.UUID(ids[0])]["removed_at"]
    assert (gone["created_at"], gone["removed_seq"], gone["removed_reason"]) == (_NOON, 3, "no_version")
    bench.check()


async def test_a_sync_during_the_replay_begins_it_anew(bench: Bench) -> None:
    trees = list(Building(36).versions(5))
    replays = 0

    async def meanwhile(point: str) -> None:
        nonlocal replays
        if point == "replayed":
            replays += 1
            if replays == 1:
                await publish(bench, trees[4], 4)
                assert not (await bench.look()).retry

    async with another(bench) as oracle:
        await load_each(oracle, trees)
        await load(bench, trees[:4], (1, 3))
        await backfill(bench, checkpoint=meanwhile)
        assert replays == 2
        same(tables(oracle), tables(bench))


async def test_a_model_that_is_synced_again_and_again_is_left_as_it_is(bench: Bench) -> None:
    trees = list(Building(37).versions(3))
    await load(bench, trees, (2,))
    number = 3

    async def meanwhile(point: str) -> None:
        nonlocal number
        if point == "replayed":
            number += 1
            await publish(bench, trees[number % 2], number)
            await bench.look()

    with pytest.raises(StalePlanError, match="again"):
        await backfill(bench, checkpoint=meanwhile)
    assert [row["version_id"] for row in tables(bench)["model_syncs"]] == ["2", "4", "5", "6"]
    bench.check()


async def test_a_publication_during_the_replay_is_not_held_up(bench: Bench) -> None:
    trees = list(Building(38).versions(4))

    async def meanwhile(point: str) -> None:
        if point == "replayed":
            await publish(bench, trees[3], 3)

    async with another(bench) as oracle:
        await load_each(oracle, trees)
        await load(bench, trees[:3], (2,))
        assert len((await backfill(bench, checkpoint=meanwhile)).replayed) == 2
        assert not (await bench.look()).retry
        same(tables(oracle), tables(bench))


@pytest.mark.parametrize("moment", ["between versions", "replayed", "before commit"])
async def test_a_session_that_ends_leaves_everything_as_it_was(bench: Bench, owner_url: str, moment: str) -> None:
    trees = list(Building(39).versions(5))
    await load(bench, trees, (1, 4))
    before = tables(bench), rows(owner_url, "SELECT max(change_pos) AS top FROM model_elements")
    ended = False

    def end() -> None:
        nonlocal ended
        if not ended:
            ended = True
            others = rows(
                owner_url,
                "SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()",
            )
            assert others

    async def at(point: str) -> None:
        if point == moment:
            end()

    def progress(place: int, _total: int, _objects: int) -> None:
        if moment == "between versions" and place == 2:
            end()

    with pytest.raises(DatabaseUnavailableError):
        await backfill(bench, checkpoint=at, progress=progress)
    assert ended
    assert (tables(bench), rows(owner_url, "SELECT max(change_pos) AS top FROM model_elements")) == before
    assert len((await backfill(bench)).replayed) == 3


async def test_the_feed_shows_the_rows_that_changed_and_no_other(bench: Bench) -> None:
    steady, passing = element(ids[0]), element(ids[1])
    await load(
        bench,
        [
            collection("Root", steady),
            collection("Root", steady, passing),
            collection("Root", steady, element(ids[2])),
        ],
        (0, 2),
    )
    before = {row["application_id"]: row for row in bench.rows("SELECT * FROM model_elements")}
    done = await backfill(bench)
    after = {row["application_id"]: row for row in bench.rows("SELECT * FROM model_elements")}
    assert done.changed == 2
    assert after[ids[0]] == before[ids[0]]
    assert after[ids[1]]["removed_seq"] == after[ids[2]]["from_seq"] == 3
    assert min(after[ids[1]]["change_pos"], after[ids[2]]["change_pos"]) > before[ids[2]]["change_pos"]


async def test_nobody_is_notified(bench: Bench, owner_url: str) -> None:
    await load(bench, list(Building(40).versions(3)), (2,))
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("LISTEN speckle2pg")
        assert len((await backfill(bench)).replayed) == 2
        assert list(connection.notifies(timeout=0)) == []


async def test_refused_temporary_tables_are_explained(bench: Bench, owner_url: str) -> None:
    await load(bench, list(Building(41).versions(2)), (1,))
    name = rows(owner_url, "SELECT current_database() AS name")[0]["name"]
    run(owner_url, f'REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC')
    with new_login(owner_url, member=True) as (_, url):
        with pytest.raises(ConfigurationError, match="GRANT TEMPORARY"):
            await backfill(bench, url=url)
        run(owner_url, f'GRANT TEMPORARY ON DATABASE "{name}" TO speckle2pg')
        try:
            assert len((await backfill(bench, url=url)).replayed) == 1
        finally:
            run(owner_url, f'REVOKE TEMPORARY ON DATABASE "{name}" FROM speckle2pg')


async def test_a_rejected_version_is_not_replayed_and_an_approval_stays_one(bench: Bench) -> None:
    published = await load(bench, list(Building(45).versions(5)), (3,))
    bench.rows("UPDATE versions SET decided_at = now() WHERE id = %s RETURNING id", published[1].id)
    bench.rows("UPDATE versions SET approved_seq = 1 WHERE id = %s RETURNING id", published[2].id)
    bench.rows(
        "INSERT INTO versions (project_id, id, model_id, created_at, state, approved_seq)"
        " VALUES (%s, %s, %s, now(), 'pending', 1) RETURNING id",
        bench.project_id,
        published[4].id,
        bench.model_id,
    )
    assert (await backfill(bench)).replayed == [published[0].id, published[2].id]
    assert bench.version(published[4])["approved_seq"] == bench.cursor()["seq"] == 3


async def test_rows_made_by_other_rules_are_synced_first(bench: Bench) -> None:
    await load(bench, list(Building(42).versions(2)), (1,))
    bench.rows("UPDATE models SET derivation = '0' WHERE id = %s RETURNING id", bench.model_id)
    with pytest.raises(RequestError, match="speckle2pg sync"):
        await backfill(bench)


async def test_names_mean_the_real_tables_for_everybody_else_in_a_session(bench: Bench) -> None:
    await load(bench, list(Building(43).versions(1)), (0,))
    key = {"project_id": bench.project_id, "model_id": bench.model_id}
    async with SideDatabase(bench.database.url, schema="public") as side:
        await side.prepare()
        async with side.transaction() as tx:
            assert await tx.one("replay_start", **key) is None
        async with side.real_transaction() as tx:
            assert await tx.one("replay_start", **key) is not None


async def test_what_was_and_what_changed_is_answered_for_replayed_versions(bench: Bench) -> None:
    trees = list(Building(44).versions(6))
    async with another(bench) as oracle:
        await load_each(oracle, trees)
        await load(bench, trees, (1, 5))
        await backfill(bench)
        told = []
        for one in (oracle, bench):
            ids_ = [
                row["id"]
                for row in one.rows("SELECT id FROM versions WHERE model_id = %s ORDER BY created_at", one.model_id)
            ]
            states = [
                one.rows(
                    "SELECT guid, path, properties FROM elements_as_of(%s, %s) ORDER BY guid", one.model_id, version
                )
                for version in ids_
            ]
            changes = [
                one.rows("SELECT * FROM version_diff(%s, %s) ORDER BY guid, change, path", before, after)
                for before, after in itertools.pairwise(ids_)
            ]
            told.append((states, changes))
        assert told[0] == told[1]


async def test_version_that_the_gate_would_have_held_in_its_turn_is_left_out(bench: Bench) -> None:
    full = collection("Root", *(element(f"beam {number}") for number in range(10)))
    trees = [full, collection("Root"), collection("Other root", *full["elements"])]
    first, empty, last = await load(bench, trees, loaded=[0, 2])
    done = await backfill(bench, limits=Limits(removed_share=0.5))
    assert list(done.left_out) == [empty.id]
    assert "would remove 10 of 10" in done.left_out[empty.id]
    states = [bench.version(version)["state"] for version in (first, empty, last)]
    assert states == ["synced", "superseded", "synced"]
    assert bench.version(last)["modified"] == 10, "nothing went and came back"
    done = await backfill(bench)
    assert (done.left_out, bench.version(empty)["removed"]) == ({}, 10)

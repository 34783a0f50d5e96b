"""With `every_version` each version is loaded in its turn, and nothing that ails one keeps a model from the newest."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from integration.pipeline.bench import Bench, Thing, collection, element, open_bench
from speckle2pg.errors import DatabaseUnavailableError, RetryableError
from speckle2pg.pipeline.attempt import SECONDS_BETWEEN
from speckle2pg.pipeline.gate import Limits
from speckle2pg.sandbox.faults import Fault
from support.oracle import until_current
from support.programs import Program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.sandbox.entities import Version
    from speckle2pg.store.database import Database

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def every(bench: Bench) -> AsyncIterator[Bench]:
    """A followed project that loads each version."""
    switch(bench, on=True)
    yield bench
    bench.check()
    waiting = bench.rows("SELECT id, state FROM versions WHERE state IN ('syncing', 'failed', 'held')")
    assert not [row for row in waiting if row["id"] != bench.cursor()["version_id"] and row["state"] == "syncing"]


def switch(bench: Bench, *, on: bool) -> None:
    bench.rows("UPDATE projects SET every_version = %s RETURNING id", on)


def numbered(number: int) -> Thing:
    """A version with an element of its own, one that changes each time, and one that never does."""
    return collection("Root", element("same"), element("changing", n=number), element(f"own {number}"))


async def publish_all(bench: Bench, count: int, *, first: int = 1) -> list[Version]:
    """Publishes versions a minute apart."""
    return [
        await bench.publish(numbered(number), created_at=START + timedelta(minutes=number))
        for number in range(first, first + count)
    ]


def applied(bench: Bench) -> list[str | None]:
    """Versions in the order of their applications."""
    found = bench.rows("SELECT version_id FROM model_syncs WHERE model_id = %s ORDER BY seq", bench.model_id)
    return [row["version_id"] for row in found]


def ids(versions: list[Version]) -> list[str]:
    return [version.id for version in versions]


def states(bench: Bench, versions: list[Version]) -> list[str]:
    return [bench.version(version)["state"] for version in versions]


async def test_model_never_loaded_gets_each_version_from_the_oldest_with_counts_of_its_own(every: Bench) -> None:
    versions = await publish_all(every, 5)
    outcome = await every.look()
    assert not outcome.retry
    assert applied(every) == ids(versions)
    assert states(every, versions) == ["synced"] * 5
    rows = [every.version(version) for version in versions]
    assert [row["base_version_id"] for row in rows] == [None, *ids(versions)[:-1]]
    counts = [(row["added"], row["modified"], row["removed"], row["unchanged"]) for row in rows]
    assert counts == [(3, 0, 0, 0), *[(1, 1, 1, 1)] * 4]
    images = every.rows(
        "SELECT properties->>'n' AS n FROM element_history WHERE application_id = 'changing' ORDER BY 1"
    )
    assert [row["n"] for row in images] == ["1", "2", "3", "4"]
    assert outcome.applied[every.model_id].version_id == versions[-1].id
    await every.look()
    assert len(applied(every)) == 5


async def test_what_was_published_while_nobody_looked_is_loaded_in_order_however_much_it_is(every: Bench) -> None:
    first = await publish_all(every, 1)
    await every.look()
    more = await publish_all(every, 130, first=2)
    await every.look(every.model_id)
    assert applied(every) == ids(first + more)


async def test_without_the_flag_only_the_newest_is_loaded(bench: Bench) -> None:
    versions = await publish_all(bench, 4)
    await bench.look()
    assert applied(bench) == ids(versions)[-1:]
    assert states(bench, versions) == ["superseded"] * 3 + ["synced"]


async def test_flag_set_later_loads_only_what_is_newer_than_what_is_shown(bench: Bench) -> None:
    old = await publish_all(bench, 3)
    await bench.look()
    switch(bench, on=True)
    await bench.look()
    assert applied(bench) == ids(old)[-1:]
    new = await publish_all(bench, 3, first=4)
    await bench.look()
    assert applied(bench) == ids([old[-1], *new])
    assert states(bench, old) == ["superseded", "superseded", "synced"]
    bench.check()


async def test_flag_set_while_the_newest_failed_loads_those_passed_over_since(bench: Bench) -> None:
    shown = await publish_all(bench, 1)
    await bench.look()
    between = await publish_all(bench, 2, first=2)
    broken = await bench.sandbox.publish(
        bench.project_id, bench.model_id, None, created_at=START + timedelta(minutes=30)
    )
    await bench.look()
    assert states(bench, [*between, broken]) == ["superseded", "superseded", "failed"]
    switch(bench, on=True)
    await bench.look()
    assert applied(bench) == ids(shown + between)
    assert states(bench, [*between, broken]) == ["synced", "synced", "failed"]
    for _ in range(2):
        await bench.look()
    assert len(applied(bench)) == 3


async def test_flag_taken_away_leaves_nothing_waiting(every: Bench) -> None:
    fault = every.sandbox.faults.add(Fault(path="/api/*", status=503, body="busy"))
    versions = await publish_all(every, 30)
    assert (await every.look()).retry
    assert set(states(every, versions)) == {"pending"}
    switch(every, on=False)
    fault.remove()
    await every.look()
    assert applied(every) == ids(versions)[-1:]
    assert set(states(every, versions[:-1])) == {"superseded"}


async def test_failed_version_between_others_is_passed_over_with_its_reason(every: Bench) -> None:
    before = await publish_all(every, 2)
    bad = await every.sandbox.publish(every.project_id, every.model_id, None, created_at=START + timedelta(minutes=3))
    after = await publish_all(every, 2, first=4)
    assert not (await every.look()).retry
    assert applied(every) == ids(before + after)
    row = every.version(bad)
    assert (row["state"], row["attempts"], row["added"]) == ("superseded", 1, None)
    assert "names no root object" in row["error"]
    assert every.version(after[0])["base_version_id"] == before[-1].id
    await every.look()
    assert every.version(bad)["attempts"] == 1


async def test_held_version_between_others_is_passed_over_and_those_after_it_are_judged_by_the_rows_present(
    sandbox: SandboxServer, database: Database, owner_url: str
) -> None:
    async with open_bench(sandbox, database, owner_url, limits=Limits(removed_share=0.5)) as bench:
        switch(bench, on=True)
        whole = collection("Root", *(element(f"e{number}") for number in range(10)))
        things = [whole, collection("Root"), whole, collection("Root", element("e0"))]
        versions = [
            await bench.publish(thing, created_at=START + timedelta(minutes=number))
            for number, thing in enumerate(things)
        ]
        await bench.look()
        assert states(bench, versions) == ["synced", "superseded", "synced", "held"]
        assert "10 of 10" in bench.version(versions[1])["error"]
        assert applied(bench) == ids([versions[0], versions[2]])
        for _ in range(3):
            await bench.look()
        # What was tried and superseded is not tried again while the newest one waits for a person.
        assert [bench.version(version)["attempts"] for version in versions] == [1, 1, 1, 1]
        last = await bench.show(whole, created_at=START + timedelta(minutes=9))
        assert states(bench, [*versions, last]) == ["synced", "superseded", "synced", "superseded", "synced"]
        bench.check()


async def test_versions_that_were_passed_over_are_not_tried_again_while_the_newest_waits(every: Bench) -> None:
    shown = await publish_all(every, 1)
    bad = [
        await every.sandbox.publish(
            every.project_id, every.model_id, None, created_at=START + timedelta(minutes=number)
        )
        for number in (2, 3, 4)
    ]
    for _ in range(3):
        assert not (await every.look()).retry
        assert states(every, bad) == ["superseded", "superseded", "failed"]
    assert [every.version(version)["attempts"] for version in bad] == [1, 1, 1]
    assert applied(every) == ids(shown)


async def test_version_that_fails_in_passing_keeps_its_turn(every: Bench) -> None:
    versions = await publish_all(every, 3)
    fault = every.sandbox.faults.add(Fault(path="/api/*", status=503, body="busy", skip=4))
    outcome = await every.look()
    assert set(outcome.retry) == {(every.project_id, every.model_id)}
    assert len(applied(every)) < 3
    fault.remove()
    await every.look()
    assert applied(every) == ids(versions)


async def test_version_that_never_comes_holds_up_the_newer_ones_for_a_moment_only(every: Bench) -> None:
    first = await publish_all(every, 1)
    poison = await every.publish(collection("Root", "f" * 32), created_at=START + timedelta(minutes=2))
    after = await publish_all(every, 2, first=3)
    for _ in range(2):
        assert (await every.look()).retry
        assert states(every, after) == ["pending", "pending"]
    every.later(SECONDS_BETWEEN)
    assert not (await every.look()).retry
    assert applied(every) == ids(first + after)
    assert every.version(poison)["state"] == "superseded"
    assert "f" * 32 in every.version(poison)["error"]


async def test_while_the_server_ails_no_version_is_passed_over_however_long_it_takes(every: Bench) -> None:
    versions = await publish_all(every, 4)
    fault = every.sandbox.faults.add(Fault(path="/api/*", status=503, body="busy"))
    for _ in range(6):
        assert (await every.look()).retry
        every.later(10 * SECONDS_BETWEEN)
    assert states(every, versions) == ["pending"] * 4
    fault.remove()
    await every.look()
    assert applied(every) == ids(versions)


async def test_deleted_newest_version_gives_way_to_the_one_before_and_later_ones_go_on_from_there(
    every: Bench,
) -> None:
    versions = await publish_all(every, 3)
    await every.look()
    await every.sandbox.delete_version(every.project_id, versions[2].id)
    await every.look()
    assert applied(every) == [*ids(versions), versions[1].id]
    more = await publish_all(every, 2, first=10)
    await every.look()
    assert applied(every) == [*ids(versions), versions[1].id, *ids(more)]


async def test_version_deleted_before_its_turn_is_left_out(every: Bench) -> None:
    fault = every.sandbox.faults.add(Fault(path="/api/*", status=503, body="busy"))
    versions = await publish_all(every, 4)
    await every.look()
    fault.remove()
    await every.sandbox.delete_version(every.project_id, versions[1].id)
    await every.look()
    assert applied(every) == ids([versions[0], versions[2], versions[3]])
    assert every.version(versions[1])["state"] == "deleted"


async def test_moved_version_leaves_both_models_at_their_newest(every: Bench) -> None:
    versions = await publish_all(every, 3)
    other = await every.sandbox.create_model(every.project_id, "other")
    late = await every.publish(numbered(50), model=other.id, created_at=START + timedelta(minutes=50))
    await every.look()
    await every.sandbox.move_version(every.project_id, versions[2].id, other.id)
    await every.look()
    assert every.cursor()["version_id"] == versions[1].id
    assert every.cursor(other.id)["version_id"] == late.id
    await every.sandbox.move_version(every.project_id, late.id, every.model_id)
    await every.look()
    assert every.cursor()["version_id"] == late.id
    assert every.cursor(other.id)["version_id"] == versions[2].id


async def test_equal_times_are_loaded_in_the_order_of_their_ids(every: Bench) -> None:
    tied = [await every.publish(numbered(number), created_at=START) for number in range(12)]
    await every.look()
    assert applied(every) == sorted(ids(tied))
    more = [await every.publish(numbered(number), created_at=START) for number in range(20, 26)]
    await every.look()
    newer = sorted(version.id for version in more if version.id > max(ids(tied)))
    assert applied(every) == [*sorted(ids(tied)), *newer]
    assert every.cursor()["version_id"] == max(ids(tied + more))


async def test_late_version_older_than_what_is_shown_is_superseded(every: Bench) -> None:
    versions = await publish_all(every, 2)
    await every.look()
    late = await every.publish(numbered(9), created_at=START)
    await every.look()
    assert applied(every) == ids(versions)
    assert every.version(late)["state"] == "superseded"


async def test_full_sync_reads_the_newest_again_and_no_other(every: Bench) -> None:
    versions = await publish_all(every, 3)
    await every.look()
    await every.look(full=True)
    assert applied(every) == [*ids(versions), versions[2].id]


@pytest.mark.parametrize("point", ["staged", "merged", "before commit", "after commit"])
async def test_fault_between_two_versions_loses_and_repeats_none(
    sandbox: SandboxServer, database: Database, owner_url: str, point: str
) -> None:
    left = 3

    def strike(name: str) -> None:
        nonlocal left
        left -= name == point
        if name == point and left == 0:
            raise DatabaseUnavailableError("struck")

    async with open_bench(sandbox, database, owner_url, checkpoint=strike) as bench:
        switch(bench, on=True)
        versions = await publish_all(bench, 5)
        assert [type(error) for error in (await bench.look()).retry.values()] == [DatabaseUnavailableError]
        assert applied(bench) == ids(versions)[: 3 if point == "after commit" else 2]
        await bench.look()
        assert applied(bench) == ids(versions)
        assert states(bench, versions) == ["synced"] * 5
        bench.check()


async def test_two_processes_load_each_version_once(every: Bench, sandbox: SandboxServer, database: Database) -> None:
    versions = await publish_all(every, 6)
    async with open_bench(sandbox, database, every.owner_url, like=every) as other:
        waits: dict[Any, RetryableError] = {(every.project_id, None): RetryableError("first")}
        while waits:
            waits = {**(await every.look()).retry, **(await other.look()).retry}
    assert applied(every) == ids(versions)


async def test_process_killed_between_two_versions_goes_on_where_it_was(
    bench: Bench, sandbox: SandboxServer, database_url: str, owner_url: str, tmp_path: Path
) -> None:
    switch(bench, on=True)
    versions = await publish_all(bench, 5)
    program = Program(
        tmp_path,
        DATABASE_URL=database_url,
        MIGRATE_DATABASE_URL=owner_url,
        SPECKLE_SERVER_URL=sandbox.url,
        SPECKLE_TOKEN=bench.token,
        SPECKLE_REQUESTS_PER_SECOND="1000",
    )
    # Each version asks for its root and then for what is below it: the third one's answer never comes.
    silent = sandbox.faults.add(Fault(path="/api/*", skip=5, silent=True))
    async with program.running("run") as daemon:
        await silent.used.wait()
        await daemon.ends(signal.SIGKILL)
    assert applied(bench) == ids(versions)[:2]
    silent.remove()
    async with program.running("run") as daemon:
        await until_current(owner_url, sandbox, [bench.project_id])
        await daemon.ends(signal.SIGTERM)
    assert applied(bench) == ids(versions)
    assert states(bench, versions) == ["synced"] * 5
    bench.check()

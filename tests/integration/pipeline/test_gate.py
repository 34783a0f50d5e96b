"""A version that would remove too much is held: nothing of it is written until a person says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.pipeline.bench import Bench, Thing, collection, element, open_bench
from speckle2pg.metrics import REGISTRY
from speckle2pg.pipeline.decide import Decisions
from speckle2pg.pipeline.gate import Limits
from speckle2pg.pipeline.versions import VersionList

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database

HALF = Limits(removed_share=0.5, min_elements=4)


def beams(count: int, *, first: int = 0, **members: object) -> Thing:
    """A version with so many elements."""
    return collection("Root", *(element(f"beam {first + number}", **members) for number in range(count)))


@pytest.fixture
async def gated(sandbox: SandboxServer, database: Database, owner_url: str) -> AsyncIterator[Bench]:
    """A followed project whose versions may remove half of what is there."""
    async with open_bench(sandbox, database, owner_url, limits=HALF) as opened:
        yield opened


def set_limits(bench: Bench, limits: Limits) -> None:
    """As a restart with other settings does."""
    bench.models._limits = limits


def give_status(bench: Bench, name: str, status: str = "mounted") -> None:
    """What a person notes of a part."""
    bench.rows(
        "INSERT INTO element_status (project_id, guid, status)"
        " SELECT project_id, guid, %s FROM model_elements WHERE application_id = %s LIMIT 1 RETURNING guid",
        status,
        name,
    )


def held_count() -> float:
    return REGISTRY.get_sample_value("speckle2pg_syncs_total", {"result": "held"}) or 0.0


async def test_version_that_removes_too_much_is_held_and_nothing_of_it_is_written(gated: Bench) -> None:
    good = await gated.show(beams(10))
    tables = ("model_elements", "model_objects", "element_history", "model_syncs", "models", "parts")
    before = [gated.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables]  # noqa: S608
    counted = held_count()
    bad = await gated.show(beams(3))
    assert held_count() == counted + 1
    row = gated.version(bad)
    assert (row["state"], row["added"], row["seq"], row["attempts"]) == ("held", None, None, 1)
    for words in (
        "remove 7 of 10 elements",
        "70%",
        "HOLD_REMOVED_SHARE allows 0.5",
        f"speckle2pg approve {bad.id}",
        f"reject {bad.id}",
    ):
        assert words in row["error"]
    assert [gated.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables] == before  # noqa: S608
    assert gated.cursor()["version_id"] == good.id
    assert gated.staged() == 0
    gated.check()


async def test_held_version_is_not_downloaded_again(gated: Bench) -> None:
    await gated.show(beams(10))
    bad = await gated.show(beams(3))
    gated.sandbox.counts.reset()
    for _ in range(3):
        await gated.look()
    assert gated.version(bad)["attempts"] == 1
    assert gated.sandbox.counts.objects_requested == 0


@pytest.mark.parametrize(
    ("before", "left", "limits", "state"),
    [
        (10, 5, HALF, "synced"),
        (10, 4, HALF, "held"),
        (10, 0, HALF, "held"),
        (3, 0, HALF, "synced"),
        (4, 0, HALF, "held"),
        (10, 0, Limits(removed_share=1.0, min_elements=0), "synced"),
        # As floating point numbers 0.1 * 30 is more than 3.
        (30, 27, Limits(removed_share=0.1, min_elements=0), "synced"),
        (30, 26, Limits(removed_share=0.1, min_elements=0), "held"),
    ],
)
async def test_share_is_what_counts(gated: Bench, before: int, left: int, limits: Limits, state: str) -> None:
    set_limits(gated, limits)
    await gated.show(beams(before))
    version = await gated.show(beams(left))
    assert gated.version(version)["state"] == state
    gated.check()


async def test_exporter_that_makes_every_guid_anew_is_held(gated: Bench) -> None:
    await gated.show(beams(10))
    version = await gated.show(beams(10, first=100))
    assert gated.version(version)["state"] == "held"
    assert "remove 10 of 10 elements (100%" in gated.version(version)["error"]


async def test_additions_and_modifications_are_never_held(gated: Bench) -> None:
    await gated.show(beams(10))
    version = await gated.show(beams(40, size=2))
    assert gated.version(version)["state"] == "synced"
    assert (gated.version(version)["added"], gated.version(version)["modified"]) == (30, 10)


async def test_each_later_version_is_judged_against_the_rows_present(gated: Bench) -> None:
    await gated.show(beams(10))
    empty, small, whole = beams(0), beams(4), beams(8)
    first = await gated.show(empty)
    second = await gated.show(small)
    assert [gated.version(item)["state"] for item in (first, second)] == ["superseded", "held"]
    third = await gated.show(whole)
    assert [gated.version(item)["state"] for item in (first, second, third)] == ["superseded", "superseded", "synced"]
    assert gated.version(second)["added"] is None
    assert (gated.version(third)["removed"], len(gated.present())) == (2, 8)
    # Half of what is there now, and less than half of what was there at first.
    fourth = await gated.show(small)
    assert gated.version(fourth)["state"] == "synced"
    gated.check()


async def test_held_version_that_is_deleted_on_the_server_leaves_the_model_current(gated: Bench) -> None:
    await gated.show(beams(10))
    bad = await gated.show(beams(0))
    await gated.sandbox.delete_version(gated.project_id, bad.id)
    await gated.look()
    assert gated.version(bad)["state"] == "deleted"
    assert not gated.rows("SELECT id FROM versions WHERE state IN ('pending', 'syncing', 'held', 'failed')")
    assert len(gated.present()) == 10


async def test_going_back_to_an_older_version_is_judged_too(gated: Bench) -> None:
    first = await gated.show(beams(2))
    second = await gated.show(beams(10))
    await gated.sandbox.delete_version(gated.project_id, second.id)
    await gated.look()
    assert gated.version(first)["state"] == "held"
    assert len(gated.present()) == 10
    await Decisions(gated.database).take("approve", first.id, "Anna")
    await gated.look()
    assert (gated.version(first)["state"], len(gated.present())) == ("synced", 2)
    gated.check()


async def test_deleted_model_and_model_without_versions_are_not_judged(gated: Bench) -> None:
    version = await gated.show(beams(10))
    other = await gated.sandbox.create_model(gated.project_id, "other")
    await gated.show(beams(10), model=other.id)
    await gated.sandbox.delete_version(gated.project_id, version.id)
    await gated.sandbox.delete_model(gated.project_id, other.id)
    await gated.look()
    reasons = gated.rows("SELECT removed_reason, count(*) AS n FROM model_elements GROUP BY 1 ORDER BY 1")
    assert [(row["removed_reason"], row["n"]) for row in reasons] == [("model_deleted", 10), ("no_version", 10)]


async def test_full_sync_is_no_approval_and_undoes_no_rejection(gated: Bench) -> None:
    await gated.show(beams(10))
    bad = await gated.show(beams(0))
    await gated.look(full=True)
    assert (gated.version(bad)["state"], gated.version(bad)["attempts"]) == ("held", 2)
    await Decisions(gated.database).take("reject", bad.id, "Anna")
    await gated.look(full=True)
    assert (gated.version(bad)["state"], gated.version(bad)["attempts"]) == ("rejected", 2)
    assert len(gated.present()) == 10
    # With another limit it is no approval that lets it pass.
    await Decisions(gated.database).take("approve", bad.id, "Anna")
    await gated.look()
    assert gated.version(bad)["state"] == "synced"


async def test_full_sync_of_what_is_shown_is_not_judged_and_nothing_else_changes_guids(gated: Bench) -> None:
    # Strong ids: only these are shared with copies of the model, and change when it is named one.
    parts = [element(f"8a3f0c52-9f4e-4a0e-9d0e-1f2a3b4c5d6{number}") for number in range(10)]
    version = await gated.show(collection("Root", *parts))
    before = {row["guid"] for row in gated.present_rows()}
    gated.rows("UPDATE projects SET separate_models = '{*}' RETURNING id")
    await gated.look()
    newer = await gated.show(collection("Other root", *parts))
    assert {row["guid"] for row in gated.present_rows()} == before, "statuses hang on them"
    await gated.look(full=True)
    after = {row["guid"] for row in gated.present_rows()}
    assert len(after) == 10
    assert not before & after
    assert {gated.version(version)["state"], gated.version(newer)["state"]} == {"synced"}
    gated.check()


@pytest.mark.parametrize(("removed", "state"), [(2, "synced"), (3, "held")])
async def test_elements_with_a_status_are_counted_however_small_the_share(
    gated: Bench, removed: int, state: str
) -> None:
    set_limits(gated, Limits(removed_with_status=2))
    await gated.show(beams(30))
    for number in range(3):
        give_status(gated, f"beam {number}")
    give_status(gated, "beam 29", "not_started")
    version = await gated.show(beams(29 - removed, first=removed))
    row = gated.version(version)
    assert row["state"] == state
    if state == "held":
        assert "remove 3 elements with a status (HOLD_REMOVED_WITH_STATUS allows 2)" in row["error"]
        assert "HOLD_REMOVED_SHARE" not in row["error"]


async def test_both_limits_are_named_where_both_are_passed(gated: Bench) -> None:
    set_limits(gated, Limits(removed_share=0.5, min_elements=4, removed_with_status=1))
    await gated.show(beams(10))
    give_status(gated, "beam 0")
    give_status(gated, "beam 1")
    version = await gated.show(beams(0))
    error = gated.version(version)["error"]
    assert "10 of 10 elements" in error
    assert "and 2 elements with a status" in error


@pytest.mark.parametrize(
    ("other", "state"), [("holds it", "synced"), ("is not followed", "held"), ("held it once", "held")]
)
async def test_status_is_orphaned_only_where_no_other_followed_model_holds_the_part(
    gated: Bench, other: str, state: str
) -> None:
    set_limits(gated, Limits(removed_with_status=1))
    # Strong ids: the same part has the same guid in each model.
    parts = [element(f"8a3f0c52-9f4e-4a0e-9d0e-1f2a3b4c5d6{number}") for number in range(3)]
    twin = await gated.sandbox.create_model(gated.project_id, "twin")
    await gated.show(collection("Root", *parts))
    await gated.show(collection("Root", *parts), model=twin.id)
    for number in range(3):
        give_status(gated, f"8a3f0c52-9f4e-4a0e-9d0e-1f2a3b4c5d6{number}")
    if other == "is not followed":
        gated.rows("UPDATE projects SET model_globs = '{structure}' RETURNING id")
        await gated.look()
    if other == "held it once":
        await gated.sandbox.delete_model(gated.project_id, twin.id)
        await gated.look()
    version = await gated.show(collection("Root"))
    assert gated.version(version)["state"] == state
    gated.check()


async def test_approval_holds_for_the_rows_it_was_given_for_and_no_longer(gated: Bench) -> None:
    await gated.show(beams(10))
    small = await gated.show(beams(3))
    await Decisions(gated.database).take("approve", small.id, "Anna")
    whole = await gated.show(beams(20))
    assert gated.version(small)["state"] == "superseded"
    await gated.sandbox.delete_version(gated.project_id, whole.id)
    await gated.look()
    # What was approved was the removal of 7 elements, not of 17.
    assert gated.version(small)["state"] == "held"
    assert "17 of 20" in gated.version(small)["error"]
    gated.check()


async def test_approval_does_not_travel_with_a_version_to_another_model(gated: Bench) -> None:
    other = await gated.sandbox.create_model(gated.project_id, "other")
    await gated.show(beams(10))
    await gated.show(beams(10), model=other.id)
    bad = await gated.show(beams(0))
    await Decisions(gated.database).take("approve", bad.id, "Anna")
    await gated.sandbox.move_version(gated.project_id, bad.id, other.id)
    await gated.look()
    row = gated.version(bad)
    assert (row["model_id"], row["state"], row["approved_seq"]) == (other.id, "held", None)


async def test_held_version_that_is_moved_is_judged_in_its_new_model(gated: Bench) -> None:
    other = await gated.sandbox.create_model(gated.project_id, "other")
    await gated.show(beams(10))
    await gated.show(beams(3), model=other.id)
    bad = await gated.show(beams(3))
    assert gated.version(bad)["state"] == "held"
    await gated.sandbox.move_version(gated.project_id, bad.id, other.id)
    await gated.look()
    assert (gated.version(bad)["model_id"], gated.version(bad)["state"]) == (other.id, "synced")
    assert gated.cursor(other.id)["version_id"] == bad.id


async def test_process_that_was_slower_does_not_take_back_an_approval(gated: Bench) -> None:
    await gated.show(beams(10))
    bad = await gated.show(beams(0))
    await Decisions(gated.database).take("approve", bad.id, "Anna")
    await VersionList(gated.database, gated.queries).hold(gated.project_id, bad.id, "judged before it was approved")
    assert gated.version(bad)["state"] == "pending"
    await gated.look()
    assert gated.version(bad)["state"] == "synced"


async def test_first_version_is_never_held(gated: Bench) -> None:
    set_limits(gated, Limits(removed_share=0.001, min_elements=0, removed_with_status=1))
    version = await gated.show(beams(0))
    assert gated.version(version)["state"] == "synced"
    again = await gated.show(beams(3))
    assert gated.version(again)["state"] == "synced"

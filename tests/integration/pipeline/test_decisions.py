"""Approve, reject and retry: which states they start from, what they leave, and what they refuse."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from integration.pipeline.bench import Bench, collection, element, graph, open_bench
from integration.pipeline.test_gate import HALF, beams
from speckle2pg.errors import UnknownVersionError, WrongStateError
from speckle2pg.pipeline import fetch
from speckle2pg.pipeline.decide import Decision, Decisions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database

STATES = ("pending", "syncing", "synced", "superseded", "held", "rejected", "failed", "deleted")
ALLOWED: dict[Decision, tuple[set[str], str]] = {
    "approve": ({"held", "rejected"}, "pending"),
    "reject": ({"held"}, "rejected"),
    "retry": ({"failed"}, "pending"),
}


@pytest.fixture
async def gated(
    sandbox: SandboxServer, database: Database, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    """A followed project whose versions may remove half of what is there."""
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)
    async with open_bench(sandbox, database, owner_url, limits=HALF) as opened:
        yield opened


def decisions(bench: Bench) -> Decisions:
    return Decisions(bench.database)


def requests(bench: Bench) -> list[dict[str, Any]]:
    return bench.rows("SELECT project_id, model_id, cause, requested_by FROM sync_requests ORDER BY id")


async def test_approved_version_passes_the_gate_and_says_by_whom(gated: Bench) -> None:
    await gated.show(beams(10))
    bad = await gated.show(beams(2))
    done = await decisions(gated).take("approve", bad.id, "Anna")
    assert (done.project_id, done.model_id, done.version_id) == (gated.project_id, gated.model_id, bad.id)
    row = gated.version(bad)
    assert (row["state"], row["error"], row["decided_by"]) == ("pending", None, "Anna")
    assert row["decided_at"] is not None
    asked = {"project_id": gated.project_id, "model_id": gated.model_id, "cause": "admin", "requested_by": "Anna"}
    assert requests(gated) == [asked]
    await gated.look()
    row = gated.version(bad)
    assert (row["state"], row["removed"], row["unchanged"], row["decided_by"]) == ("synced", 8, 2, "Anna")
    gated.check()


async def test_rejected_version_waits_and_may_be_approved_after_all(gated: Bench) -> None:
    await gated.show(beams(10))
    bad = await gated.show(beams(2))
    await decisions(gated).take("reject", bad.id, "Anna")
    await gated.look()
    row = gated.version(bad)
    assert (row["state"], row["attempts"], row["decided_by"]) == ("rejected", 1, "Anna")
    assert "remove 8 of 10" in row["error"]
    assert requests(gated) == []
    await decisions(gated).take("approve", bad.id, "Boris")
    await gated.look()
    assert (gated.version(bad)["state"], gated.version(bad)["decided_by"]) == ("synced", "Boris")
    log = gated.rows("SELECT actor, action, subject, details FROM admin_log ORDER BY id")
    assert [(row["actor"], row["action"], row["subject"]) for row in log] == [
        ("Anna", "reject", bad.id),
        ("Boris", "approve", bad.id),
    ]
    assert [row["details"]["state"] for row in log] == ["held", "rejected"]


async def test_retried_version_keeps_its_attempts_and_is_applied_once_it_can_be(gated: Bench) -> None:
    missing = collection("Root", element("A"))
    bad = await gated.publish(missing)
    gated.sandbox.world.withhold_objects(gated.project_id, graph(missing)[1])
    await gated.out_of_patience(bad)
    attempts = gated.version(bad)["attempts"]
    gated.sandbox.world.release_objects(gated.project_id)
    await decisions(gated).take("retry", bad.id, "Anna")
    row = gated.version(bad)
    assert (row["state"], row["attempts"], row["decided_by"]) == ("pending", attempts, None)
    await gated.look()
    assert (gated.version(bad)["state"], gated.version(bad)["attempts"]) == ("synced", attempts + 1)


@pytest.mark.parametrize("decision", ALLOWED)
async def test_only_the_states_of_the_design_may_be_left(bench: Bench, decision: Decision) -> None:
    version = await bench.show(collection("Root", element("A")))
    allowed, then = ALLOWED[decision]
    for state in STATES:
        bench.rows("UPDATE versions SET state = %s RETURNING id", state)
        if state in allowed:
            await decisions(bench).take(decision, version.id, "Anna")
            assert bench.version(version)["state"] == then
            continue
        before = bench.version(version), requests(bench), bench.rows("SELECT count(*) AS n FROM admin_log")
        with pytest.raises(WrongStateError, match=f"is {state}"):
            await decisions(bench).take(decision, version.id, "Anna")
        assert (bench.version(version), requests(bench), bench.rows("SELECT count(*) AS n FROM admin_log")) == before


async def test_decision_on_a_superseded_version_names_the_newest(gated: Bench) -> None:
    await gated.show(beams(10))
    bad = await gated.show(beams(2))
    newer = await gated.show(beams(1))
    for decision in ALLOWED:
        with pytest.raises(
            WrongStateError, match=rf"is superseded.*newest version of its model is {newer.id} \(held\)"
        ):
            await decisions(gated).take(decision, bad.id, "Anna")


async def test_approved_version_is_superseded_when_another_one_is_newest(gated: Bench) -> None:
    await gated.show(beams(10))
    bad = await gated.show(beams(2))
    await decisions(gated).take("approve", bad.id, "Anna")
    newer = await gated.publish(beams(9))
    await gated.look()
    assert [gated.version(item)["state"] for item in (bad, newer)] == ["superseded", "synced"]
    assert gated.version(bad)["added"] is None
    assert len(gated.present()) == 9
    gated.check()


async def test_version_of_several_projects_is_asked_for_by_its_project(bench: Bench) -> None:
    for project in ("p1", "p2"):
        bench.rows(
            "INSERT INTO versions (project_id, id, model_id, created_at, state)"
            " VALUES (%s, 'twice', 'm', now(), 'held') RETURNING id",
            project,
        )
    with pytest.raises(UnknownVersionError, match=r"several projects \(p1, p2\): give --project"):
        await decisions(bench).take("approve", "twice", "Anna")
    await decisions(bench).take("reject", "twice", "Anna", project_id="p2")
    states = bench.rows("SELECT project_id, state FROM versions WHERE id = 'twice' ORDER BY 1")
    assert [row["state"] for row in states] == ["held", "rejected"]
    for version, project in (("nosuch", "p1"), ("twice", "p3")):
        with pytest.raises(UnknownVersionError, match="is on record"):
            await decisions(bench).take("approve", version, "Anna", project_id=project)


async def test_two_people_decide_once(gated: Bench) -> None:
    await gated.show(beams(10))
    bad = await gated.show(beams(2))
    taken = await asyncio.gather(
        *(decisions(gated).take("reject", bad.id, name) for name in ("Anna", "Boris", "Clara")), return_exceptions=True
    )
    assert sorted(type(item).__name__ for item in taken) == ["Decided", "WrongStateError", "WrongStateError"]
    assert len(gated.rows("SELECT id FROM admin_log")) == 1

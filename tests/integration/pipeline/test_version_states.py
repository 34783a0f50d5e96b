"""Whatever is published, deleted, moved and decided, a model ends where it should and nothing waits that need not."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.pipeline.bench import Bench, collection, element, open_bench
from speckle2pg.errors import WrongStateError
from speckle2pg.pipeline import fetch
from speckle2pg.pipeline.decide import Decisions
from speckle2pg.pipeline.gate import Limits

if TYPE_CHECKING:
    import pytest

    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database

STEPS = st.one_of(
    st.tuples(st.just("publish"), st.integers(0, 12)),
    st.tuples(st.just("publish"), st.integers(0, 12)),
    st.tuples(st.just("publish broken"), st.just(0)),
    st.tuples(st.sampled_from(["delete", "move", "approve", "reject", "retry"]), st.integers(0, 5)),
    st.tuples(st.just("every"), st.integers(0, 1)),
    st.tuples(st.just("look"), st.just(0)),
    st.tuples(st.just("look"), st.just(0)),
)


async def _take(bench: Bench, other_id: str, step: tuple[str, int]) -> None:
    what, number = step
    world, project = bench.sandbox.world, bench.project_id
    listed = [(model, version) for model in (bench.model_id, other_id) for version in world.versions_of(model)]
    if what == "publish":
        await bench.publish(collection("Root", *(element(f"e{n}", tag=len(listed)) for n in range(number))))
    elif what == "publish broken":
        await bench.sandbox.publish(project, bench.model_id, None)
    elif what == "every":
        bench.rows("UPDATE projects SET every_version = %s RETURNING id", bool(number))
    elif what == "look":
        await _look(bench, other_id)
    elif listed:
        model, version = listed[number % len(listed)]
        if what == "delete":
            await bench.sandbox.delete_version(project, version.id)
        elif what == "move":
            await bench.sandbox.move_version(
                project, version.id, other_id if model == bench.model_id else bench.model_id
            )
        else:
            await _decide(bench, what)


async def _decide(bench: Bench, decision: Any) -> None:
    """A person goes through what `status` shows."""
    for row in bench.rows("SELECT id FROM versions WHERE state IN ('held', 'failed', 'rejected')"):
        with suppress(WrongStateError):
            await Decisions(bench.database).take(decision, row["id"], "Anna")


async def _look(bench: Bench, other_id: str) -> None:
    outcome = await bench.look()
    assert not outcome.retry
    for model_id in (bench.model_id, other_id):
        shown = bench.sandbox.world.versions_of(model_id)
        found = bench.rows("SELECT version_id, element_count FROM models WHERE id = %s", model_id)
        if not shown:
            assert not found or found[0]["version_id"] is None
            continue
        newest = max(shown, key=lambda item: (item.created_at, item.id)).id
        states = bench.rows("SELECT id, state, error FROM versions WHERE model_id = %s", model_id)
        waits = [row["id"] for row in states if row["state"] in ("pending", "syncing", "failed", "held", "rejected")]
        if found[0]["version_id"] == newest:
            assert waits == []
        else:
            # Only the newest one may wait, and only for a person, who is told why.
            assert waits == [newest]
            state = next(row for row in states if row["id"] == newest)
            assert state["state"] in ("failed", "held", "rejected")
            assert state["error"]
        listed = {row["id"] for row in states if row["state"] != "deleted"}
        assert listed == {version.id for version in shown}
    bench.check()


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=3, max_size=14), every=st.booleans())
async def test_after_each_look_the_newest_version_is_shown_or_waits_for_a_person(
    sandbox: SandboxServer,
    database: Database,
    owner_url: str,
    monkeypatch: pytest.MonkeyPatch,
    steps: list[tuple[str, int]],
    every: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)
    limits = Limits(removed_share=0.5, min_elements=3)
    async with open_bench(sandbox, database, owner_url, limits=limits) as bench:
        other = await sandbox.create_model(bench.project_id, "other")
        for step in [("every", every), *steps]:
            await _take(bench, other.id, step)
        await _look(bench, other.id)
        # Looking again changes nothing and tries nothing.
        attempts = bench.rows("SELECT id, state, attempts FROM versions ORDER BY id")
        await _look(bench, other.id)
        assert bench.rows("SELECT id, state, attempts FROM versions ORDER BY id") == attempts

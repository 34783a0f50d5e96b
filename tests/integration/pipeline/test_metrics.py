"""The pipeline's metrics move as they should, and only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.pipeline.bench import collection, element, open_bench
from speckle2pg.metrics import REGISTRY
from speckle2pg.sandbox.faults import Fault

if TYPE_CHECKING:
    from integration.pipeline.bench import Bench
    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database

ONE = collection("Root", element("A"), element("B", size=1))
TWO = collection("Root", element("B", size=2), element("C"))
RESULTS = ("synced", "unchanged", "failed", "retried", "stale")
OPERATIONS = ("added", "modified", "removed", "restored", "unchanged")


def _numbers() -> dict[str, float]:
    found = {name: REGISTRY.get_sample_value("speckle2pg_syncs_total", {"result": name}) for name in RESULTS}
    for name in OPERATIONS:
        found[f"element {name}"] = REGISTRY.get_sample_value("speckle2pg_elements_total", {"operation": name})
    for name in ("plan", "fetch", "extract", "load"):
        found[name] = REGISTRY.get_sample_value("speckle2pg_stage_duration_seconds_count", {"stage": name})
    found["end to end"] = REGISTRY.get_sample_value("speckle2pg_end_to_end_seconds_count")
    found["bytes"] = REGISTRY.get_sample_value("speckle2pg_download_bytes_total")
    return {name: value or 0.0 for name, value in found.items()}


class _Moved:
    """What moved since the last question."""

    def __init__(self) -> None:
        self._before = _numbers()

    def __call__(self) -> dict[str, float]:
        now, before = _numbers(), self._before
        self._before = now
        moved = {name: now[name] - before[name] for name in now if now[name] != before[name]}
        moved.pop("bytes", None)
        return moved


STAGES = {"plan": 1, "fetch": 1, "extract": 1, "load": 1, "end to end": 1}


async def test_applications_count_by_result_operation_and_stage(bench: Bench) -> None:
    moved = _Moved()
    await bench.show(ONE)
    assert moved() == {"synced": 1, "element added": 2, **STAGES}
    await bench.look()
    assert moved() == {}
    two = await bench.show(TWO)
    assert moved() == {"synced": 1, "element added": 1, "element modified": 1, "element removed": 1, **STAGES}
    await bench.show(TWO)
    assert moved() == {"unchanged": 1, "element unchanged": 2, **STAGES}
    await bench.show(ONE)
    changed = {"element added": 1, "element restored": 1, "element modified": 1, "element removed": 1}
    assert moved() == {"synced": 1, **changed, **STAGES}
    stages = bench.version(two)["stage_seconds"]
    assert set(stages) == {"plan", "fetch", "extract", "load"}
    assert all(seconds >= 0 for seconds in stages.values())
    row = bench.version(two)
    assert (row["objects_fetched"], row["requests"]) == (3, 2)
    assert row["bytes_fetched"] > 100


async def test_removals_of_a_deleted_model_count_too(bench: Bench) -> None:
    await bench.show(ONE)
    moved = _Moved()
    await bench.sandbox.delete_model(bench.project_id, bench.model_id)
    await bench.look()
    assert moved() == {"synced": 1, "element removed": 2, "load": 1}


async def test_versions_that_fail_or_wait_count_as_such_and_move_no_element(
    bench: Bench, sandbox: SandboxServer, database: Database
) -> None:
    moved = _Moved()
    await bench.sandbox.publish(bench.project_id, bench.model_id, None)
    await bench.look()
    assert moved() == {"failed": 1}
    await bench.publish(ONE)
    fault = sandbox.faults.add(Fault(path="/api/*", status=503, body="busy"))
    await bench.look()
    assert moved() == {"retried": 1}
    fault.remove()

    async def overtake(name: str) -> None:
        async with open_bench(sandbox, database, bench.owner_url, like=bench) as other:
            await other.look()

    fetched = bench.models._fetch

    async def fetch_and_be_overtaken(*arguments: object) -> object:
        skeleton = await fetched(*arguments)  # type: ignore[arg-type]
        await overtake("other")
        moved()
        return skeleton

    bench.models._fetch = fetch_and_be_overtaken  # type: ignore[assignment,method-assign]
    await bench.look()
    assert moved() == {"stale": 1}

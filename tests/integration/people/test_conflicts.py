"""What happened to parts after their status was set, with real versions."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from integration.pipeline.bench import Bench, collection, element, open_bench
from support.front import member, user
from support.logins import run
from support.rows import guid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from integration.pipeline.bench import Thing
    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database


@pytest.fixture
async def bench(sandbox: SandboxServer, database: Database, owner_url: str) -> AsyncIterator[Bench]:
    """A followed project with one model."""
    async with open_bench(sandbox, database, owner_url) as opened:
        yield opened


def beam(number: int, name: str = "beam", **properties: Any) -> Thing:
    """A part of a number."""
    return element(str(guid(number)), name=name, ifcType="IfcBeam", properties={"P": properties})


async def set_statuses(bench: Bench, *numbers: int, status: str = "mounted", **more: Any) -> None:
    """Sets the status of parts as a member."""
    items = [{"guid": str(guid(number)), "status": status, **more} for number in numbers]
    carl = user(bench.owner_url, "carl")
    await asyncio.to_thread(carl.rows, "SELECT * FROM set_status(%s::jsonb)", json.dumps(items))


async def conflicts(bench: Bench) -> dict[int, dict[str, Any]]:
    """The conflicts as a member sees them, by number."""
    member_rows = await asyncio.to_thread(user(bench.owner_url, "carl").rows, "SELECT * FROM status_conflicts")
    assert len({row["guid"] for row in member_rows}) == len(member_rows)
    return {row["guid"].int: row for row in member_rows}


@pytest.fixture
async def shown(bench: Bench) -> Bench:
    """Three beams are shown, and carl may set statuses."""
    await bench.show(collection("root", beam(1, width=100), beam(2, width=100), beam(3, width=100)))
    member(bench.owner_url, bench.project_id, "carl", can_write=True)
    return bench


async def test_a_part_that_was_modified_after_its_status_says_what_changed_and_who_had_set_it(shown: Bench) -> None:
    await set_statuses(shown, 1, 2)
    version = await shown.show(collection("root", beam(1, width=120), beam(2, width=100), beam(3, width=150)))
    found = await conflicts(shown)
    assert found.keys() == {1}
    assert found[1]["conflict"] == "modified"
    assert (found[1]["status"], found[1]["set_by"], found[1]["version_id"]) == ("mounted", "carl", version.id)
    assert found[1]["changes"] == [{"path": ["properties", "P", "width"], "old": 100, "new": 120}]


async def test_a_part_that_was_removed_after_its_status_is_named(shown: Bench) -> None:
    await set_statuses(shown, 1, 2)
    version = await shown.show(collection("root", beam(2, width=100)))
    found = await conflicts(shown)
    assert found.keys() == {1}
    assert (found[1]["conflict"], found[1]["removed_reason"], found[1]["version_id"]) == (
        "removed",
        "absent",
        version.id,
    )
    await shown.show(collection("root", beam(1, width=100), beam(2, width=100)))
    assert await conflicts(shown) == {}


async def test_modified_first_and_removed_then_is_removed(shown: Bench) -> None:
    await set_statuses(shown, 1)
    await shown.show(collection("root", beam(1, width=120), beam(2, width=100)))
    await shown.show(collection("root", beam(2, width=100)))
    assert (await conflicts(shown))[1]["conflict"] == "removed"


async def test_what_changed_before_the_status_or_back_again_is_no_conflict(shown: Bench) -> None:
    await shown.show(collection("root", beam(1, width=120), beam(2, width=100)))
    await set_statuses(shown, 1, 2, 3)
    assert await conflicts(shown) == {}
    await shown.show(collection("root", beam(1, width=130), beam(2, width=100)))
    await shown.show(collection("root", beam(1, width=120), beam(2, width=100)))
    assert await conflicts(shown) == {}


async def test_noise_and_another_parent_are_no_conflict(shown: Bench) -> None:
    await set_statuses(shown, 1)
    await shown.show(collection("root", beam(1, width=100.000001), beam(2, width=100)))
    storey = element("storey", beam(1, width=100), ifcType="IfcBuildingStorey")
    await shown.show(collection("root", storey))
    assert await conflicts(shown) == {}


async def test_setting_a_note_settles_a_conflict(shown: Bench) -> None:
    await set_statuses(shown, 1)
    await shown.show(collection("root", beam(1, width=120)))
    assert (await conflicts(shown)).keys() == {1}
    await set_statuses(shown, 1, note="checked with the new drawing")
    assert await conflicts(shown) == {}
    assert len(await asyncio.to_thread(run, shown.owner_url, "SELECT id FROM element_status_log")) == 1


async def test_a_part_that_another_model_still_holds_is_not_removed(shown: Bench) -> None:
    other = shown.sandbox.world.create_model(shown.project_id, "copy").id
    await shown.publish(collection("root", beam(1, width=100)), model=other)
    assert not (await shown.look()).retry
    await set_statuses(shown, 1, 2)
    await shown.show(collection("root", beam(3, width=100)))
    assert (await conflicts(shown)).keys() == {2}


async def test_without_history_a_modification_shows_without_what_changed(
    sandbox: SandboxServer, database: Database, owner_url: str
) -> None:
    async with open_bench(sandbox, database, owner_url, history=False) as bench:
        await bench.show(collection("root", beam(1, width=100), beam(2, width=100)))
        member(owner_url, bench.project_id, "carl", can_write=True)
        await set_statuses(bench, 1, 2)
        await bench.show(collection("root", beam(1, width=120), beam(2, width=100), beam(3)))
        await set_statuses(bench, 3)
        found = await conflicts(bench)
        assert found.keys() == {1}
        assert (found[1]["conflict"], found[1]["changes"]) == ("modified", None)


def assembly(number: int, *parts: Thing) -> Thing:
    """An assembly of parts."""
    return element(str(guid(number)), *parts, ifcType="IfcElementAssembly")


async def test_parts_that_have_their_status_from_an_assembly_conflict_like_others(shown: Bench) -> None:
    """A foreman who works by assemblies is warned as well."""
    first = (beam(1, width=100), beam(2, width=100), beam(3, width=100), beam(4, width=100))
    await shown.show(collection("root", assembly(50, *first)))
    await set_statuses(shown, 50)
    await set_statuses(shown, 4, status="painted")
    second = (beam(1, width=120), beam(3, width=100), beam(4, width=130), beam(5, width=100))
    await shown.show(collection("root", assembly(50, *second), beam(6)))
    found = await conflicts(shown)
    told = {number: (row["conflict"], row["status"], row["set_on"].int) for number, row in found.items()}
    assert told == {
        1: ("modified", "mounted", 50),
        2: ("removed", "mounted", 50),
        4: ("modified", "painted", 4),
        5: ("added", "mounted", 50),
    }
    assert found[1]["changes"] == [{"path": ["properties", "P", "width"], "old": 100, "new": 120}]
    await set_statuses(shown, 50, note="looked at again")
    assert (await conflicts(shown)).keys() == {4}


async def test_what_was_there_before_the_first_version_makes_no_conflict(bench: Bench) -> None:
    """Statuses that were taken over are older than everything."""
    add = "INSERT INTO parts VALUES (%s, %s, now(), now())"
    run(bench.owner_url, add, bench.project_id, guid(50))
    run(bench.owner_url, add, bench.project_id, guid(1))
    member(bench.owner_url, bench.project_id, "carl", can_write=True)
    status = "INSERT INTO element_status (project_id, guid, status) VALUES (%s, %s, 'mounted')"
    run(bench.owner_url, status, bench.project_id, guid(50))
    run(bench.owner_url, status, bench.project_id, guid(1))
    await bench.show(collection("root", assembly(50, beam(1), beam(2))))
    assert await conflicts(bench) == {}


async def test_a_status_that_is_taken_back_is_no_conflict(shown: Bench) -> None:
    await set_statuses(shown, 1, status="not_started")
    await shown.show(collection("root", beam(2, width=100)))
    assert await conflicts(shown) == {}

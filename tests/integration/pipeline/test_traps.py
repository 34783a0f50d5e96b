"""Bad and odd versions, each with its defined outcome in rows and in `versions`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from integration.pipeline.bench import COLLECTION, DATA_OBJECT, Thing, collection, element, graph, open_bench
from speckle2pg.pipeline import fetch
from speckle2pg.pipeline.attempt import LEAST_ATTEMPTS, MISSING_SECONDS
from speckle2pg.pipeline.extract import tree
from speckle2pg.sandbox import SandboxServer

if TYPE_CHECKING:
    from integration.pipeline.bench import Bench
    from speckle2pg.store.database import Database

GOOD = collection("Мост", element("A"), element("B"))


async def test_version_without_elements_empties_the_model_and_is_synced(bench: Bench) -> None:
    await bench.show(GOOD)
    version = await bench.show(collection("Мост"))
    row = bench.version(version)
    assert (row["state"], row["added"], row["removed"], row["unchanged"]) == ("synced", 0, 2, 0)
    assert bench.present() == {}
    gone = bench.rows("SELECT removed_reason, removed_version_id, removed_at FROM model_elements")
    assert {(item["removed_reason"], item["removed_version_id"]) for item in gone} == {("absent", version.id)}
    assert all(item["removed_at"] == row["created_at"] for item in gone)
    bench.check()


async def test_first_version_without_elements_is_synced(bench: Bench) -> None:
    version = await bench.show(collection("Мост", elements=None))
    assert bench.version(version)["state"] == "synced"
    assert bench.cursor()["version_id"] == version.id
    bench.check()


@pytest.mark.parametrize(
    ("root", "reason"), [(None, "names no root object"), ("bundle.p.m.v", "bundle, which this speckle2pg cannot read")]
)
async def test_version_that_cannot_be_read_fails_with_a_reason_and_rows_stay(
    bench: Bench, root: str | None, reason: str
) -> None:
    good = await bench.show(GOOD)
    bad = await bench.sandbox.publish(bench.project_id, bench.model_id, root)
    outcome = await bench.look()
    assert not outcome.retry
    row = bench.version(bad)
    assert row["state"] == "failed"
    assert reason in row["error"]
    assert row["added"] is None
    assert bench.cursor()["version_id"] == good.id
    assert set(bench.present()) == {"A", "B"}
    bench.check()


async def test_failed_version_is_not_tried_again_until_a_newer_one_comes(bench: Bench) -> None:
    bad = await bench.sandbox.publish(bench.project_id, bench.model_id, None)
    await bench.look()
    await bench.look()
    assert (bench.version(bad)["state"], bench.version(bad)["attempts"]) == ("failed", 1)
    newer = await bench.show(GOOD)
    assert bench.version(bad)["state"] == "superseded"
    assert bench.version(newer)["state"] == "synced"
    bench.check()


async def test_failed_version_is_applied_by_a_full_sync_once_it_can_be(bench: Bench) -> None:
    root, objects = graph(GOOD)
    version = await bench.sandbox.publish(bench.project_id, bench.model_id, root)
    await bench.out_of_patience(version)
    assert bench.version(version)["state"] == "failed"
    bench.sandbox.world.add_objects(bench.project_id, objects)
    await bench.look()
    assert bench.version(version)["state"] == "failed"
    await bench.look(full=True)
    assert bench.version(version)["state"] == "synced"
    assert set(bench.present()) == {"A", "B"}
    bench.check()


async def test_version_whose_children_come_later_is_applied_then(bench: Bench) -> None:
    good = await bench.show(GOOD)
    root, objects = graph(collection("Мост", element("A"), element("C")))
    late = [key for key in objects if objects[key].get("applicationId") == "C"]
    bench.sandbox.world.add_objects(bench.project_id, objects)
    bench.sandbox.world.withhold_objects(bench.project_id, late)
    version = await bench.sandbox.publish(bench.project_id, bench.model_id, root)
    outcome = await bench.look()
    assert (bench.project_id, bench.model_id) in outcome.retry
    row = bench.version(version)
    assert row["state"] == "pending"
    assert late[0] in row["error"]
    assert bench.cursor()["version_id"] == good.id
    assert bench.staged() == 0
    bench.sandbox.world.release_objects(bench.project_id)
    await bench.look()
    row = bench.version(version)
    assert (row["state"], row["error"], row["attempts"]) == ("synced", None, 2)
    assert set(bench.present()) == {"A", "C"}
    bench.check()


async def test_version_whose_children_never_come_fails_with_their_ids_and_the_next_one_applies(bench: Bench) -> None:
    good = await bench.show(GOOD)
    lost = "f" * 32
    bad = await bench.publish(collection("Мост", element("A"), element("D"), lost))
    await bench.out_of_patience(bad)
    row = bench.version(bad)
    assert row["state"] == "failed"
    assert lost in row["error"]
    assert bench.cursor()["version_id"] == good.id
    assert set(bench.present()) == {"A", "B"}
    assert bench.staged() == 0
    newer = await bench.show(collection("Мост", element("A")))
    assert bench.cursor()["version_id"] == newer.id
    assert set(bench.present()) == {"A"}
    bench.check()


async def test_burst_of_events_does_not_use_up_the_patience_for_missing_children(bench: Bench) -> None:
    version = await bench.publish(collection("Мост", "f" * 32))
    for _ in range(4 * LEAST_ATTEMPTS):
        assert (await bench.look()).retry
    bench.later(MISSING_SECONDS - 60)
    assert (await bench.look()).retry
    assert bench.version(version)["state"] == "pending"
    bench.later(120)
    assert not (await bench.look()).retry
    assert bench.version(version)["state"] == "failed"


async def test_long_pause_between_two_attempts_does_not_use_up_the_patience_either(bench: Bench) -> None:
    version = await bench.publish(collection("Мост", "f" * 32))
    await bench.look()
    bench.later(10 * MISSING_SECONDS)
    assert (await bench.look()).retry
    assert bench.version(version)["state"] == "pending"


async def test_other_troubles_before_do_not_use_up_the_patience_for_missing_children(bench: Bench) -> None:
    version = await bench.publish(collection("Мост", "f" * 32))
    await bench.look()
    bench.rows("UPDATE versions SET attempts = 50 RETURNING id")
    await bench.look()
    assert bench.version(version)["state"] == "pending"


async def test_object_that_is_no_json_fails_the_version_with_its_id(
    database: Database, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)
    # The masks of the object stream need JSON: only the older route hands such an object out.
    async with (
        SandboxServer(object_stream=False) as sandbox,
        open_bench(sandbox, database, owner_url) as bench,
    ):
        good = await bench.show(GOOD)
        broken = "e" * 32
        sandbox.world.add_objects(bench.project_id, {broken: b'{"speckle_type": "Objects.Data.DataObject", "na'})
        bad = await bench.publish(collection("Мост", element("A"), broken))
        await bench.out_of_patience(bad)
        row = bench.version(bad)
        assert row["state"] == "failed"
        assert broken in row["error"]
        assert "cannot be read" in row["error"]
        assert bench.cursor()["version_id"] == good.id
        bench.check()


async def test_tree_deeper_than_any_real_one_fails_after_a_bounded_number_of_requests(bench: Bench) -> None:
    thing = element("leaf")
    for number in range(fetch.MAX_LEVELS + 50):
        thing = element(f"e{number}", thing)
    version = await bench.publish(thing)
    bench.sandbox.counts.reset()
    await bench.look()
    row = bench.version(version)
    assert row["state"] == "failed"
    assert f"more than {fetch.MAX_LEVELS} levels" in row["error"]
    assert sum(count for path, count in bench.sandbox.counts.requests.items() if "object" in path) == fetch.MAX_LEVELS


async def test_deep_tree_within_the_bound_is_applied(bench: Bench) -> None:
    thing = element("leaf")
    for number in range(60):
        thing = element(f"e{number}", thing)
    version = await bench.show(collection("Root", thing))
    assert bench.version(version)["added"] == 61
    bench.check()


async def test_cycles_and_elements_inside_themselves_end_as_one_row_each(bench: Bench) -> None:
    def raw(key: str, application_id: str, *children: str) -> Thing:
        references = [{"speckle_type": "reference", "referencedId": child} for child in children]
        return {"id": key, "speckle_type": DATA_OBJECT, "applicationId": application_id, "elements": references}

    a, b, own, root = "a" * 32, "b" * 32, "c" * 32, "d" * 32
    objects = {
        root: {"id": root, "speckle_type": COLLECTION, "name": "r", "elements": raw("", "", a, own, root)["elements"]},
        a: raw(a, "A", b),
        b: raw(b, "B", a),
        own: raw(own, "Own", own),
    }
    for message in ("first", "again"):
        version = await bench.sandbox.publish(bench.project_id, bench.model_id, root, objects=objects, message=message)
        await bench.look()
        assert bench.version(version)["state"] == "synced"
        assert set(bench.present()) == {"A", "B", "Own"}
    assert bench.version(version)["unchanged"] == 3
    bench.check()


async def test_diamonds_that_unfold_without_end_fail_instead_of_filling_the_database(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "_LEAST_LIMIT", 20_000)
    good = await bench.show(GOOD)
    root, objects = graph(element(None, name="leaf"))
    for number in range(40):
        root, above = graph(element(None, root, root, name=f"level {number}"))
        objects |= above
    bad = await bench.sandbox.publish(bench.project_id, bench.model_id, root, objects=objects)
    outcome = await bench.look()
    assert not outcome.retry
    row = bench.version(bad)
    assert row["state"] == "failed"
    assert "unfolds" in row["error"]
    assert bench.cursor()["version_id"] == good.id
    bench.check()


async def test_small_diamond_without_application_ids_is_a_row_per_place(bench: Bench) -> None:
    shared = element(None, name="bolt")
    await bench.show(collection("Root", element("A", shared), element("B", shared)))
    assert len(bench.present_rows()) == 4
    parents = {row["parent_guid"] for row in bench.present_rows() if row["element_name"] == "bolt"}
    assert len(parents) == 2
    bench.check()


async def test_elements_without_application_id_keep_their_rows_from_version_to_version(bench: Bench) -> None:
    def storey(width: int) -> Thing:
        return collection("Root", element("A", element(None, name="leg"), element(None, name="arm", width=width)))

    await bench.show(storey(1))
    before = {row["element_name"]: row["guid"] for row in bench.present_rows()}
    version = await bench.show(storey(2))
    assert {row["element_name"]: row["guid"] for row in bench.present_rows()} == before
    row = bench.version(version)
    # A says nothing of its children: only the arm changed.
    assert (row["added"], row["modified"], row["unchanged"], row["removed"]) == (0, 1, 2, 0)
    bench.check()


async def test_duplicates_by_application_id_are_one_row_when_equal_and_rows_of_their_own_when_not(
    bench: Bench,
) -> None:
    version = await bench.show(
        collection(
            "Root",
            collection("one", element("A", size=1)),
            collection("two", element("A", size=1, displayValue=[{"mesh": "other id, same content"}])),
            collection("three", element("A", size=2)),
            collection("four", element("A", size=3)),
        )
    )
    row = bench.version(version)
    assert (row["added"], row["duplicates"]) == (3, 2)
    sizes = sorted(item["properties"]["size"] for item in bench.present_rows())
    assert sizes == [1, 2, 3]
    assert {item["application_id"] for item in bench.present_rows()} == {"A"}
    bench.check()


async def test_equal_duplicate_takes_over_when_the_first_one_goes(bench: Bench) -> None:
    """The duplicate's object is known, so it is not downloaded, though it never made the row itself."""
    mesh = {"displayValue": [{"speckle_type": "reference", "referencedId": "0" * 32}]}
    nested = collection("two", element("A", size=1, **mesh))
    await bench.show(collection("Root", collection("one", element("A", size=1)), nested))
    version = await bench.show(collection("Root", nested))
    assert bench.version(version)["state"] == "synced"
    assert bench.present()["A"]["path"] == ["Root", "two"]
    assert bench.present()["A"]["properties"]["size"] == 1
    bench.check()


async def test_object_inside_two_others_is_staged_once(bench: Bench) -> None:
    """Legacy senders nest undetached children, with their ids, wherever they occur."""
    bolt = {**element("bolt"), "id": "1" * 32}
    inline = {"elements": [bolt]}
    root, objects = graph(collection("Root"))
    a, b = {**element("A"), **inline, "id": "a" * 32}, {**element("B"), **inline, "id": "b" * 32}
    objects[root]["elements"] = [{"speckle_type": "reference", "referencedId": key} for key in ("a" * 32, "b" * 32)]
    version = await bench.sandbox.publish(
        bench.project_id, bench.model_id, root, objects={**objects, "a" * 32: a, "b" * 32: b}
    )
    await bench.look()
    assert bench.version(version)["error"] is None
    assert set(bench.present()) == {"A", "B", "bolt"}
    bench.check()


async def test_collection_inside_an_element_adds_to_the_path_and_keeps_the_parent(bench: Bench) -> None:
    await bench.show(collection("Root", element("wall", collection("Doors", element("door")))))
    found = bench.present()
    assert found["door"]["path"] == ["Root", "Doors"]
    assert found["door"]["parent_guid"] == found["wall"]["guid"]
    bench.check()


ODD_TEXTS: list[Thing] = [
    {"name": "Балка Б-1 · Арқалық · 梁"},
    {"properties": {"Қасиет/3.5kN": {"a.b/c": 1}, "": {"x": 2}, "null": {"y": 3}}},
    {"properties": {f"property {number}": number for number in range(900)}},
    {"elements": None},
    {"properties": None},
    {"properties": ["a list"]},
    {"level": 7, "category": None, "units": "m"},
]


@pytest.mark.parametrize("members", ODD_TEXTS)
async def test_odd_members_are_stored_as_they_are(bench: Bench, members: Thing) -> None:
    version = await bench.show(collection("Root", element("A", **members)))
    assert bench.version(version)["state"] == "synced"
    row = bench.present()["A"]
    if isinstance(members.get("properties"), dict):
        assert {key: row["properties"][key] for key in members["properties"]} == members["properties"]
    if "name" in members:
        assert row["element_name"] == members["name"]
    again = await bench.show(collection("Root", element("A", **members), element("B")))
    assert bench.version(again)["unchanged"] == 1
    bench.check()


async def test_name_that_is_a_number_is_its_text(bench: Bench) -> None:
    await bench.show(collection("Root", element("A", name=42)))
    assert bench.present()["A"]["element_name"] == "42"


RAW = (
    '{"id": "%s", "speckle_type": "Objects.Data.DataObject", "applicationId": "A", "name": "x\\u0000y", '
    '"properties": {"lone": "\\ud800", "big": 12345678901234567890123, "huge": 1e400, "nan": %s, '
    '"nul\\u0000key": "kept", "fine": 1.5}}'
)


@pytest.mark.parametrize("number", ["null", "NaN", "-Infinity"])
async def test_what_postgresql_cannot_hold_costs_the_value_and_not_the_version(
    database: Database, owner_url: str, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setattr(fetch, "_PAUSE", 0.0)
    async with (
        SandboxServer(object_stream=False) as sandbox,
        open_bench(sandbox, database, owner_url) as bench,
    ):
        key = "a" * 32
        sandbox.world.add_objects(bench.project_id, {key: (RAW % (key, number)).encode()})
        version = await bench.show(collection("Root", key, element("B")))
        assert bench.version(version)["state"] == "synced"
        row = bench.present()["A"]
        assert row["element_name"] == "x\ufffdy"
        stored: dict[str, Any] = row["properties"]
        assert stored["lone"] == "\ufffd"
        assert stored["huge"] is None
        assert stored["nan"] is None
        assert float(stored["big"]) == float("1.2345678901234567890123e22")
        assert stored["nul\ufffdkey"] == "kept"
        assert stored["fine"] == 1.5
        bench.check()


async def test_integers_beyond_double_precision_arrive_as_the_server_gives_them(bench: Bench) -> None:
    await bench.show(collection("Root", element("A", properties={"n": 2**53 + 1, "text": json.dumps(2**60)})))
    assert bench.present()["A"]["properties"]["n"] in (2**53, 2**53 + 1)

# ruff: noqa: RUF001, S608  (a station is Cyrillic; statements are made of the literals of this file)
"""Rows made by other rules are derived again from what they store, and nobody is told of a modification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from integration.pipeline.bench import collection, element
from speckle2pg.errors import ConfigurationError
from speckle2pg.pipeline import merge, remap
from speckle2pg.pipeline.extract import canonical
from speckle2pg.pipeline.extract.attributes import compile_rules
from speckle2pg.sandbox.bridge import sample_bridge

if TYPE_CHECKING:
    from integration.pipeline.bench import Bench
    from speckle2pg.store.database import Database

# What no derivation may change: who changed the element and when, and how often it was applied.
_KEPT = "guid, version_id, from_seq, created_at, updated_at, removed_at, object_id, properties, path, parent_guid"
PIER = element("A", ifcType="IfcColumn", properties={"Property Sets": {"Bridge": {"Station": "ПК12+50", "Span": 3}}})


def run(bench: Bench, statement: str, *parameters: Any) -> None:
    with psycopg.connect(bench.owner_url, autocommit=True) as connection:
        connection.execute(statement.encode(), parameters or None)


def map_attribute(bench: Bench, name: str, path: str, kind: str) -> None:
    run(
        bench,
        "INSERT INTO attribute_map (project_id, name, paths, type) VALUES (%s, %s, ARRAY[%s], %s)",
        *(bench.project_id, name, path, kind),
    )


def attributes(bench: Bench) -> dict[str, Any]:
    return {name: row["attributes"] for name, row in bench.present().items()}


async def test_attribute_map_takes_effect_at_the_next_look_and_counts_as_nothing(bench: Bench) -> None:
    version = await bench.show(collection("Root", PIER, element("B")))
    before = bench.rows(f"SELECT {_KEPT} FROM model_elements ORDER BY guid")
    positions = {row["guid"]: row["change_pos"] for row in bench.rows("SELECT guid, change_pos FROM model_elements")}
    map_attribute(bench, "station", "Property Sets.*.Station", "station")
    outcome = await bench.look()
    assert outcome.applied == {}, "nothing was applied"
    assert attributes(bench) == {"A": {"station": 1250.0}, "B": {}}
    assert bench.rows(f"SELECT {_KEPT} FROM model_elements ORDER BY guid") == before
    assert bench.rows("SELECT count(*) AS n FROM element_history") == [{"n": 0}]
    assert bench.version(version)["modified"] == 0
    moved = {
        row["application_id"]
        for row in bench.rows("SELECT application_id, guid, change_pos FROM model_elements")
        if row["change_pos"] != positions[row["guid"]]
    }
    assert moved == {"A"}, "the feed tells of what people can see, and of nothing else"

    again = await bench.show(collection("Root", PIER, element("B"), element("C")))
    assert (bench.version(again)["added"], bench.version(again)["unchanged"]) == (1, 2)
    assert attributes(bench)["A"] == {"station": 1250.0}


async def test_attributes_are_picked_at_the_first_load_and_again_when_the_map_is_emptied(bench: Bench) -> None:
    map_attribute(bench, "span", "Property Sets.Bridge.Span", "number")
    await bench.show(collection("Root", PIER))
    assert attributes(bench) == {"A": {"span": 3}}
    run(bench, "DELETE FROM attribute_map")
    await bench.look()
    assert attributes(bench) == {"A": {}}
    bench.check()


async def test_removed_elements_are_derived_again_too(bench: Bench) -> None:
    await bench.show(collection("Root", PIER, element("B")))
    await bench.show(collection("Root", element("B")))
    map_attribute(bench, "span", "Property Sets.Bridge.Span", "number")
    await bench.look()
    assert [row["attributes"] for row in bench.elements("removed_at IS NOT NULL")] == [{"span": 3}]


async def test_deriving_again_by_the_same_rules_changes_nothing(bench: Bench, database: Database) -> None:
    version = sample_bridge()[1]
    bench.sandbox.world.add_objects(bench.project_id, version.objects)
    await bench.sandbox.publish(bench.project_id, bench.model_id, version.root_id)
    await bench.look()
    rows = bench.rows("SELECT *, xmin::text FROM model_elements ORDER BY guid")
    tree = bench.rows("SELECT *, xmin::text FROM model_objects ORDER BY 3, 4, 7")
    done = await remap.remap(database, bench.project_id, bench.model_id, compile_rules([]))
    assert (done.rows, done.changed) == (version.elements, 0)
    assert bench.rows("SELECT *, xmin::text FROM model_elements ORDER BY guid") == rows
    assert bench.rows("SELECT *, xmin::text FROM model_objects ORDER BY 3, 4, 7") == tree


def next_canonical_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the next release might: another rule of noise, another way to write numbers."""
    version = canonical.CANONICAL_VERSION + 1
    for module in (canonical, remap, merge):
        monkeypatch.setattr(module, "CANONICAL_VERSION", version)
    monkeypatch.setattr(canonical, "_SIGNIFICANT", 6)


async def test_new_canonical_version_hashes_stored_rows_again_and_reports_no_change(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *_ = sample_bridge()
    for version in (first, second):
        bench.sandbox.world.add_objects(bench.project_id, version.objects)
    await bench.sandbox.publish(bench.project_id, bench.model_id, first.root_id)
    await bench.look()
    before = bench.rows("SELECT * FROM model_elements ORDER BY guid")

    next_canonical_version(monkeypatch)
    outcome = await bench.look()
    assert outcome.applied == {}
    after = bench.rows("SELECT * FROM model_elements ORDER BY guid")
    hidden = ("content_hash", "canonical_version")
    assert {row["canonical_version"] for row in after} == {canonical.CANONICAL_VERSION}
    assert any(one["content_hash"] != other["content_hash"] for one, other in zip(before, after, strict=True))
    for row in (*before, *after):
        for name in hidden:
            del row[name]
    assert after == before

    await bench.sandbox.publish(bench.project_id, bench.model_id, first.root_id)
    outcome = await bench.look()
    counts = outcome.applied[bench.model_id].counts
    assert (counts.added, counts.modified, counts.removed) == (0, 0, 0)
    await bench.sandbox.publish(bench.project_id, bench.model_id, second.root_id)
    outcome = await bench.look()
    assert outcome.applied[bench.model_id].counts.modified < first.elements / 10


async def test_rows_of_a_newer_program_are_left_alone(
    bench: Bench, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        next_canonical_version(newer)
        await bench.show(collection("Root", PIER))
    rows = bench.rows("SELECT *, xmin::text FROM model_elements")
    with pytest.raises(ConfigurationError, match="upgrade"):
        await remap.remap(database, bench.project_id, bench.model_id, compile_rules([]))
    assert bench.rows("SELECT *, xmin::text FROM model_elements") == rows


async def test_differences_within_the_tolerance_never_count_and_never_add_up_unseen(bench: Bench) -> None:
    def beam(length: float) -> Any:
        return collection("Root", element("A", properties={"Length": length, "Mark": "K1"}))

    await bench.show(beam(1.0000004))
    for step in (1.0000007, 1.000001):  # each rounds to another seventh digit
        version = await bench.show(beam(step))
        assert (bench.version(version)["modified"], bench.version(version)["unchanged"]) == (0, 1)
        assert bench.present()["A"]["properties"]["Length"] == 1.0000004
        again = await bench.sandbox.publish(bench.project_id, bench.model_id, bench.version(version)["root_object_id"])
        await bench.look()
        assert bench.version(again)["unchanged"] == 1
    drifted = await bench.show(beam(1.0000016))
    assert bench.version(drifted)["modified"] == 1, "1.2e-6 from what the row holds, if 6e-7 from the last version"
    bench.check()


async def test_element_within_the_tolerance_that_moves_is_modified_once(bench: Bench) -> None:
    def model(name: str, length: float) -> Any:
        return collection("Root", collection(name, element("A", properties={"Length": length})))

    await bench.show(model("Pier 1", 1.0000004))
    await bench.show(model("Pier 1", 1.0000007))
    moved = await bench.show(model("Pier 2", 1.0000007))
    assert bench.version(moved)["modified"] == 1
    assert bench.present()["A"]["path"] == ["Root", "Pier 2"]
    still = await bench.show(model("Pier 2", 1.0000004))
    assert bench.version(still)["unchanged"] == 1


async def test_guids_of_a_model_are_settled_at_its_first_load_until_a_person_says_otherwise(bench: Bench) -> None:
    part = element("2f1d7a52-0d5c-4d3b-8a86-3f1c6a7b9e10")
    await bench.show(collection("Root", part))
    shared = bench.elements("removed_at IS NULL")[0]["guid"]
    run(bench, "UPDATE projects SET separate_models = '{struct*}'")
    assert (await bench.look()).applied == {}
    again = await bench.show(collection("Root", part, element("B")))
    assert (bench.version(again)["added"], bench.version(again)["unchanged"]) == (1, 1)

    counts = (await bench.look(full=True)).applied[bench.model_id].counts
    assert (counts.added, counts.removed) == (1, 1), "B's id is weak, so its guid was the model's own before"
    assert shared not in {row["guid"] for row in bench.elements("removed_at IS NULL")}
    assert (await bench.look()).applied == {}

    run(bench, "UPDATE projects SET separate_models = '{}'")
    await bench.show(collection("Root", part))
    assert shared not in {row["guid"] for row in bench.elements("removed_at IS NULL")}
    counts = (await bench.look(full=True)).applied[bench.model_id].counts
    assert counts.restored == 1
    assert [row["guid"] for row in bench.elements("removed_at IS NULL")] == [shared]


@pytest.mark.parametrize(("old", "new"), [(0.0, 4.94e-322), (4.94e-322, 9.9e-322), (1e308, -1e308), (1e-320, None)])
async def test_quantities_at_the_ends_of_what_a_double_holds_are_compared(
    bench: Bench, old: float, new: float | None
) -> None:
    def beam(length: float | None) -> Any:
        quantity = {"Length": {"value": length, "units": "m"}}
        return collection("Root", element("A", ifcType="IfcBeam", properties={"Quantities": {"Qto": quantity}}))

    await bench.show(beam(old))
    version = await bench.show(beam(new))
    assert (bench.version(version)["state"], bench.version(version)["modified"]) == ("synced", 1)
    assert bench.present()["A"]["length_m"] == new


@pytest.mark.parametrize("paths", ["{NULL}", "{{a,b},{c,d}}", "{}"])
def test_rules_that_cannot_be_followed_are_refused_where_they_are_written(bench: Bench, paths: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        run(bench, "INSERT INTO attribute_map (project_id, name, paths, type) VALUES ('p', 'x', %s, 'text')", paths)

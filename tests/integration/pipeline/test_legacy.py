"""Versions of v2 connectors, whose elements hang below dynamic members of plain objects."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from speckle2pg.pipeline.extract.attributes import NO_ATTRIBUTES
from speckle2pg.pipeline.remap import remap
from unit.extract import families

if TYPE_CHECKING:
    from integration.pipeline.bench import Bench, Thing
    from speckle2pg.sandbox.entities import Version
    from speckle2pg.store.database import Database

V2 = "Objects.BuiltElements."


class Commit:
    """Objects of a commit, and references to them."""

    def __init__(self) -> None:
        self.objects: dict[str, Thing] = {}

    def put(self, speckle_type: str, application_id: str | None = None, **members: Any) -> Thing:
        """Adds an object and gives a reference to it."""
        thing = {"speckle_type": speckle_type, "applicationId": application_id, **members}
        key = hashlib.md5(json.dumps(thing, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        self.objects[key] = {**thing, "id": key}
        return {"speckle_type": "reference", "referencedId": key}

    async def show(self, bench: Bench, **categories: Any) -> Version:
        """Publishes a plain root with these members, and applies it."""
        root = self.put("Base", None, **categories)["referencedId"]
        version = await bench.sandbox.publish(bench.project_id, bench.model_id, root, objects=self.objects)
        await bench.look()
        assert bench.version(version)["state"] == "synced", bench.version(version)["error"]
        return version


def walls(commit: Commit, width: float = 0.2) -> list[Thing]:
    mesh = commit.put("Objects.Geometry.Mesh", "mesh", vertices=[1, 2, 3])
    window = commit.put(V2 + "Window", "window", name="Window")
    nameless = commit.put(V2 + "Opening", name="hole", units="m")
    wall = commit.put(
        V2 + "Wall", "wall", name="Wall", width=width, elements=[window, nameless], **{"@displayValue": [mesh]}
    )
    return [wall, commit.put(V2 + "Wall", "other", name="Other")]


async def test_dynamic_members_are_rows_with_paths_and_a_republication_reads_only_the_root(bench: Bench) -> None:
    commit = Commit()
    first = await commit.show(bench, **{"@Walls": walls(commit), "@Types": commit.put("Base", Walls=[])})
    found = {row["element_name"]: row for row in bench.present_rows()}
    assert set(found) == {"Wall", "Window", "hole", "Other"}
    assert {tuple(row["path"]) for row in found.values()} == {("Walls",)}
    assert found["Window"]["parent_guid"] == found["hole"]["parent_guid"] == found["Wall"]["guid"]
    assert (found["Window"]["category"], found["hole"]["kind"]) == ("Walls", "void")
    assert bench.version(first)["objects_fetched"] == 5, "the root and the elements; no mesh, no types"

    again = await bench.sandbox.publish(bench.project_id, bench.model_id, bench.version(first)["root_object_id"])
    await bench.look()
    row = bench.version(again)
    assert (row["objects_fetched"], row["unchanged"], row["modified"]) == (1, 4, 0)
    bench.check()


async def test_category_beside_another_moves_nothing_and_one_changed_wall_is_all_that_is_read(bench: Bench) -> None:
    commit = Commit()
    await commit.show(bench, **{"@Walls": walls(commit)})
    before = {row["element_name"]: row["guid"] for row in bench.present_rows()}
    floor = commit.put(V2 + "Floor", "floor", name="Floor")
    version = await commit.show(bench, **{"@Floors": [floor], "@Walls": walls(commit, width=0.3)})
    row = bench.version(version)
    assert (row["added"], row["modified"], row["removed"], row["unchanged"]) == (1, 1, 0, 3)
    assert row["objects_fetched"] == 3, "the root, the floor and the wall"
    after = {row["element_name"]: row["guid"] for row in bench.present_rows()}
    assert {name: after[name] for name in before} == before
    bench.check()


async def test_rows_of_every_family_are_derived_again_from_the_database_without_a_difference(
    bench: Bench, database: Database
) -> None:
    commit = Commit()
    things = []
    for name, members in families.EVERY.items():
        rest = {key: value for key, value in members.items() if key not in {"speckle_type", "applicationId"}}
        things.append(commit.put(members["speckle_type"], name, **rest))
    await commit.show(bench, **{"@data": things})
    assert len(bench.present_rows()) == len(families.EVERY)
    rows = bench.rows("SELECT *, xmin::text FROM model_elements ORDER BY guid")
    tree = bench.rows("SELECT *, xmin::text FROM model_objects ORDER BY guid, position")
    done = await remap(database, bench.project_id, bench.model_id, NO_ATTRIBUTES)
    assert (done.rows, done.changed) == (len(families.EVERY), 0)
    assert bench.rows("SELECT *, xmin::text FROM model_elements ORDER BY guid") == rows
    assert bench.rows("SELECT *, xmin::text FROM model_objects ORDER BY guid, position") == tree
    bench.check()

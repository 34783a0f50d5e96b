"""What is read of an object: its node, its facts, its children and levels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from speckle2pg.pipeline.extract.decode import parse

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Facts, Parsed

COLLECTION = "Speckle.Core.Models.Collections.Collection"
DATA = "Objects.Data.DataObject"


def read(*, is_root: bool = False, **members: Any) -> Parsed:
    return parse("ab", json.dumps(members).encode(), is_root=is_root)


def element(**members: Any) -> Parsed:
    return read(**{"speckle_type": DATA, "applicationId": "x", **members})


def facts_of(parsed: Parsed) -> Facts:
    assert parsed.facts is not None
    return parsed.facts


def properties_of(parsed: Parsed) -> dict[str, Any]:
    properties = json.loads(facts_of(parsed).properties)
    assert isinstance(properties, dict)
    return properties


def reference(object_id: str) -> dict[str, str]:
    return {"speckle_type": "reference", "referencedId": object_id}


def test_collection_is_a_container_without_facts() -> None:
    parsed = read(speckle_type=COLLECTION, name="Beams", applicationId="c", elements=[reference("e1")])
    assert parsed.node.kind == "container"
    assert (parsed.node.name, parsed.node.application_id, parsed.node.children) == ("Beams", "c", ("e1",))
    assert parsed.node.own_hash is None
    assert parsed.facts is None


@pytest.mark.parametrize(
    "speckle_type",
    [
        "Speckle.Core.Models.Collection",
        COLLECTION + ":Speckle.Core.Models.Collections.Layer",
        "Speckle.Core.Models.Collections.Collection:Objects.Organization.RhinoLayer",
        "Base:Speckle.Core.Models.OldCollection",
    ],
)
def test_collections_of_every_vintage_are_containers(speckle_type: str) -> None:
    assert read(speckle_type=speckle_type).node.kind == "container"


def test_plain_root_is_a_container_and_a_plain_element_is_not() -> None:
    assert read(is_root=True, speckle_type="Base", elements=[]).node.kind == "container"
    assert read(speckle_type="Base").node.kind == "other"


def test_root_that_is_an_element_makes_a_row() -> None:
    parsed = read(is_root=True, speckle_type=DATA, ifcType="IfcBeam", applicationId="b")
    assert parsed.node.kind == "part"
    assert facts_of(parsed).element_type == "IfcBeam"


def test_definition_geometry_is_never_descended() -> None:
    parsed = read(speckle_type=COLLECTION, applicationId=None, name="definitionGeometry", elements=[reference("m")])
    assert parsed.node.kind == "container"
    assert parsed.node.children == ()


@pytest.mark.parametrize(
    "speckle_type",
    [
        "Speckle.Core.Models.Instances.InstanceProxy",
        "Objects.Other.RenderMaterialProxy",
        "Objects.Other.RenderMaterial",
        "Speckle.Core.Models.DataChunk",
    ],
)
def test_servants_of_others_are_ignored(speckle_type: str) -> None:
    parsed = read(speckle_type=speckle_type, applicationId="i", elements=[reference("m")])
    assert parsed.node.kind == "ignored"
    assert parsed.node.children == ()
    assert parsed.facts is None


def test_geometry_listed_as_an_element_is_one_without_its_shape() -> None:
    parsed = read(
        speckle_type="Objects.Geometry.Mesh", applicationId="g", area=2.0, vertices=[1, 2, 3], units="m",
        userStrings={"Pier": "3"}, bbox={"speckle_type": "Objects.Geometry.Box", "area": 1},
    )  # fmt: skip
    assert parsed.node.kind == "other"
    assert facts_of(parsed).element_type == "Mesh"
    assert properties_of(parsed) == {
        "speckle_type": "Objects.Geometry.Mesh", "area": 2.0, "units": "m", "userStrings": {"Pier": "3"}
    }  # fmt: skip


def test_children_are_those_of_elements_then_of_detached_elements() -> None:
    parsed = element(**{"@elements": [reference("b")], "elements": [reference("a1"), reference("a2")]})
    assert parsed.node.children == ("a1", "a2", "b")


def test_inline_children_are_parsed_with_their_own_ids_or_their_places() -> None:
    inner = {"speckle_type": DATA, "id": "c2", "name": "inner"}
    middle = {"speckle_type": DATA, "name": "middle", "elements": [inner]}
    parsed = element(elements=[reference("a"), middle])
    assert parsed.node.children == ("a", "ab:1")
    assert [p.node.object_id for p in parsed.flat()] == ["ab", "ab:1", "c2"]
    assert [p.node.name for p in parsed.inline] == ["middle"]
    assert parsed.inline[0].node.children == ("c2",)


def test_levels_come_by_application_id_and_undefined_is_none() -> None:
    parsed = read(
        is_root=True,
        speckle_type=COLLECTION,
        levelProxies=[
            {"objects": ["a", "b", 3], "value": {"name": "Этаж 1", "elevation": 0}},
            {"objects": ["b", "c"], "value": {"name": "L2"}},
            {"objects": ["d"], "value": {"name": "Undefined"}},
            {"objects": None, "value": {"name": "L3"}},
            {"objects": ["e"], "value": None},
            None,
        ],
    )
    assert parsed.levels == {"a": "Этаж 1", "b": "Этаж 1", "c": "L2"}


def test_properties_are_the_own_ones_and_other_plain_members() -> None:
    parsed = element(
        ifcType="IfcBeam", name="B", units="m", displayValue=[{"vertices": [1]}], custom=[1, None, {"a": 1}],
        properties={"units": "own", "A": {"b": 1}}, **{"@displayValue": [1], "renderMaterialProxies": [1]},
    )  # fmt: skip
    assert properties_of(parsed) == {
        "units": "own", "A": {"b": 1}, "object.units": "m", "custom": [1, None, {"a": 1}],
        "speckle_type": DATA,
    }  # fmt: skip


def test_references_shapes_and_bookkeeping_are_no_properties() -> None:
    line = {"speckle_type": "Objects.Geometry.Line", "start": 1}
    parsed = element(
        location=line, curves=[line, line], next=reference("n"), transform=[1, 0], definitionId="d",
        properties={"ref": reference("r"), "kept": {"refs": [reference("r")], "n": 1}},
        note={"speckle_type": "Base", "id": "i", "totalChildrenCount": 0, "text": "t"},
    )  # fmt: skip
    assert properties_of(parsed) == {
        "kept": {"n": 1}, "note": {"speckle_type": "Base", "text": "t"}, "speckle_type": DATA
    }  # fmt: skip


@pytest.mark.parametrize(("application_id", "text"), [("", None), (None, None), (12, "12"), ("aB", "aB")])
def test_application_id_is_kept_as_it_came(application_id: Any, text: str | None) -> None:
    assert read(speckle_type=DATA, applicationId=application_id).node.application_id == text


def test_element_id_is_taken_as_text() -> None:
    assert read(speckle_type=DATA, properties={"elementId": 4711}).node.element_id == "4711"

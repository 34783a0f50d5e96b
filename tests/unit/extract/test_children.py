"""Which members hold children, in graphs that specklepy's own serializer wrote."""

# specklepy ships no types.
# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from speckle2pg.pipeline.extract.decode import parse
from speckle2pg.pipeline.extract.tree import walk

with warnings.catch_warnings():
    # It says goodbye to object graphs; servers and older connectors do not.
    warnings.simplefilter("ignore")
    from specklepy.objects.base import Base
    from specklepy.objects.geometry import Line, Point
    from specklepy.objects.models.collections.collection import Collection
    from specklepy.serialization.base_object_serializer import BaseObjectSerializer
    from specklepy.transports.memory import MemoryTransport

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Node, Occurrence, Parsed

V2 = "Objects.BuiltElements."
DATA = "Objects.Data.DataObject"


def thing(speckle_type: str = "Base", application_id: str | None = None, /, **members: Any) -> Any:
    made = Base.of_type(speckle_type)
    made.applicationId = application_id
    for name, value in members.items():
        made[name] = value
    return made


def wall(application_id: str, /, **members: Any) -> Any:
    start, end = Point(x=0, y=0, z=0, units="m"), Point(x=1, y=0, z=0, units="m")
    return thing(
        V2 + "Wall:" + V2 + "Revit.RevitWall",
        application_id,
        category="Walls",
        baseLine=Line(start=start, end=end, units="m"),
        **{"@displayValue": [Point(x=0, y=0, z=0, units="m")]},
        **members,
    )


def serialized(root: Base) -> dict[str, bytes]:
    """Return the objects as a server holds them, the root first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transport = MemoryTransport()
        root_id, _ = BaseObjectSerializer(write_transports=[transport]).write_json(root)
    objects = {key: text.encode() for key, text in transport.objects.items()}
    return {root_id: objects[root_id], **objects}


def followed(root: Base) -> tuple[list[Occurrence], set[str]]:
    """Return the occurrences below a root, and the Speckle types of what had to be downloaded for them."""
    objects = serialized(root)
    root_id = next(iter(objects))
    nodes: dict[str, Node] = {}
    read: set[str] = set()
    waiting = [root_id]
    while waiting:
        object_id = waiting.pop()
        if object_id in nodes:
            continue
        read.add(json.loads(objects[object_id])["speckle_type"])
        for parsed in parse(object_id, objects[object_id], is_root=object_id == root_id).flat():
            nodes[parsed.node.object_id] = parsed.node
            waiting.extend(parsed.node.children)
    return list(walk(nodes, root_id, {}, project_id="p", model_id="m")), read


def rows(root: Base) -> dict[str | None, Occurrence]:
    return {one.application_id: one for one in followed(root)[0] if one.is_row}


def test_categories_of_a_v2_commit_are_collections_and_geometry_is_never_read() -> None:
    opening = thing(V2 + "Opening:" + V2 + "Revit.RevitWallOpening", "o")
    root = thing(**{
        "@Walls": [wall("w1", elements=[thing("Objects.Other.Revit.RevitInstance", "door")]), wall("w2")],
        "Floors": [thing(V2 + "Floor", "f", **{"@elements": [opening]})],
        "@Типовые модели": [thing(V2 + "Revit.FamilyInstance", "g")],
        "@Materials": [thing("Objects.Other.Material", "m")],
        "@displayValue": [Point(x=0, y=0, z=0, units="m")],
        "@Types": thing("Base", **{"@Walls": [thing(V2 + "Revit.RevitElementType", "t")]}),
        "@renderMaterialProxies": [thing("Objects.Other.RenderMaterialProxy", "r")],
        "info": thing(V2 + "Revit.ProjectInfo", "i"),
    })  # fmt: skip
    found, read = followed(root)
    made = {one.application_id: one for one in found if one.is_row}
    assert set(made) == {"w1", "w2", "door", "f", "o", "g"}
    assert (made["w1"].path, made["door"].path, made["g"].path) == (("Walls",), ("Walls",), ("Типовые модели",))
    assert made["door"].parent_guid == made["w1"].guid
    assert made["o"].parent_guid == made["f"].guid
    assert made["o"].kind == "void"
    assert made["f"].category == "Floors", "the member's name, where the object has no category of its own"
    assert not any(kind.startswith("Objects.Geometry") or "Type" in kind or "Material" in kind for kind in read)


def test_levels_beside_the_collections_of_a_later_v2_commit_are_elements_and_types_are_not() -> None:
    walls = Collection(name="Walls", elements=[wall("w")])
    root = Collection(name="model", elements=[walls])
    root["@Levels"] = [thing(V2 + "Level:" + V2 + "Revit.RevitLevel", "l", name="L1", elevation=0.0)]
    root["@Types"] = thing("Base", Walls=[thing(V2 + "Revit.RevitElementType", "t")])
    root["@Materials"] = [thing("Objects.Other.Material", "m")]
    found = rows(root)
    assert set(found) == {"w", "l"}
    assert (found["l"].kind, found["l"].path, found["w"].path) == ("spatial", ("model", "Levels"), ("model", "Walls"))


@pytest.mark.parametrize("wrapper", ["@Base", "@data", "@Model", "@objects"])
def test_member_that_only_wraps_everything_is_no_collection(wrapper: str) -> None:
    found = rows(thing(**{wrapper: [thing(V2 + "Beam", "b1"), thing(V2 + "Beam", "b2")]}))
    assert {name: one.path for name, one in found.items()} == {"b1": (), "b2": ()}


def test_structural_model_stands_alone_and_its_loads_only_point_at_elements() -> None:
    beam = thing("Objects.Structural.Geometry.Element1D", "e")
    load = thing("Objects.Structural.Loading.LoadBeam", "load", **{"@elements": [beam]})
    model = thing(
        "Objects.Structural.Analysis.Model", "model", **{"@elements": [load, beam], "@nodes": [thing("X", "n")]}
    )
    found = rows(thing(**{"@Model": model}))
    assert set(found) == {"model", "load", "e"}
    assert found["e"].parent_guid == found["model"].guid


def test_layers_in_layers_of_plain_objects_are_containers() -> None:
    inner = thing(**{"@pier 1": [thing(V2 + "Column", "c")]})
    root = thing(**{"@layer": [inner]})
    assert {name: one.path for name, one in rows(root).items()} == {"c": ("layer", "pier 1")}


def test_plain_object_with_data_of_its_own_is_an_element_and_follows_only_what_reads_like_categories() -> None:
    point = Point(x=0, y=0, z=0, units="m")
    bench = thing("Base", "bench", height=1.0, **{"@legs": [point], "@Parts": [thing("Base", "part", n=1)]})
    found, read = followed(thing(**{"@data": [[bench], []]}))
    made = {one.application_id: one for one in found if one.is_row}
    assert set(made) == {"bench", "part"}
    assert made["part"].parent_guid == made["bench"].guid
    assert "Objects.Geometry.Point" not in read


def test_network_holds_its_elements_in_a_single_object() -> None:
    network = thing(V2 + "Network", "net", **{"@elements": thing("Base", **{"@Ducts": [thing(V2 + "Duct", "d")]})})
    found = rows(thing(**{"@Networks": [network]}))
    assert set(found) == {"net", "d"}
    assert found["d"].path == ("Networks", "Ducts")


@pytest.mark.parametrize(
    "member",
    [
        *("@stations", "@piPoints", "@featurelines", "Connectors", "@SpeckleSchema", "@(10)values", "@Meshes"),
        *("outline", "@definition", "@Definition", "@blockDefinition", "@displayStyle", "levelProxies", "@Geometry"),
    ],
)  # fmt: skip
def test_members_of_a_class_are_no_children(member: str) -> None:
    assert set(rows(Collection(name="c", elements=[wall("w", **{member: [thing(V2 + "Station", "s")]})]))) == {"w"}


def test_v3_objects_hold_children_in_elements_alone() -> None:
    beam = thing(DATA, "b", **{"@Walls": [thing(DATA, "w")], "@elements": [thing(DATA, "c")]})
    assert set(rows(Collection(name="c", elements=[beam]))) == {"b", "c"}


def read(**members: Any) -> Parsed:
    return parse("ab", json.dumps(members).encode(), is_root=True)


def test_children_inside_a_dynamic_member_are_not_repeated_in_properties() -> None:
    inner = {"speckle_type": V2 + "Window", "applicationId": "win"}
    parsed = read(speckle_type=V2 + "Wall", applicationId="w", Windows=[inner], Notes=[{"text": "x"}], Odd=[1, "a"])
    assert [one.node.object_id for one in parsed.flat()] == ["ab", "ab:Windows", "ab:Windows:0"]
    assert parsed.facts is not None
    stored = json.loads(parsed.facts.properties)
    assert "Windows" not in stored
    assert (stored["Notes"], stored["Odd"]) == ([{"text": "x"}], [1, "a"])


def test_order_of_dynamic_members_and_new_ones_beside_them_change_no_guid() -> None:
    def guids(*names: str) -> dict[str, str]:
        held = {name: [thing(V2 + "Wall", None, name=f"{name} wall")] for name in names}
        return {one.name or "": str(one.guid) for one in followed(thing(**held))[0] if one.is_row}

    found = guids("@A", "@B")
    assert guids("@B", "@A") == found
    assert {name: guid for name, guid in guids("@0", "@A", "@AA", "@B").items() if name in found} == found


def test_shared_geometry_of_navisworks_is_never_descended() -> None:
    meshes = Collection(name="Geometry Definitions", elements=[Point(x=0, y=0, z=0, units="m")])
    objects = Collection(name="", elements=[thing(DATA + ":Objects.Data.NavisworksObject", "0/1")])
    found, types = followed(Collection(name="file", elements=[meshes, objects]))
    assert [one.application_id for one in found if one.is_row] == ["0/1"]
    assert "Objects.Geometry.Point" not in types

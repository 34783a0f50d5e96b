"""All columns of one element of each family of connectors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from speckle2pg.pipeline.extract.columns import registry
from speckle2pg.pipeline.extract.columns.source import Columns, Source
from speckle2pg.pipeline.extract.decode import parse
from unit.extract import families

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Facts, Node

EXPECTED: dict[str, tuple[str, Columns]] = {
    "ifc": (
        "part",
        Columns(
            "IfcBeam", "Balk", "BEAM", "01 verdieping", "S235", "b1", "H12", "1", "HEA", length_m=2.116, weight_kg=4.0
        ),
    ),
    "tekla": (
        "part",
        Columns(
            "Beam", "BALKON", material="C45/55", phase="1", profile="GAL280", length_m=2.92, weight_kg=3544.5
        ),
    ),
    "revit": (
        "part",
        Columns("Generic - 200mm", "Wall", "Walls", "L1", "Brick; Gypsum", "W-7", volume_m3=0.3),
    ),
    "rhino": ("part", Columns("RhinoObject", "Pier", material="C35")),
    "archicad": ("part", Columns("ArchicadObject", "Wall", level="1. Story", material="Brick")),
    "navisworks": (
        "part",
        Columns(
            "NavisworksObject", "Basic Wall", "Walls", "L1", "Brick", "W-7", length_m=6.0, area_m2=12.0, volume_m3=2.4
        ),
    ),
    "autocad": ("part", Columns("AutocadObject", "Solid3d")),
    "civil": ("part", Columns("Civil3dObject", "Pipe - (1)", material="PVC")),
    "etabs": (
        "part",
        Columns(
            "EtabsObject", "17", level="Story2", material="A992Fy50", profile="W14X90", length_m=6.0, volume_m3=0.102
        ),
    ),
    "legacy": (
        "part",
        Columns(
            "RevitWall", "Basic Wall Generic", "Walls", "L1", "Brick", "W-8", phase="New", length_m=5.0, area_m2=12.0,
            volume_m3=2.5,
        ),
    ),
    "plain": ("other", Columns("Base", "Bollard", "Street", material="Iron")),
    "shape": ("other", Columns("Mesh")),
}  # fmt: skip


def read(members: dict[str, Any]) -> tuple[Node, Facts]:
    parsed = parse("ab", json.dumps(members).encode())
    assert parsed.facts is not None
    return parsed.node, parsed.facts


@pytest.mark.parametrize("family", families.EVERY)
def test_element_of_each_family_fills_exactly_its_columns(family: str) -> None:
    node, facts = read(families.EVERY[family])
    kind, columns = EXPECTED[family]
    assert node.kind == kind
    assert (node.category, node.level) == (columns.category, columns.level)
    for name in set(columns.__struct_fields__) & set(facts.__struct_fields__):
        expected = getattr(columns, name)
        found = getattr(facts, name)
        assert found == (pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected), name


@pytest.mark.parametrize("family", families.EVERY)
def test_geometry_never_gets_into_properties(family: str) -> None:
    stored = json.loads(read(families.EVERY[family])[1].properties)
    assert "Objects.Geometry.Line" not in json.dumps(stored)
    assert not stored.keys() & {"baseLine", "baseCurves", "vertices", "rawEncoding", "elements", "id"}


@pytest.mark.parametrize("family", families.EVERY)
def test_whatever_is_not_in_a_column_is_in_properties(family: str) -> None:
    members = families.EVERY[family]
    stored = json.loads(read(members)[1].properties)
    for name, value in members.get("properties", {}).items():
        assert stored[name] == value
    for name in {"family", "units", "path", "height", "area", "volume", "userStrings"} & members.keys():
        assert stored[name] == members[name]


def source(speckle_type: str, element_type: str | None, **properties: Any) -> Source:
    return Source(f"{families.DATA}:Objects.Data.{speckle_type}", None, None, element_type, None, None, properties)


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (source("RhinoObject", "Annotation"), "annotation"),
        (source("RhinoObject", "Curve"), "other"),
        (source("RhinoObject", "Brep", builtInCategory="OST_Rooms"), "spatial"),
        (source("ArchicadObject", "Zone"), "spatial"),
        (source("ArchicadObject", "Opening"), "void"),
        (source("ArchicadObject", "LevelDimension"), "annotation"),
        (source("NavisworksObject", None, builtInCategory="OST_Rooms"), "spatial"),
        (source("NavisworksObject", None, Element={"Category": "Grids"}), "annotation"),
        (source("AutocadObject", "MText"), "annotation"),
        (source("AutocadObject", "Polyline"), "other"),
        (source("AutocadObject", "BlockReference"), None),
        (source("Civil3dObject", "Alignment"), "annotation"),
        (source("Civil3dObject", "Parcel"), "spatial"),
        (source("Civil3dObject", "TinSurface"), "other"),
        (source("EtabsObject", "JOINT"), "other"),
        (source("EtabsObject", "SHELL", Assignments={"Opening": "True"}), "void"),
        (source("EtabsObject", "SHELL", Assignments={"Opening": "False"}), None),
    ],
)  # fmt: skip
def test_kinds_of_the_families_follow_their_tables(found: Source, kind: str | None) -> None:
    assert registry.family_of(found).kind(found) == kind


def test_each_connector_has_a_family_of_its_own_and_ifc_comes_first() -> None:
    names = [family.name for family in registry.FAMILIES]
    assert len(set(names)) == len(names)
    assert (names[0], names[-1]) == ("ifc", "general")
    assert [registry.family_of(source(f"{name}Object", "Any")).name for name in ("Tsd", "Microstation", "Qgis")] == [
        "general"
    ] * 3


def test_shell_has_a_slab_property_and_no_profile() -> None:
    members = {**families.ETABS, "type": "SHELL"}
    assert read(members)[1].profile is None


def test_volume_that_etabs_could_not_compute_is_null_and_counted() -> None:
    geometry = {"Length": families.quantity(6.0, "m"), "Volume": families.quantity(float("nan"), "m³")}
    facts = read({**families.ETABS, "properties": {"Geometry": geometry}})[1]
    assert (facts.length_m, facts.volume_m3, facts.replaced) == (6.0, None, 1)


@pytest.mark.parametrize("odd", [None, 3, "x", [1], {"a": [None]}, {"value": {}}, True])
@pytest.mark.parametrize("family", families.EVERY)
def test_members_of_any_shape_are_survived(family: str, odd: Any) -> None:
    members = families.EVERY[family]
    broken = {name: members[name] if name in {"speckle_type", "ifcType"} else odd for name in members}
    assert read(broken)[0].kind
    inner = dict.fromkeys(members.get("properties", {}), odd)
    assert read({**members, "properties": inner})[0].kind


def test_value_that_no_column_can_hold_stays_among_the_properties() -> None:
    members = {**families.TEKLA, "type": {"a": 1}, "category": ["c"], "level": {"elevation": 3}}
    stored = json.loads(read(members)[1].properties)
    assert {name: stored[name] for name in ("type", "category", "level")} == {
        "type": {"a": 1}, "category": ["c"], "level": {"elevation": 3}
    }  # fmt: skip


def test_speckle_type_that_is_an_ifc_entity_itself_is_one() -> None:
    node, facts = read({"speckle_type": "IfcOpeningElement", "applicationId": "x", "name": "o"})
    assert (node.kind, facts.element_type) == ("void", "IfcOpeningElement")

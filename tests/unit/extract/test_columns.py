"""Columns of the elements of each connector, from objects in the shapes that it publishes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from speckle2pg.pipeline.extract.columns import registry
from speckle2pg.pipeline.extract.columns.source import Source
from speckle2pg.pipeline.extract.decode import parse
from speckle2pg.pipeline.extract.members import stored_speckle_type

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Facts, Node

DATA = "Objects.Data.DataObject"
TEKLA = DATA + ":Objects.Data.TeklaObject"
REVIT = DATA + ":Objects.Data.RevitObject"
WALL = "Objects.BuiltElements.Wall:Objects.BuiltElements.Revit.RevitWall"


def read(speckle_type: str, **members: Any) -> tuple[Node, Facts]:
    payload = json.dumps({"speckle_type": speckle_type, "applicationId": "x", **members}).encode()
    parsed = parse("ab", payload)
    assert parsed.facts is not None
    return parsed.node, parsed.facts


def quantity(value: Any, units: str | None = None) -> dict[str, Any]:
    return {"name": "n", "value": value} | ({"units": units} if units else {})


def test_tekla_object_fills_its_columns_from_the_report() -> None:
    report = {
        "LENGTH": quantity(2920.0, "Millimeters"),
        "AREA": quantity(15e6, "Square millimeters"),
        "VOLUME": quantity(1e9, "Cubic millimeters"),
        "WEIGHT": quantity(3544.5, "Kilograms"),
        "PART_POS": quantity("b/7"),
        "ASSEMBLY_POS": quantity("BP-01-01"),
        "PHASE": quantity(1),
    }
    properties = {"profile": "GAL280", "material": "C45/55", "Report": report}
    node, facts = read(TEKLA, type="Beam", name="Balkon", units="mm", properties=properties)
    assert (facts.element_type, facts.element_name) == ("Beam", "Balkon")
    assert (facts.material, facts.profile, facts.phase) == ("C45/55", "GAL280", "1")
    assert (facts.mark, facts.assembly_mark) == ("b/7", "BP-01-01")
    assert facts.length_m == pytest.approx(2.92)
    assert facts.area_m2 == pytest.approx(15.0)
    assert facts.volume_m3 == pytest.approx(1.0)
    assert facts.weight_kg == pytest.approx(3544.5)
    assert (node.kind, node.category, node.level) == ("part", None, None)
    assert json.loads(facts.properties) == {**properties, "speckle_type": TEKLA, "units": "mm"}


def test_tekla_report_weight_is_kilograms_without_a_unit_and_lengths_are_not_guessed() -> None:
    report = {"WEIGHT": quantity(12.0), "LENGTH": quantity(5.0), "VOLUME": 7.0}
    facts = read(TEKLA, type="Beam", properties={"Report": report})[1]
    assert (facts.weight_kg, facts.length_m, facts.volume_m3) == (12.0, None, None)


def test_revit_object_fills_its_columns_from_parameters_and_materials() -> None:
    parameters = {
        "Instance Parameters": {
            "Identity Data": {"Marke": {"value": "W-7", "internalDefinitionName": "ALL_MODEL_MARK"}},
            "Phasing": {"Phase Created": {"value": "Neubau", "internalDefinitionName": "PHASE_CREATED"}},
            "Dimensions": {
                "Length": {"value": 5.0, "units": "Meters", "internalDefinitionName": "CURVE_ELEM_LENGTH"},
                "Area": {
                    "value": 12.0,
                    "units": "Square meters",
                    "internalDefinitionName": "HOST_AREA_COMPUTED",
                },
            },
        },
        "Type Parameters": {"Identity Data": {"Mark": {"value": "type mark"}}},
    }
    materials = {
        "Gypsum": {"area": quantity(12.0, "Square meters"), "volume": quantity(0.5, "Cubic meters")},
        "Brick": {"area": quantity(12.0, "Square meters"), "volume": quantity(2.0, "Cubic meters")},
    }
    node, facts = read(
        REVIT, type="Generic - 200mm", family="Basic Wall", category="Walls", level="Level 1", name="Wall",
        properties={"Parameters": parameters, "Material Quantities": materials, "elementId": 12},
    )  # fmt: skip
    assert (facts.element_type, facts.element_name, facts.material) == (
        "Generic - 200mm",
        "Wall",
        "Brick; Gypsum",
    )
    assert (facts.mark, facts.phase) == ("W-7", "Neubau")
    assert (facts.length_m, facts.area_m2, facts.volume_m3, facts.weight_kg) == (5.0, 12.0, 2.5, None)
    assert (node.kind, node.category, node.level, node.element_id) == ("part", "Walls", "Level 1", "12")
    stored = json.loads(facts.properties)
    assert stored["family"] == "Basic Wall"
    assert not stored.keys() & {"type", "category", "level", "name"}


def test_revit_areas_of_layers_are_not_added_up() -> None:
    layers = {name: {"area": quantity(12.0, "m²")} for name in ("Brick", "Gypsum")}
    assert read(REVIT, properties={"Material Quantities": layers})[1].area_m2 is None
    single = {"Brick": {"area": quantity(12.0, "m²")}}
    assert read(REVIT, properties={"Material Quantities": single})[1].area_m2 == 12.0


def test_legacy_object_fills_its_columns() -> None:
    node, facts = read(
        WALL, family="Basic Wall", type="Generic", category="Walls", units="m", area=12.0, volume="2.5",
        level={"speckle_type": "Objects.BuiltElements.Level", "id": "l", "name": "Level 1", "elevation": 0},
        material={"name": "Brick"},
        parameters={
            "ALL_MODEL_MARK": {"speckle_type": "Objects.BuiltElements.Parameter", "id": "p", "value": "W-7"},
            "PHASE_CREATED": {"name": "Phase Created", "value": "New"},
            "CURVE_ELEM_LENGTH": {"name": "Length", "value": 5000, "units": "mm"},
        },
    )  # fmt: skip
    assert (facts.element_type, facts.element_name, facts.material) == (
        "RevitWall",
        "Basic Wall Generic",
        "Brick",
    )
    assert (facts.mark, facts.phase) == ("W-7", "New")
    assert (facts.length_m, facts.area_m2, facts.volume_m3) == (5.0, 12.0, 2.5)
    assert (node.kind, node.category, node.level) == ("part", "Walls", "Level 1")


def test_legacy_level_may_be_text_and_areas_follow_the_units() -> None:
    node, facts = read("Objects.BuiltElements.Room", level="Undefined", units="mm", area=2e6)
    assert (node.kind, node.level, facts.area_m2) == ("spatial", None, 2.0)


def test_legacy_type_that_says_nothing_gives_way_to_the_objects_own_words() -> None:
    generic = "Objects.BuiltElements.Revit.RevitElement"
    assert read(generic, type="Bollard")[1].element_type == "Bollard"
    assert read(generic)[1].element_type == "RevitElement"


def test_any_other_element_has_its_type_name_and_category() -> None:
    archicad = DATA + ":Objects.Data.ArchicadObject"
    node, facts = read(archicad, name="W", type="Wall", category="c", properties={"material": "Brick"})
    assert (facts.element_type, facts.element_name, facts.material) == ("ArchicadObject", "W", "Brick")
    assert (node.kind, node.category) == ("part", "c")
    assert json.loads(facts.properties)["type"] == "Wall"


@pytest.mark.parametrize(
    ("speckle_type", "members"),
    [
        (DATA, {"ifcType": "IfcSlab", "properties": {"Attributes": {"PredefinedType": "FLOOR"}}}),
        (DATA, {"type": "Wall", "name": 7, "properties": {"speckle_type": "Base", "id": "i"}}),
        (TEKLA, {"type": "Beam", "properties": {"material": "S235", "Report": {"WEIGHT": {"value": 1}}}}),
        (REVIT, {"type": "IfcLike", "category": "Levels", "level": "L", "properties": {"Parameters": {}}}),
        (WALL, {"type": "T", "family": "F", "units": "m", "area": 3, "level": {"name": "L"}}),
        ("Objects.Geometry.Mesh", {"area": 1}),
    ],
)
def test_columns_can_be_derived_again_from_the_stored_row(speckle_type: str, members: dict[str, Any]) -> None:
    node, facts = read(speckle_type, **members)
    properties = json.loads(facts.properties)
    again = registry.derive(
        Source(
            speckle_type=stored_speckle_type(properties),
            application_id=facts.application_id,
            name=facts.element_name,
            type=facts.element_type,
            category=node.category,
            level=node.level,
            properties=properties,
        )
    )
    assert (again.category, again.level) == (node.category, node.level)
    shared = set(again.__struct_fields__) & set(facts.__struct_fields__)
    assert {name: getattr(again, name) for name in shared} == {name: getattr(facts, name) for name in shared}

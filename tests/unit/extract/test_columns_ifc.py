"""Columns of elements from IFC files, with and without Tekla's property sets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from speckle2pg.pipeline.extract.decode import parse

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Facts, Node

DATA = "Objects.Data.DataObject"


def read(speckle_type: str, **members: Any) -> tuple[Node, Facts]:
    payload = json.dumps({"speckle_type": speckle_type, "applicationId": "x", **members}).encode()
    parsed = parse("ab", payload)
    assert parsed.facts is not None
    return parsed.node, parsed.facts


def ifc(properties: dict[str, Any], ifc_type: str = "IfcBeam") -> tuple[Node, Facts]:
    return read(DATA, ifcType=ifc_type, name="Balk", properties=properties)


def quantity(value: Any, units: str | None = None) -> dict[str, Any]:
    return {"name": "n", "value": value} | ({"units": units} if units else {})


TEKLA_COMMON = {"Part mark": "b1", "Assembly mark": "H12", "Phase": 1, "Grade": "S235JR", "Profile": "HEA200"}


def test_ifc_element_from_tekla_fills_its_columns() -> None:
    node, facts = ifc(
        {
            "Attributes": {"PredefinedType": "BEAM", "ObjectType": "_M14"},
            "Building Storey": "01 verdieping",
            "Property Sets": {"Tekla Common": TEKLA_COMMON},
            "Quantities": {
                "BaseQuantities": {
                    "id": 7,
                    "Length": quantity(120.0, "Millimetre"),
                    "NetVolume": quantity(2.0, "Cubic Metre"),
                    "GrossVolume": quantity(3.0, "Cubic Metre"),
                    "OuterSurfaceArea": quantity(4.0, "Square Metre"),
                    "NetWeight": quantity(5.0, "Kilogram"),
                }
            },
        }
    )
    assert (facts.element_type, facts.element_name, facts.material) == ("IfcBeam", "Balk", "S235JR")
    assert (facts.mark, facts.assembly_mark, facts.phase, facts.profile) == ("b1", "H12", "1", "HEA200")
    assert (facts.length_m, facts.area_m2, facts.volume_m3, facts.weight_kg) == (0.12, 4.0, 2.0, 5.0)
    assert (node.category, node.level) == ("BEAM", "01 verdieping")


def test_ifc_assembly_takes_its_mark_from_tekla_assembly() -> None:
    node, facts = ifc({"Property Sets": {"Tekla Assembly": {"Assembly/Cast unit Mark": "BP-01"}}}, "IfcElementAssembly")
    assert (node.kind, facts.assembly_mark, facts.mark) == ("assembly", "BP-01", None)


@pytest.mark.parametrize(
    ("attributes", "category"),
    [
        ({"PredefinedType": "FLOOR", "ObjectType": "x"}, "FLOOR"),
        ({"PredefinedType": "NOTDEFINED", "ObjectType": "x"}, "x"),
        ({"PredefinedType": "USERDEFINED", "ObjectType": "x"}, "x"),
        ({"PredefinedType": None, "ObjectType": None}, ""),
        ({}, ""),
    ],
)
def test_ifc_category_is_the_predefined_or_object_type_and_never_a_storey(
    attributes: dict[str, Any], category: str
) -> None:
    assert ifc({"Attributes": attributes})[0].category == category


@pytest.mark.parametrize("level", ["Undefined", "undefined", "", None])
def test_undefined_storey_is_no_level(level: str | None) -> None:
    assert ifc({"Building Storey": level})[0].level is None


def test_ifc_net_comes_before_gross_and_base_quantities_before_other_sets() -> None:
    sets = {
        "ArchiCADQuantities": {"NetSideArea": quantity(1.0, "m²"), "GrossArea": quantity(9.0, "m²")},
        "BaseQuantities": {"NetSideArea": quantity(2.0, "m²"), "GrossSideArea": quantity(3.0, "m²")},
    }
    assert ifc({"Quantities": sets})[1].area_m2 == 2.0


def test_ifc_quantity_without_a_known_unit_is_passed_over_for_one_that_has_it() -> None:
    sets = {"BaseQuantities": {"NetVolume": quantity(2.0), "GrossVolume": quantity(3.0, "m³")}}
    assert ifc({"Quantities": sets})[1].volume_m3 == 3.0


def test_tekla_quantity_is_kilograms_and_nothing_else_without_evidence() -> None:
    tekla = {"Length": 120.0, "Net volume": 2.0, "Net surface area": 3.0, "Weight": 4.0}
    facts = ifc({"Property Sets": {"Tekla Quantity": tekla}})[1]
    assert (facts.length_m, facts.area_m2, facts.volume_m3, facts.weight_kg) == (None, None, None, 4.0)


def test_tekla_quantity_takes_the_unit_of_a_quantity_that_names_it_and_agrees() -> None:
    properties = {
        "Property Sets": {"Tekla Quantity": {"Length": 2116.0, "Width": 1230.0, "Net volume": 2.0}},
        "Quantities": {"BaseQuantities": {"Width": quantity(1230.0, "Millimetre"), "Other": quantity(5.0, "m³")}},
    }
    facts = ifc(properties)[1]
    assert facts.length_m == pytest.approx(2.116)
    assert facts.volume_m3 is None


def test_ifc_material_is_a_material_property_without_a_grade() -> None:
    assert ifc({"Property Sets": {"Pset": {"Materiaal": "C30/37"}}})[1].material == "C30/37"
    assert ifc({"IFC Material": {"Name": "Beton"}})[1].material == "Beton"


@pytest.mark.parametrize("odd", [None, 3, "x", [1], {"a": [None]}, {"BaseQuantities": None}])
def test_ifc_sets_of_any_shape_are_survived(odd: Any) -> None:
    facts = ifc({"Property Sets": odd, "Quantities": odd, "Attributes": odd})[1]
    assert facts.element_type == "IfcBeam"

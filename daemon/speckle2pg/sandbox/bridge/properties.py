"""The `properties` of the sample's elements: attributes, property sets and quantities as IFC gives them."""

# ruff: noqa: RUF001 - names, marks and steel grades are Russian, as on the drawings

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.bridge.identifiers import global_id, step_id

if TYPE_CHECKING:
    from speckle2pg.sandbox.bridge.structure import Assembly, Part, Zone

Properties = dict[str, Any]


def spatial_properties(
    key: str, ifc_type: str, name: str, export: int, *, kind: str = "", station: str = ""
) -> Properties:
    """Of a site, a bridge, a support, a span."""
    attributes = _attributes(key, ifc_type, name, export)
    place = {"Representation": None, "LongName": None, "CompositionType": "ELEMENT"}
    predefined = {"PredefinedType": kind} if kind else {}
    sets = {"Мост": {"Пикет": station}} if station else {}
    return {"Attributes": {**attributes, **place, **predefined}, "Property Sets": sets}


def assembly_properties(assembly: Assembly, zone: Zone, export: int) -> Properties:
    """Of an assembly; its weight is left to its parts."""
    attributes = _attributes(assembly.key, "IfcElementAssembly", assembly.name, export)
    tekla = {"Assembly/Cast unit name": assembly.name, "Assembly/Cast unit Mark": assembly.mark}
    return {
        "Attributes": {
            **attributes,
            "Tag": assembly.mark,
            "AssemblyPlace": "NOTDEFINED",
            "PredefinedType": "RIGID_FRAME",
        },
        "Property Sets": {"Tekla Assembly": tekla, "Мост": {"Пикет": zone.station}},
        "parentApplicationId": global_id(zone.key),
    }


def part_properties(part: Part, parent_key: str, export: int) -> Properties:
    """Of a part: what Tekla knows of it, and quantities with their units."""
    attributes = _attributes(part.key, part.ifc_type, part.name, export)
    storey = {"Building Storey": part.level} if part.level else {}
    return {
        "Attributes": {
            **attributes,
            "Description": part.profile,
            "ObjectType": part.profile,
            "Tag": part.mark,
        },
        "Property Sets": {
            "Tekla Common": _tekla_common(part),
            "Tekla Quantity": _tekla_quantity(part),
            "Мост": {"Пикет": part.station, "Нагрузка 3.5кН/м²": part.ifc_type == "IfcSlab"},
        },
        "Quantities": {"BaseQuantities": _quantities(part, export)},
        "parentApplicationId": global_id(parent_key),
        **storey,
    }


def _attributes(key: str, ifc_type: str, name: str, export: int) -> Properties:
    return {
        "id": step_id(key, export),
        "type": ifc_type,
        "GlobalId": global_id(key),
        "Name": name,
        "Description": None,
        "ObjectType": None,
    }


def _tekla_common(part: Part) -> Properties:
    return {
        "Part mark": part.mark,
        "Assembly mark": part.assembly_mark,
        "Preliminary mark": "",
        "Phase": part.phase,
        "Class": "2",
        "Grade": part.grade,
        "Profile": part.profile,
        "Name": part.name,
    }


def _tekla_quantity(part: Part) -> Properties:
    """Numbers without units, which is how Tekla exports them."""
    return {
        "Weight": part.weight,
        "Net weight": part.weight,
        "Volume": part.volume,
        "Length": part.length,
        "Width": part.width,
        "Height": part.height,
    }


def _quantities(part: Part, export: int) -> Properties:
    area = round(2 * (part.length * part.width + part.length * part.height + part.width * part.height) / 1e6, 6)
    return {
        "Length": _quantity("Length", part.length, "Millimetre"),
        "OuterSurfaceArea": _quantity("OuterSurfaceArea", area, "Square Metre"),
        "NetVolume": _quantity("NetVolume", part.volume, "Cubic Metre"),
        "NetWeight": _quantity("NetWeight", part.weight, "Kilogram"),
        "id": step_id(f"{part.key}/quantities", export),
    }


def _quantity(name: str, value: float, units: str) -> Properties:
    return {"name": name, "value": value, "units": units}

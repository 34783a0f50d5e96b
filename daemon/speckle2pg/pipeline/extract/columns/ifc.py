"""Columns of elements that came from IFC files, with Tekla's property sets where they carry them."""

from __future__ import annotations

import re
from math import isclose
from typing import TYPE_CHECKING, Any

from speckle2pg.pipeline.extract import kinds
from speckle2pg.pipeline.extract.columns import lookup, units
from speckle2pg.pipeline.extract.columns.source import Columns, Family, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from speckle2pg.pipeline.extract.columns.units import Dimension
    from speckle2pg.pipeline.extract.model import Kind

# Where a column's text is looked for, in this order: a property set and a property in it.
MARK = (("Tekla Common", "Part mark"), ("Tekla Reinforcement", "Rebar Mark"))
ASSEMBLY_MARK = (
    ("Tekla Common", "Assembly mark"),
    ("Tekla Assembly", "Assembly/Cast unit Mark"),
    ("Tekla Reinforcement", "Cast unit mark"),
)
PHASE = (("Tekla Common", "Phase"), ("Tekla Assembly", "Phase"), ("Tekla Reinforcement", "Phase"))
PROFILE = (("Tekla Common", "Profile"),)
GRADE = (("Tekla Common", "Grade"), ("Tekla Reinforcement", "Grade"))

# Net before gross before unqualified; sides before footprints before skins, as a takeoff reads them.
QUANTITIES: dict[Dimension, tuple[str, ...]] = {
    "length": ("Length", "NetLength", "GrossLength"),
    "area": (
        *("NetSideArea", "NetArea", "NetFloorArea", "NetSurfaceArea"),
        *("GrossSideArea", "GrossArea", "GrossFloorArea", "Area"),
        *("TotalSurfaceArea", "GrossSurfaceArea", "OuterSurfaceArea"),
    ),
    "volume": ("NetVolume", "GrossVolume", "Volume"),
    "weight": ("NetWeight", "GrossWeight", "Weight"),
}

# The same in "Tekla Quantity", which names no units.
TEKLA_QUANTITIES: dict[Dimension, tuple[str, ...]] = {
    "length": ("Length",),
    "area": ("Net surface area", "Gross area"),
    "volume": ("Net volume", "Volume", "Gross volume"),
    "weight": ("Net weight", "Weight", "Gross weight"),
}
TEKLA_LENGTHS = ("Length", "Width", "Height")

MATERIAL_NAMES = frozenset({"material", "materials", "material name", "materiaal", "материал", "werkstoff"})

_ENTITY = re.compile(r"Ifc[A-Z]")

# PredefinedType values that say nothing.
_UNSAID = frozenset({"NOTDEFINED", "USERDEFINED", "UNSET"})


def _matches(source: Source) -> bool:
    # In Revit the name of a type is free text.
    return _entity(source) is not None and not source.speckle_type.endswith(".RevitObject")


def _entity(source: Source) -> str | None:
    """Return the IFC entity, by the type that the object states, else by the Speckle type itself."""
    stated = (source.type or "", source.speckle_type.rpartition(":")[2].rpartition(".")[2])
    return next((name for name in stated if _ENTITY.match(name)), None)


def _derive(source: Source) -> Columns:
    sets = lookup.mapping(source.properties, "Property Sets")
    return Columns(
        element_type=_entity(source),
        element_name=source.name,
        category=_category(source),
        level=source.level or lookup.level_name(source.properties.get("Building Storey")),
        material=_first(sets, GRADE) or _material(source.properties, sets),
        mark=_first(sets, MARK),
        assembly_mark=_first(sets, ASSEMBLY_MARK),
        phase=_first(sets, PHASE),
        profile=_first(sets, PROFILE),
        length_m=_quantity(source.properties, "length"),
        area_m2=_quantity(source.properties, "area"),
        volume_m3=_quantity(source.properties, "volume"),
        weight_kg=_quantity(source.properties, "weight"),
    )


def _category(source: Source) -> str:
    """Return the predefined type or the object type; empty, not None: a storey's name is no category."""
    attributes = lookup.mapping(source.properties, "Attributes")
    predefined = lookup.text(attributes.get("PredefinedType"))
    if predefined is not None and predefined.upper() not in _UNSAID:
        return predefined
    return lookup.text(attributes.get("ObjectType")) or ""


def _first(sets: Mapping[str, Any], places: tuple[tuple[str, str], ...]) -> str | None:
    return lookup.first_text((lookup.mapping(sets, holder), name) for holder, name in places)


def _material(properties: Mapping[str, Any], sets: Mapping[str, Any]) -> str | None:
    found = lookup.text(lookup.mapping(properties, "IFC Material").get("Name"))
    if found is not None:
        return found
    candidates = (lookup.text(value) for name, value in lookup.leaves(sets) if name.casefold() in MATERIAL_NAMES)
    return next((value for value in candidates if value is not None), None)


def _quantity(properties: Mapping[str, Any], dimension: Dimension) -> float | None:
    sets = _quantity_sets(properties)
    for name in QUANTITIES[dimension]:
        for quantities in sets:
            found = units.si(quantities.get(name), dimension)
            if found is not None:
                return found
    return _tekla_quantity(properties, dimension)


def _quantity_sets(properties: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the quantity sets, buildingSMART's own first, then by name: their order means nothing."""
    sets = lookup.mapping(properties, "Quantities")
    order = sorted(sets, key=lambda name: (not name.startswith(("BaseQuantities", "Qto_")), name))
    return [lookup.mapping(sets, name) for name in order]


def _tekla_quantity(properties: Mapping[str, Any], dimension: Dimension) -> float | None:
    """Return a quantity of Tekla's own set, which names no unit: weights are kg, the rest see `_evidence`."""
    tekla = lookup.mapping(properties, "Property Sets", "Tekla Quantity")
    found = (lookup.number(tekla.get(name)) for name in TEKLA_QUANTITIES[dimension])
    amount = next((value for value in found if value is not None), None)
    if amount is None or dimension == "weight":
        return amount
    factor = next(_evidence(properties, tekla, dimension), None)
    return None if factor is None else amount * factor


def _evidence(properties: Mapping[str, Any], tekla: Mapping[str, Any], dimension: Dimension) -> Iterator[float]:
    """Yield the SI factors of the element's quantities that name a unit and agree with Tekla's numbers."""
    names = TEKLA_LENGTHS if dimension == "length" else TEKLA_QUANTITIES[dimension]
    amounts = [amount for name in names if (amount := lookup.number(tekla.get(name)))]
    for _, quantity in lookup.leaves(lookup.mapping(properties, "Quantities")):
        factor = units.factor(lookup.unit(quantity), dimension)
        stated = lookup.number(quantity)
        if factor and stated and any(isclose(stated, amount, rel_tol=1e-6) for amount in amounts):
            yield factor


def _kind(source: Source) -> Kind:
    name = _entity(source) or ""
    if name in kinds.IFC:
        return kinds.IFC[name]
    part: Kind = "part"
    return next((kind for prefix, kind in kinds.IFC_PREFIXES.items() if name.startswith(prefix)), part)


FAMILY = Family("ifc", _matches, _derive, _kind, members=frozenset({"ifcType"}))

"""Columns of elements from Revit's v3 connector: parameters, and quantities by material."""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, Any

from speckle2pg.pipeline.extract import kinds
from speckle2pg.pipeline.extract.columns import lookup, units
from speckle2pg.pipeline.extract.columns.source import Columns, Family, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from speckle2pg.pipeline.extract.columns.units import Dimension
    from speckle2pg.pipeline.extract.model import Kind

# A parameter's internal name first, the same in every language, then its English one.
MARK = ("ALL_MODEL_MARK", "Mark")
PHASE = ("PHASE_CREATED", "Phase Created")
QUANTITIES: dict[Dimension, tuple[str, ...]] = {
    "length": ("CURVE_ELEM_LENGTH", "INSTANCE_LENGTH_PARAM", "STRUCTURAL_FRAME_CUT_LENGTH", "Length"),
    "area": ("HOST_AREA_COMPUTED", "Area"),
    "volume": ("HOST_VOLUME_COMPUTED", "Volume"),
    "weight": ("Weight",),
}


def _matches(source: Source) -> bool:
    return source.speckle_type.endswith(".RevitObject")


def _derive(source: Source) -> Columns:
    parameters = _parameters(source.properties)
    materials = lookup.mapping(source.properties, "Material Quantities")
    return Columns(
        element_type=source.type or "RevitObject",
        element_name=source.name,
        category=source.category,
        level=source.level,
        material="; ".join(sorted(materials)) or None,
        mark=_text(parameters, MARK),
        phase=_text(parameters, PHASE),
        length_m=_quantity(parameters, "length"),
        area_m2=_sum(materials, "area", layers=False) or _quantity(parameters, "area"),
        volume_m3=_sum(materials, "volume", layers=True) or _quantity(parameters, "volume"),
        weight_kg=_quantity(parameters, "weight"),
    )


def _parameters(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters by internal and by shown name, those of the instance before those of the type."""
    found: dict[str, Any] = {}
    groups = lookup.mapping(properties, "Parameters")
    instance, kind = groups.get("Instance Parameters"), groups.get("Type Parameters")
    for group in (instance, kind, groups):
        for name, value in lookup.leaves(group if isinstance(group, dict) else {}):
            found.setdefault(name, value)
            internal = value.get("internalDefinitionName") if isinstance(value, dict) else None
            found.setdefault(internal or name, value)
    return found


def _text(parameters: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return lookup.first_text((parameters, name) for name in names)


def _quantity(parameters: Mapping[str, Any], dimension: Dimension) -> float | None:
    found = (units.si(parameters.get(name), dimension) for name in QUANTITIES[dimension])
    return next((value for value in found if value is not None), None)


def _sum(materials: Mapping[str, Any], dimension: Dimension, *, layers: bool) -> float | None:
    """Return the sum over the materials, None if one of them has no such quantity.

    The volumes of an element's layers add up; their areas do not: they are the same face, again and
    again, so that without ``layers`` only a single material's counts.
    """
    if not layers and len(materials) > 1:
        return None
    amounts = [units.si(lookup.mapping(materials, name).get(dimension), dimension) for name in materials]
    known = [amount for amount in amounts if amount is not None]
    return fsum(known) if known and len(known) == len(amounts) else None


def _kind(source: Source) -> Kind | None:
    built_in = lookup.text(source.properties.get("builtInCategory"))
    return kinds.REVIT.get(built_in or "") or kinds.REVIT.get(source.category or "")


FAMILY = Family("revit", _matches, _derive, _kind, members=frozenset({"type", "category", "level"}))

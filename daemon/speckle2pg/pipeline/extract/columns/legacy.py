"""Columns of elements from the v2 connectors: typed objects such as ``Objects.BuiltElements.Wall``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speckle2pg.pipeline.extract import kinds
from speckle2pg.pipeline.extract.columns import lookup, units
from speckle2pg.pipeline.extract.columns.source import Columns, Family, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from speckle2pg.pipeline.extract.columns.units import Dimension
    from speckle2pg.pipeline.extract.model import Kind

# Types that say nothing; the object's own words for its type say more.
_UNTYPED = frozenset({"RevitElement", "Base"})

_MARK = ("ALL_MODEL_MARK", "Mark")
_PHASE = ("PHASE_CREATED", "Phase Created")
_PARAMETERS: dict[Dimension, tuple[str, ...]] = {
    "length": ("CURVE_ELEM_LENGTH", "INSTANCE_LENGTH_PARAM", "Length"),
    "area": ("HOST_AREA_COMPUTED", "ROOM_AREA", "Area"),
    "volume": ("HOST_VOLUME_COMPUTED", "ROOM_VOLUME", "Volume"),
    "weight": ("Weight",),
}
_POWERS = {"length": "", "area": "2", "volume": "3"}


def _matches(source: Source) -> bool:
    return source.speckle_type.startswith(("Objects.BuiltElements.", "Objects.Structural.", "Objects.Other.Revit."))


def _derive(source: Source) -> Columns:
    parameters = _parameters(source.properties)
    return Columns(
        element_type=_type(source),
        element_name=source.name or _family_and_type(source.properties),
        category=source.category,
        level=source.level,
        material=_material(source.properties),
        mark=lookup.first_text((parameters, name) for name in _MARK),
        phase=lookup.first_text([*((parameters, name) for name in _PHASE), (source.properties, "phaseCreated")]),
        profile=lookup.named(source.properties.get("profile")),
        length_m=_quantity(source.properties, parameters, "length"),
        area_m2=_quantity(source.properties, parameters, "area"),
        volume_m3=_quantity(source.properties, parameters, "volume"),
        weight_kg=_quantity(source.properties, parameters, "weight"),
    )


def _type(source: Source) -> str | None:
    last = source.speckle_type.rpartition(".")[2]
    if last not in _UNTYPED:
        return last
    return lookup.first_text([(source.properties, "type"), (source.properties, "elementType")]) or last


def _family_and_type(properties: Mapping[str, Any]) -> str | None:
    words = [lookup.text(properties.get("family")), lookup.text(properties.get("type"))]
    return " ".join(word for word in words if word) or None


def _material(properties: Mapping[str, Any]) -> str | None:
    single = lookup.named(properties.get("material"))
    quantities = properties.get("materialQuantities")
    if single is not None or not isinstance(quantities, list):
        return single
    names = {lookup.named(item.get("material")) for item in quantities if isinstance(item, dict)}
    return "; ".join(sorted(name for name in names if name)) or None


def _parameters(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters by key and by shown name; of several with one name the first by key counts."""
    parameters = lookup.mapping(properties, "parameters")
    found = {key: value for key, value in sorted(parameters.items()) if isinstance(value, dict)}
    for value in list(found.values()):
        name = value.get("name")
        if isinstance(name, str):
            found.setdefault(name, value)
    return found


def _quantity(properties: Mapping[str, Any], parameters: Mapping[str, Any], dimension: Dimension) -> float | None:
    """Return the object's own number, in powers of its ``units``, else a parameter's."""
    length_unit = lookup.text(properties.get("units"))
    if dimension in _POWERS and length_unit is not None and not isinstance(properties.get(dimension), dict):
        own = units.si(properties.get(dimension), dimension, fallback=length_unit + _POWERS[dimension])
        if own is not None:
            return own
    found = (units.si(parameters.get(name), dimension) for name in _PARAMETERS[dimension])
    return next((value for value in found if value is not None), None)


def _kind(source: Source) -> Kind | None:
    by_type = kinds.TYPES.get(source.speckle_type.rpartition(".")[2])
    return by_type or kinds.REVIT.get(source.category or "")


FAMILY = Family("legacy", _matches, _derive, _kind)

"""Quantities in SI units, by the names that exporters give to units."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal, TypeAlias

from speckle2pg.pipeline.extract.columns import lookup

Dimension: TypeAlias = Literal["length", "area", "volume", "weight"]

# Metres in a unit of length. The foot is the international one, 0.3048 m exactly.
_LENGTHS: dict[tuple[str, ...], float] = {
    ("m", "metre", "meter"): 1.0,
    ("mm", "millimetre", "millimeter"): 1e-3,
    ("cm", "centimetre", "centimeter"): 1e-2,
    ("dm", "decimetre", "decimeter"): 1e-1,
    ("km", "kilometre", "kilometer"): 1e3,
    ("ft", "foot", "feet", "'"): 0.3048,
    ("in", "inch", "inche", '"'): 0.0254,
    ("yd", "yard"): 0.9144,
    ("mi", "mile"): 1609.344,
}

# Kilograms in a unit of mass. "ton" alone may be any of three, so it is not here.
_WEIGHTS: dict[tuple[str, ...], float] = {
    ("kg", "kilogram", "kilogramme"): 1.0,
    ("g", "gram", "gramme"): 1e-3,
    ("mg", "milligram"): 1e-6,
    ("t", "tonne", "metricton"): 1e3,
    ("lb", "lbs", "pound", "poundmass"): 0.45359237,
}

# The longest unit written as a symbol rather than a word.
_SHORT = 3

_LITRES = ("l", "litre", "liter")

_AREA_FORMS = ("{}2", "square{}", "sq{}")
_VOLUME_FORMS = ("{}3", "cubic{}", "cu{}")

_SUPERSCRIPTS = str.maketrans({"²": "2", "³": "3", "^": None, " ": None, "_": None, "-": None, ".": None})


def _table() -> dict[str, tuple[Dimension, float]]:
    units: dict[str, tuple[Dimension, float]] = dict.fromkeys(_LITRES, ("volume", 1e-3))
    for names, metres in _LENGTHS.items():
        for name in names:
            units[name] = ("length", metres)
        for form, name in product(_AREA_FORMS, names):
            units[form.format(name)] = ("area", metres**2)
        for form, name in product(_VOLUME_FORMS, names):
            units[form.format(name)] = ("volume", metres**3)
    for names, kilograms in _WEIGHTS.items():
        units.update(dict.fromkeys(names, ("weight", kilograms)))
    return units


_UNITS = _table()


def _key(name: str) -> str:
    # Autodesk's identifiers are "autodesk.unit.unit:cubicMeters-1.0.1".
    stem = name.rpartition(":")[2].partition("-1.")[0]
    return stem.strip().casefold().translate(_SUPERSCRIPTS)


def factor(name: str | None, dimension: Dimension) -> float | None:
    """Return how many SI units (m, m², m³, kg) the named unit has, None if it is not one of the dimension.

    Names are compared without case, spaces and plural.
    """
    if name is None:
        return None
    key = _key(name)
    # Only words have a plural: "ms" is not metres.
    singular = key.removesuffix("s") if len(key) > _SHORT else key
    found = _UNITS.get(key) or _UNITS.get(singular)
    return found[1] if found and found[0] == dimension else None


def si(value: Any, dimension: Dimension, fallback: str | None = None) -> float | None:
    """Return a quantity in SI units, None without a number or without a known unit.

    ``fallback`` is the unit of a quantity that names none, where the source's format says it.
    """
    amount = lookup.number(value)
    per_unit = factor(lookup.unit(value) or fallback, dimension)
    return None if amount is None or per_unit is None else amount * per_unit

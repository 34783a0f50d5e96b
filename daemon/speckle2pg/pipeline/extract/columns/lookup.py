"""Reading values out of objects that may hold anything anywhere."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

NO_LEVEL = "undefined"


def text(value: Any) -> str | None:
    """Return a scalar as text, None for blank text and for what is no text or number.

    A quantity or parameter (``{"value": ...}``) counts as its value; 12.0 reads as 12, since the server
    stores no difference between them.
    """
    value = plain(value)
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and value.is_integer():
        # As PostgreSQL writes it out, beyond 2^53 too: the digits that tell the double, then zeros.
        return str(int(Decimal(repr(value))))
    return str(value)


def number(value: Any) -> float | None:
    """Return a finite number, given as a number or as text, None for all else."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def plain(value: Any) -> Any:
    """Return the value of a quantity or parameter, and anything else as it is."""
    return value["value"] if isinstance(value, dict) and "value" in value else value


def unit(value: Any) -> str | None:
    """Return the unit that a quantity names, None where it names none."""
    if not isinstance(value, dict):
        return None
    return text(value.get("units")) or text(value.get("applicationUnit"))


def named(value: Any) -> str | None:
    """Return text, or the ``name`` of an object, as levels and materials are given."""
    return text(value.get("name")) if isinstance(value, dict) and "name" in value else text(value)


def level_name(value: Any) -> str | None:
    """Return the name of a level; the name "Undefined", in which exporters put the lack of one, is None."""
    name = named(value)
    return None if name is None or name.strip().casefold() == NO_LEVEL else name


def mapping(value: Any, *names: str) -> Mapping[str, Any]:
    """Return the mapping that the names lead to, one inside the other; empty where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def first_text(places: Iterable[tuple[Mapping[str, Any], str]]) -> str | None:
    """Return the first text among the places, each a mapping and a name in it."""
    found = (text(holder.get(name)) for holder, name in places)
    return next((value for value in found if value is not None), None)


def leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names and values below a mapping, at any depth, a quantity or parameter as a whole.

    In the order of their names: that in which they came means nothing, and is lost in the database.
    """
    waiting = [value]
    while waiting:
        for name, member in sorted(waiting.pop(0).items()):
            if isinstance(member, dict) and "value" not in member:
                waiting.append(member)
            else:
                yield name, member

# ruff: noqa: RUF002, RUF003  (stations are written in Cyrillic)
"""Values of attributes, by type, from whatever an exporter or a person wrote; None where it is no value of the type."""

from __future__ import annotations

import math
import re
from calendar import monthrange
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from speckle2pg.pipeline.extract.columns import lookup

if TYPE_CHECKING:
    from collections.abc import Callable

Type: TypeAlias = Literal["text", "number", "boolean", "date", "station"]
Converted: TypeAlias = str | float | bool

_YES = frozenset({"true", "t", ".t.", "yes", "y", "on", "1", "да", "истина", "иә", "ja", "wahr", "oui", "はい"})
_NO = frozenset({"false", "f", ".f.", "no", "n", "off", "0", "нет", "ложь", "жоқ", "nein", "falsch", "non", "いいえ"})

# Between thousands stand spaces of any width; a minus may be the typographer's.
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?:[.,]\d+)?", re.ASCII)
_GAPS = str.maketrans(dict.fromkeys(" \u00a0\u2009\u202f"))
_MINUS = str.maketrans("\u2212", "-")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_CLOCK = r"(?:Z|[+-]\d{2}:\d{2}|[T ]+\d{1,2}:?\d{2}.*)?"
_YEAR_FIRST = re.compile(rf"(?P<y>\d{{4}})(?P<dash>-?)(?P<m>\d{{2}})(?P=dash)(?P<d>\d{{2}}){_CLOCK}", re.ASCII)
_DAY_FIRST = re.compile(rf"(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}){_CLOCK}", re.ASCII)
_MONTHS = 12

# A picket is 100 m: ПК12+50 is 1250 m from the beginning. After kilometres there are three digits: km 12+050.
# Letters of one look are typed on both keyboards, mixed.
_STATION = re.compile(
    r"(?P<before>-?)\s*(?:(?P<picket>[пp][кk])|(?P<km>[кk][мm]))?[.№#:]?\s*(?P<after>-?)\s*(?P<whole>[0-9]+)"
    r"(?:\s*\+\s*(?P<rest>[0-9]+(?:[.,][0-9]+)?))?",
    re.IGNORECASE,
)
_KILOMETRES = re.compile(r"[кk][мm]\.?\s*(?P<amount>[+-]?[0-9]+[.,][0-9]+)", re.IGNORECASE)
_PICKET_M, _KILOMETRE_M = 100.0, 1000.0
# No number, date or station is longer, and patterns take their time over long runs of spaces.
_LONGEST = 64
_KILOMETRE_DIGITS = 3


def to_text(value: Any) -> str | None:
    """Return text as it is, numbers in their shortest form, truth values as true and false; None if blank."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return lookup.text(value)


def to_number(value: Any) -> float | None:
    """Return a finite number, also from text with a comma or with spaces between thousands."""
    if not isinstance(value, str):
        return lookup.number(value)
    text = value.strip().translate(_MINUS)
    if _GROUPED.fullmatch(text):
        text = text.translate(_GAPS)
    return _finite(float(text.replace(",", "."))) if _NUMBER.fullmatch(text) else None


def to_boolean(value: Any) -> bool | None:
    """Return a truth value, also from 0 and 1 and from words of several languages."""
    if isinstance(value, bool):
        return value
    text = (lookup.text(value) or "").strip().casefold()
    return True if text in _YES else False if text in _NO else None


def to_date(value: Any) -> str | None:
    """Return a day as YYYY-MM-DD, from that, from YYYYMMDD (both ISO 8601) or from dd.mm.yyyy.

    A time may follow; the day stays the one that is written, in whatever zone it is.
    """
    text = (lookup.text(value) or "").strip()
    found = _YEAR_FIRST.fullmatch(text) or _DAY_FIRST.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(found[part]) for part in "ymd")
    if year < 1 or not 1 <= month <= _MONTHS or not 1 <= day <= monthrange(year, month)[1]:
        return None
    return f"{year:04}-{month:02}-{day:02}"


def to_station(value: Any) -> float | None:
    """Return the metres of a station along an axis: ПК12+50 is 1250.0, km 12+050 is 12050.0, a number itself.

    A sign, before the mark or after it, is that of the whole: ПК-0+50 is 50 m before the beginning.
    """
    plain = to_number(value)
    if plain is not None or not isinstance(value, str) or len(value) > _LONGEST:
        return plain
    text = value.strip().translate(_MINUS)
    kilometres = _KILOMETRES.fullmatch(text)
    if kilometres is not None:
        return _finite(float(kilometres["amount"].replace(",", ".")) * _KILOMETRE_M)
    found = _STATION.fullmatch(text)
    if found is None:
        return None
    rest = (found["rest"] or "0").replace(",", ".")
    metres = float(found["whole"]) * _unit_of(found, rest) + float(rest)
    return _finite(-metres if "-" in (found["before"], found["after"]) else metres)


def _unit_of(found: re.Match[str], rest: str) -> float:
    """Return the metres that the number before the "+" counts; without a mark three digits mean kilometres."""
    if found["picket"]:
        return _PICKET_M
    in_kilometres = found["km"] or len(rest.partition(".")[0]) == _KILOMETRE_DIGITS
    return _KILOMETRE_M if in_kilometres else _PICKET_M


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


CONVERTERS: dict[Type, Callable[[Any], Converted | None]] = {
    "text": to_text,
    "number": to_number,
    "boolean": to_boolean,
    "date": to_date,
    "station": to_station,
}

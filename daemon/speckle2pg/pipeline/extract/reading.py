"""An object's JSON as plain values that JSON and PostgreSQL can hold."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from speckle2pg.pipeline.extract.model import UnreadableObjectError

# None of these is needed for a row, and the root's may take megabytes: they are not even decoded.
_SKIPPED = frozenset(
    {"__closure", "totalChildrenCount", "displayValue", "@displayValue", "definitionGeometry"}
    | {"rawEncoding", "@rawEncoding", "encodedValue"}
)
_SKIPPED_SUFFIX = "Proxies"
_NEEDED_PROXIES = "levelProxies"

REPLACEMENT = "\ufffd"

# jsonb refuses U+0000, and UTF-8 has no form for lone surrogates.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# What strict JSON allows and PostgreSQL, or a double, does not hold; it sends an object to the cleaner.
_SUSPECT = re.compile(rb"\\u0000|[0-9]{309}")
_LONGEST_INTEGER = 1023  # bits, as in the largest double

_OUTLINE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_VALUE = msgspec.json.Decoder()


def read_object(object_id: str, payload: bytes | memoryview) -> tuple[dict[str, Any], int]:
    """Return the object's members without the skipped ones, and how many values had to be replaced.

    A strict reading comes first; what it refuses (NaN, Infinity, 1e400, lone surrogates, stray control
    characters) is read leniently and cleaned: text keeps its place with U+FFFD, numbers become null.

    Raises:
        UnreadableObjectError: it is no JSON object, or it is nested too deeply.
    """
    data = bytes(payload)
    try:
        return _read(data)
    except RecursionError:
        raise UnreadableObjectError(object_id, "it is nested too deeply") from None
    except (ValueError, TypeError) as fault:
        raise UnreadableObjectError(object_id, str(fault)) from None


def _read(data: bytes) -> tuple[dict[str, Any], int]:
    try:
        needed = {name: raw for name, raw in _OUTLINE.decode(data).items() if _is_needed(name)}
        members = {name: _VALUE.decode(raw) for name, raw in needed.items()}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return cleaned(_read_leniently(data))
    if any(_SUSPECT.search(raw) for raw in needed.values()) or any("\x00" in name for name in needed):
        return cleaned(members)
    return members, 0


def _read_leniently(data: bytes) -> dict[str, Any]:
    value = json.loads(data.decode("utf-8", "surrogateescape"), strict=False, parse_int=_integer)
    if not isinstance(value, dict):
        raise TypeError(f"it is not a JSON object but {type(value).__name__}")
    return {name: member for name, member in value.items() if _is_needed(name)}


def _is_needed(name: str) -> bool:
    return name not in _SKIPPED and (name == _NEEDED_PROXIES or not name.endswith(_SKIPPED_SUFFIX))


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # Python refuses thousands of digits, and so would every reader after us
        return math.inf


def cleaned(members: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the members with every value storable, and how many values were replaced."""
    cleaner = _Cleaner()
    return cleaner.mapping(members), cleaner.replaced


class _Cleaner:
    """Rebuilds values, counting what it replaces."""

    def __init__(self) -> None:
        self.replaced = 0

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self.mapping(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if _is_storable(value):
            return value
        self.replaced += 1
        return None

    def mapping(self, value: dict[str, Any]) -> dict[str, Any]:
        return {self.text(name): self.value(member) for name, member in value.items()}

    def text(self, text: str) -> str:
        if not _UNSTORABLE.search(text):
            return text
        self.replaced += 1
        return _UNSTORABLE.sub(REPLACEMENT, text)


def _is_storable(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or value.bit_length() <= _LONGEST_INTEGER

"""Two readings of an unchanged element hash alike: its content in one canonical form.

Change what this module yields and CANONICAL_VERSION goes up: rows hashed under another version are
hashed anew from what is stored before they are compared.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping, Sequence

    from speckle2pg.pipeline.extract.columns.source import Columns

CANONICAL_VERSION = 1

OWN_BYTES = 16
PLACE_BYTES = 16

# With seven significant digits, numbers that read alike are within 1e-6 of each other, the tolerance by
# which leaves are compared where hashes differ.
_SIGNIFICANT = 7

# Beyond this a double does not hold every integer, and the server has rounded.
_EXACT_INTEGERS = 2**53

# Members that an exporter or importer writes anew each time: the way to them ("*" is any name), and why.
NOISE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("Attributes", "id"), "STEP id of the entity in its file, numbered anew by each export"),
    (("Quantities", "*", "id"), "STEP id of the quantity set in its file"),
    (("Element Type Attributes", "id"), "STEP id of the type in its file"),
    (("Element Type Attributes", "GlobalId"), "GUID of the type, which Tekla's exports make anew"),
)

# What may stand beside a quantity's or a parameter's value: its name, its unit and where it comes from.
_LABELS = frozenset({"name", "units", "applicationUnit", "internalDefinitionName", "applicationInternalName"})


def own_hash(application_id: str | None, columns: Columns, properties: Mapping[str, Any]) -> bytes:
    """Return the hash (16 bytes) of what an element says of itself, wherever it stands.

    It covers the application id, type, name, marks, phase, profile, quantities and properties; not the
    material, object ids or the names of units.
    """
    texts = (columns.element_type, columns.element_name, columns.mark, columns.assembly_mark)
    amounts = (columns.length_m, columns.area_m2, columns.volume_m3, columns.weight_kg)
    quantities = [None if amount is None else _number(amount) for amount in amounts]
    form = (application_id, *texts, columns.phase, columns.profile, quantities, _leaves(properties))
    return _digest(form, OWN_BYTES)


def content_hash(
    own: bytes, category: str | None, level: str | None, path: Sequence[str], parent_guid: uuid.UUID | None
) -> bytes:
    """Return the hash (32 bytes) of a row: what the element says of itself, and then where it stands.

    Two halves, so that a load can tell an element that was moved from one whose content reads differently.
    """
    return own + _digest((category, level, path, parent_guid and parent_guid.hex), PLACE_BYTES)


def _digest(form: tuple[Any, ...], size: int) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(form), digest_size=size).digest()


def _trie(patterns: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """Return the patterns as nested mappings, None at their ends."""
    trie: dict[str, Any] = {}
    for pattern in patterns:
        *way, last = pattern
        branch = trie
        for name in way:
            branch = branch.setdefault(name, {})
        branch[last] = None
    return trie


_NOISE = _trie(tuple(path for path, _ in NOISE))
_NO_NOISE: dict[str, Any] = {}


def _leaves(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return dotted paths and texts of the leaves, sorted; null, absent and empty are the same: nothing.

    Paths are joined without escapes and numbers read like their text, since bundles hold no more.
    """
    leaves: list[tuple[str, str]] = []
    _collect(properties, "", _NOISE, leaves)
    return sorted(leaves)


def _collect(value: Any, path: str, noise: Mapping[str, Any], leaves: list[tuple[str, str]]) -> None:
    value = _unlabelled(value)
    if isinstance(value, dict):
        for name, member in value.items():
            below = noise.get(name, noise.get("*", _NO_NOISE)) if noise else _NO_NOISE
            if below is not None:
                _collect(member, f"{path}.{name}" if path else name, below, leaves)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _collect(item, f"{path}.{index}", _NO_NOISE, leaves)
    elif value is not None:
        leaves.append((path, _text(value)))


def _unlabelled(value: Any) -> Any:
    if isinstance(value, dict) and "value" in value and value.keys() - {"value"} <= _LABELS:
        return value["value"]
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number(value) if isinstance(value, int | float) else str(value)


def _number(value: float) -> str:
    if abs(value) < _EXACT_INTEGERS and value == int(value):
        return str(int(value))
    return f"{value:.{_SIGNIFICANT}g}"

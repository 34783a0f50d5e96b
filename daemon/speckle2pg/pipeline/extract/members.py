"""The members of an element that are data, as against references, geometry and what columns hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Members of the object itself that are never data, written with or without the "@" of detached ones.
_NOT_DATA = frozenset(
    {"id", "applicationId", "name", "elements", "properties", "totalChildrenCount", "__closure"}
    | {"transform", "transforms", "rawEncoding", "encodedValue"}
)
_NOT_DATA_PREFIXES = ("displayValue", "renderMaterial", "definition")
_NOT_DATA_SUFFIX = "Proxies"

# Values of these types are references, shapes and looks.
_SHAPE_TYPES = (
    *("reference", "Objects.Geometry.", "Objects.Primitive.", "Objects.Other.Transform"),
    *("Objects.Other.RenderMaterial", "Objects.Other.DisplayStyle", "Speckle.Core.Models.DataChunk"),
    *("Speckle.Core.Models.Instances.", "Objects.Other.BlockDefinition", "Objects.Other.RawEncoding"),
)

# An object inside an object brings its own bookkeeping; its id follows from its content.
_BOOKKEEPING = frozenset({"id", "totalChildrenCount", "__closure"})

# What a bare shape may say besides its coordinates.
_SHAPE_DATA = frozenset({"userStrings", "userDictionary"})

COLLISION_PREFIX = "object."


class _Omitted:
    """What is left of a value that is no data."""


_OMITTED = _Omitted()


def is_shape(speckle_type: str) -> bool:
    """Tell whether a type is a reference, a shape or a look."""
    return any(part.startswith(_SHAPE_TYPES) for part in speckle_type.split(":"))


class Stored(NamedTuple):
    """What goes to the ``properties`` column, and under which key each plain member is in it."""

    properties: dict[str, Any]
    keys: dict[str, str]

    def without(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the properties without members that columns hold."""
        held = {self.keys[name] for name in names if name in self.keys}
        return {key: value for key, value in self.properties.items() if key not in held} if held else self.properties


def stored_members(members: Mapping[str, Any], speckle_type: str, children: frozenset[str]) -> Stored:
    """Return an object's own properties and its other plain members, in one mapping.

    Own properties keep their names; a plain member whose name is taken gets the prefix "object.". The type
    is always among them, so that columns can be derived again. ``children`` are members that hold some.
    """
    own = members.get("properties")
    kept = _pruned(own) if isinstance(own, dict) else None
    stored: dict[str, Any] = kept if isinstance(kept, dict) else {}
    plain = {name: value for name, value in members.items() if name not in children and _is_data(members, name, value)}
    if not isinstance(members.get("speckle_type"), str) and _chain("speckle_type", stored):
        plain["speckle_type"] = speckle_type
    keys: dict[str, str] = {}
    for name, value in plain.items():
        kept = _pruned(value)
        if kept is not _OMITTED:
            keys[name] = COLLISION_PREFIX * _chain(name, stored) + name
            stored[keys[name]] = kept
    return Stored(stored, keys)


def plain_member(properties: Mapping[str, Any], name: str) -> Any:
    """Return a plain member from stored properties; an own property of the name stands in for a missing one."""
    return properties.get(COLLISION_PREFIX * max(_chain(name, properties) - 1, 0) + name)


def stored_speckle_type(properties: Mapping[str, Any]) -> str:
    """Return the type of the object whose stored properties these are."""
    found = plain_member(properties, "speckle_type")
    return found if isinstance(found, str) and found else "Base"


def _chain(name: str, properties: Mapping[str, Any]) -> int:
    """Return how many prefixes are needed for a free key: beyond the longest that is taken."""
    if name not in properties and COLLISION_PREFIX + name not in properties:
        return 0
    taken = 1
    while COLLISION_PREFIX * taken + name in properties:
        taken += 1
    return taken


def _is_data(members: Mapping[str, Any], name: str, value: Any) -> bool:
    bare = name.removeprefix("@")
    if bare == "properties":
        return value is not None and not isinstance(value, dict)
    if bare in _NOT_DATA or bare.startswith(_NOT_DATA_PREFIXES) or bare.endswith(_NOT_DATA_SUFFIX):
        return False
    if isinstance(value, dict | list) and is_shape(str(members.get("speckle_type"))):
        return bare in _SHAPE_DATA
    return True


def _pruned(value: Any) -> Any:
    """Return a value without references, shapes and bookkeeping at any depth."""
    if isinstance(value, list):
        kept = [item for item in map(_pruned, value) if item is not _OMITTED]
        return kept if kept or not value else _OMITTED
    if not isinstance(value, dict):
        return value
    kind = value.get("speckle_type")
    if isinstance(kind, str) and is_shape(kind):
        return _OMITTED
    without = _BOOKKEEPING if isinstance(kind, str) else frozenset()
    pruned = ((name, _pruned(member)) for name, member in value.items() if name not in without)
    return {name: member for name, member in pruned if member is not _OMITTED}

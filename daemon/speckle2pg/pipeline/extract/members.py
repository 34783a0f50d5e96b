"""The members of an element that are data, as against references, geometry and what columns hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Members of the object itself that are never data, written with or without the "@" of detached ones.
_NOT_DATA = frozenset(
    {"id", "applicationId", "name", "elements", "properties", "totalChildrenCount", "__closure"}
    | {"transform", "transforms"}
)
_NOT_DATA_PREFIXES = ("displayValue", "renderMaterial", "definition")
_NOT_DATA_SUFFIX = "Proxies"

# Values of these types are references, shapes and looks.
_SHAPE_TYPES = (
    *("reference", "Objects.Geometry.", "Objects.Primitive.", "Objects.Other.Transform"),
    *("Objects.Other.RenderMaterial", "Objects.Other.DisplayStyle", "Speckle.Core.Models.DataChunk"),
    *("Speckle.Core.Models.Instances.", "Objects.Other.BlockDefinition"),
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


def stored_properties(members: Mapping[str, Any], held: frozenset[str]) -> dict[str, Any]:
    """Return what goes to the ``properties`` column: the object's own and its other plain members.

    ``held`` are members that columns hold. Own properties keep their names; a plain member whose name is
    taken gets the prefix "object.". The type is always among them, so that columns can be derived again.
    """
    own = members.get("properties")
    kept = _pruned(own) if isinstance(own, dict) else None
    stored: dict[str, Any] = kept if isinstance(kept, dict) else {}
    for name, value in members.items():
        if name not in held and _is_data(members, name, value):
            kept = _pruned(value)
            if kept is not _OMITTED:
                stored[COLLISION_PREFIX + name if name in stored else name] = kept
    return stored


def stored_speckle_type(properties: Mapping[str, Any]) -> str:
    """Return the type that `stored_properties` kept, wherever it had to put it."""
    found = properties.get(COLLISION_PREFIX + "speckle_type", properties.get("speckle_type"))
    return found if isinstance(found, str) else "Base"


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

"""Which members of an object hold its children, and which only look as if they did.

Source of the v2 rules: specklesystems/speckle-sharp (May 2025), Core/Models/GraphTraversal/DefaultTraversal.cs
(of what has a display value only ``elements`` and ``@elements`` are followed, of all else every member),
RevitCommitObjectBuilder.cs (levels, views and types in dynamic members of the root, named after their
categories) and the connectors' bindings (``@Base``, ``@Model``, ``@data``, ``@<layer>``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from speckle2pg.pipeline.extract.members import is_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LISTS = ("elements", "@elements")

PLAIN_TYPES = frozenset({"Base", "Speckle.Core.Models.Base"})

# Their ``elements`` only point at what a load or a result belongs to.
_POINTING = ("Objects.Structural.Loading.", "Objects.Structural.Results.")

# Whose dynamic members may hold children: v3's objects hold theirs in ``elements`` alone.
_DYNAMIC = ("Objects.BuiltElements.", "Objects.Structural.", "Objects.Organization.", "Speckle.Core.Models.")

# Lists of looks, definitions, connections and shapes, by name without case and "@".
_NEVER = frozenset(
    {"types", "materials", "material", "connectors", "parameters", "speckleschema", "materialquantities"}
    | {"geometry", "geometries", "basegeometries", "mesh", "meshes", "brep", "breps", "curve", "curves"}
    | {"point", "points", "line", "lines", "polyline", "polylines", "baseline", "basecurves", "outline", "voids"}
    | {"blockdefinition", "typeddefinition", "transform", "transforms", "style", "styles", "displaystyle"}
    | {"topology", "nodes", "stations", "pipoints", "elevationpoints", "designspeeds", "rawencoding"}
)
_NEVER_PREFIXES = ("displayvalue", "displaystyle", "render", "definition")
_NEVER_SUFFIX = "proxies"

# "@(31250)values" is one long list, in chunks of so many.
_CHUNKED = "("

# Names that connectors give to the one member that holds everything: nothing that people would look for in a path.
_WRAPPERS = frozenset({"data", "base", "model", "objects"})

# What a plain object may say of itself and still only hold others.
_HOLDERS_OWN = frozenset({"id", "speckle_type", "applicationId", "totalChildrenCount", "__closure", "name", "units"})


class Group(NamedTuple):
    """Children by the member that holds them; ``name`` is None where the member's name says nothing."""

    name: str | None
    member: str
    entries: tuple[dict[str, Any], ...]


def groups(speckle_type: str, members: Mapping[str, Any], *, is_root: bool) -> tuple[Group, ...]:
    """Return an object's children: first those of ``elements``, then those of dynamic members, by name."""
    if speckle_type.startswith(_POINTING):
        return ()
    found = [Group(None, name, tuple(_entries(members[name]))) for name in _LISTS if name in members]
    if speckle_type in PLAIN_TYPES or speckle_type.startswith(_DYNAMIC):
        dynamic = list(_dynamic(members, all_names=is_root and speckle_type in PLAIN_TYPES))
        if speckle_type in PLAIN_TYPES and not is_root and not dynamic:
            dynamic = _of_holder(members)
        found.extend(sorted(dynamic, key=lambda group: (group.name or "", group.member)))
    return tuple(group for group in found if group.entries)


def is_holder(members: Mapping[str, Any], found: tuple[Group, ...]) -> bool:
    """Tell whether a plain object only holds children, as layers do, and is nothing itself."""
    held = {group.member for group in found}
    return bool(held) and members.get("applicationId") is None and members.keys() - held <= _HOLDERS_OWN


def _of_holder(members: Mapping[str, Any]) -> list[Group]:
    every = list(_dynamic(members, all_names=True))
    return every if is_holder(members, tuple(every)) else []


def _dynamic(members: Mapping[str, Any], *, all_names: bool) -> Iterator[Group]:
    for member, value in members.items():
        name = member.removeprefix("@")
        if not _may_hold(name, all_names=all_names):
            continue
        entries = tuple(_entries(value))
        # A single object is part of its holder; a single reference of a root may be to the model itself.
        alone = isinstance(value, dict) and not (all_names and "referencedId" in value)
        if entries and not alone and all(map(_is_child, entries)):
            yield Group(None if name.casefold() in _WRAPPERS else name, member, entries)


def _may_hold(name: str, *, all_names: bool) -> bool:
    """Tell whether a dynamic member may hold children by its name.

    Categories and layers begin with a capital, or in a script without capitals; a class's own members
    (outlines, points, definitions) with a small letter.
    """
    plain = name.casefold()
    if not plain or plain in _LISTS or plain in _NEVER or plain.endswith(_NEVER_SUFFIX) or plain.startswith(_CHUNKED):
        return False
    return not plain.startswith(_NEVER_PREFIXES) and (all_names or not name[0].islower())


def _entries(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects in a list, in lists of lists, and one that stands alone."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _entries(item)


def _is_child(entry: dict[str, Any]) -> bool:
    if isinstance(entry.get("referencedId"), str):
        return True
    kind = entry.get("speckle_type")
    return isinstance(kind, str) and kind != "reference" and not is_shape(kind)

"""What two object trees say changed, read from the trees themselves and by other code than the daemon's."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from integration.pipeline.bench import COLLECTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.pipeline.bench import Thing

NOISE = {("Attributes", "id"), ("Element Type Attributes", "GlobalId")}
SPATIAL = {"IfcBuildingStorey"}
COLUMNS = ("element_name", "element_type", "category", "level", "path")


@dataclass(frozen=True, slots=True)
class Read:
    """An element as its tree shows it; a spatial element around it does not count as its content."""

    columns: dict[str, Any]
    parent: uuid.UUID | None
    parent_is_spatial: bool
    leaves: dict[tuple[str, ...], Any]


def read(tree: Thing) -> dict[uuid.UUID, Read]:
    """The elements of a tree by guid. Application ids must be UUIDs; the n-th further content has a guid of its own."""
    levels = {
        key: proxy["value"]["name"] for proxy in reversed(tree.get("levelProxies", ())) for key in proxy["objects"]
    }
    found: dict[uuid.UUID, Read] = {}
    contents: dict[uuid.UUID, list[Any]] = {}

    def visit(thing: Thing, path: tuple[str, ...], parent: uuid.UUID | None, *, spatial: bool) -> None:
        if thing["speckle_type"] == COLLECTION:
            path = (*path, thing["name"])
        else:
            guid = uuid.UUID(thing["applicationId"])
            leaves = dict(leaves_of(thing["properties"]))
            ifc_type = thing.get("ifcType")
            content = (thing["name"], ifc_type, leaves)
            known = contents.setdefault(guid, [])
            is_new = content not in known
            if is_new:
                known.append(content)
            number = known.index(content)
            guid = uuid.uuid5(guid, str(number)) if number else guid
            if is_new:
                kind = (ifc_type, None) if ifc_type else ("DataObject", path[-1])
                columns = (thing["name"], *kind, levels.get(thing["applicationId"]), list(path))
                found[guid] = Read(dict(zip(COLUMNS, columns, strict=True)), parent, spatial, leaves)
            parent, spatial = guid, ifc_type in SPATIAL
        for child in thing.get("elements", ()):
            visit(child, path, parent, spatial=spatial)

    visit(tree, (), None, spatial=False)
    return found


def leaves_of(value: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The leaves of properties, by their names."""
    if isinstance(value, dict):
        for name, member in value.items():
            if (*way, name) not in NOISE:
                yield from leaves_of(member, (*way, name))
    else:
        yield way, value


def close(one: Any, other: Any) -> bool:
    """Whether two leaves count as equal."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= 1e-6 * max(abs(one), abs(other))
    return bool(one == other)


Change = tuple[uuid.UUID, str, tuple[str, ...] | None]


def changes(old: dict[uuid.UUID, Read], new: dict[uuid.UUID, Read], seen: set[uuid.UUID]) -> set[Change]:
    """What leads from one state to another; `seen` are the elements that were there at some time before the first."""
    found: set[Change] = {(guid, "removed", None) for guid in old.keys() - new.keys()}
    found |= {(guid, "restored" if guid in seen else "added", None) for guid in new.keys() - old.keys()}
    for guid in old.keys() & new.keys():
        found |= {(guid, "modified", path) for path in _paths(old[guid], new[guid])}
    return found


def _paths(old: Read, new: Read) -> Iterator[tuple[str, ...]]:
    for name in COLUMNS:
        if old.columns[name] != new.columns[name]:
            yield (name,)
    if (None if old.parent_is_spatial else old.parent) != (None if new.parent_is_spatial else new.parent):
        yield ("parent_guid",)
    for way in old.leaves.keys() | new.leaves.keys():
        if way not in old.leaves or way not in new.leaves or not close(old.leaves[way], new.leaves[way]):
            yield ("properties", *way)

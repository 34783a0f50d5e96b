"""An object's bytes as a node of the skeleton and, for an element, the facts of its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from speckle2pg.pipeline.extract import classify
from speckle2pg.pipeline.extract.again import derive, type_of
from speckle2pg.pipeline.extract.attributes import NO_ATTRIBUTES
from speckle2pg.pipeline.extract.children import PLAIN_TYPES, groups, is_holder
from speckle2pg.pipeline.extract.columns import lookup, registry
from speckle2pg.pipeline.extract.columns.source import Source
from speckle2pg.pipeline.extract.members import stored_members
from speckle2pg.pipeline.extract.model import Facts, Node, Parsed, UnreadableObjectError
from speckle2pg.pipeline.extract.reading import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from speckle2pg.pipeline.extract.attributes import AttributeMap
    from speckle2pg.pipeline.extract.children import Group

_UNTYPED = "Base"

# An id of Speckle's has 32 characters; what is much longer than any is none, and would fit no index.
_LONGEST_ID = 200


def parse(
    object_id: str,
    payload: bytes | memoryview,
    *,
    is_root: bool = False,
    attributes: AttributeMap = NO_ATTRIBUTES,
) -> Parsed:
    """Return what an object says: its node, its facts if it is an element, its inline children, its levels.

    A root is a container unless it is a typed object itself. Instance proxies are ignored, also where a
    Collection lists them: their application id is new at each send, so no row could outlive a version.

    Raises:
        UnreadableObjectError: the payload is no JSON object, or is nested too deeply.
    """
    members, replaced = read_object(object_id, payload)
    try:
        parsed = _parsed(object_id, members, replaced, attributes, is_root=is_root)
    except RecursionError:
        raise UnreadableObjectError(object_id, "it is nested too deeply") from None
    return msgspec.structs.replace(parsed, replaced=replaced) if replaced else parsed


def _parsed(
    object_id: str, members: Mapping[str, Any], replaced: int, attributes: AttributeMap, *, is_root: bool
) -> Parsed:
    speckle_type = _type_of(members)
    if classify.is_servant(speckle_type):
        return Parsed(Node(object_id, "ignored"), None, (), {})
    levels = _levels(members.get("levelProxies"))
    found = groups(speckle_type, members, is_root=is_root)
    if classify.is_container(speckle_type, is_root=is_root) or (
        speckle_type in PLAIN_TYPES and is_holder(members, found)
    ):
        inside = ((), ()) if _is_definitions(members) else _children(object_id, found, attributes)
        return Parsed(_container(object_id, members, inside[0]), None, inside[1], levels)
    source = _source(speckle_type, members, frozenset(group.member for group in found))
    children, inline = _children(object_id, found, attributes)
    node, facts = _element(object_id, source, children, replaced, attributes)
    return Parsed(node, facts, inline, levels)


def _type_of(members: Mapping[str, Any]) -> str:
    found = members.get("speckle_type")
    return found if isinstance(found, str) and found else _UNTYPED


def _is_definitions(members: Mapping[str, Any]) -> bool:
    """Tell whether a Collection holds the meshes of definitions, none of which is an element."""
    return members.get("applicationId") is None and members.get("name") in classify.DEFINITION_GEOMETRIES


def _container(object_id: str, members: Mapping[str, Any], children: tuple[str, ...]) -> Node:
    return Node(
        object_id,
        "container",
        application_id=_application_id(members),
        name=lookup.text(members.get("name")),
        children=children,
    )


def _application_id(members: Mapping[str, Any]) -> str | None:
    found = members.get("applicationId")
    return found or None if isinstance(found, str) else lookup.text(found)


def _element(
    object_id: str, source: Source, children: tuple[str, ...], replaced: int, attributes: AttributeMap
) -> tuple[Node, Facts]:
    derived = derive(source)
    columns = derived.columns
    node = Node(
        object_id,
        derived.kind,
        application_id=source.application_id,
        element_id=lookup.text(source.properties.get("elementId")),
        name=columns.element_name,
        category=columns.category,
        level=columns.level,
        own_hash=derived.own_hash,
        children=children,
    )
    shared = {name: getattr(columns, name) for name in columns.__struct_fields__ if name in Facts.__struct_fields__}
    facts = Facts(
        object_id=object_id,
        application_id=source.application_id,
        properties=msgspec.json.encode(source.properties),
        attributes=msgspec.json.encode(attributes.pick(source.properties)),
        replaced=replaced,
        **shared,
    )
    return node, facts


def _source(speckle_type: str, members: Mapping[str, Any], children: frozenset[str]) -> Source:
    stored = stored_members(members, speckle_type, children)
    source = Source(
        speckle_type=speckle_type,
        application_id=_application_id(members),
        name=lookup.text(members.get("name")),
        type=type_of(stored.properties),
        category=lookup.named(members.get("category")),
        level=lookup.level_name(members.get("level")),
        properties=stored.properties,
    )
    held = (name for name in registry.family_of(source).members if _is_held(name, members.get(name), source))
    return msgspec.structs.replace(source, properties=stored.without(held))


def _is_held(name: str, value: Any, source: Source) -> bool:
    """Tell whether a column holds what a member says, so that nothing is lost without it."""
    said = lookup.named(value)
    if name in registry.TYPE_MEMBERS:
        return value is None or (said is not None and said == source.type)
    return said is not None or value in (None, "")


def _children(
    object_id: str, found: tuple[Group, ...], attributes: AttributeMap
) -> tuple[tuple[str, ...], tuple[Parsed, ...]]:
    """Return the ids of the children in document order, and those of them that came inside the object.

    A dynamic member is a Collection of its name, as later connectors write it.
    """
    ids: list[str] = []
    inline: list[Parsed] = []
    for group in found:
        if group.name is None:
            _add_children(object_id, group.entries, attributes, ids, inline)
        else:
            parsed = _collection(object_id, group.name, group.entries, attributes)
            ids.append(parsed.node.object_id)
            inline.append(parsed)
    return tuple(ids), tuple(inline)


def _collection(object_id: str, name: str, entries: tuple[dict[str, Any], ...], attributes: AttributeMap) -> Parsed:
    """Return the Collection that a dynamic member stands for, known by its holder and its name."""
    own_id = f"{object_id}:{name}"
    ids: list[str] = []
    inline: list[Parsed] = []
    _add_children(own_id, entries, attributes, ids, inline)
    node = Node(own_id, "container", element_id=name, name=lookup.text(name), children=tuple(ids))
    return Parsed(node, None, tuple(inline), {})


def _add_children(
    holder_id: str,
    entries: tuple[dict[str, Any], ...],
    attributes: AttributeMap,
    ids: list[str],
    inline: list[Parsed],
) -> None:
    """Add the ids of the entries that are children, and those that came inside.

    Entries that are neither references nor objects are passed over. An inline child without an id of its
    own is known by its holder's id and its index, which are as good: both follow from the content.
    """
    for entry in entries:
        reference = entry.get("referencedId")
        if entry.get("speckle_type") == "reference" or isinstance(reference, str):
            if isinstance(reference, str) and reference:
                ids.append(reference)
        elif isinstance(entry.get("speckle_type"), str):
            own_id = lookup.text(entry.get("id")) or ""
            if not 0 < len(own_id) <= _LONGEST_ID:
                own_id = f"{holder_id}:{len(ids)}"
            inline.append(_parsed(own_id, entry, 0, attributes, is_root=False))
            ids.append(own_id)


def _levels(proxies: Any) -> dict[str, str]:
    """Return the level's name by the application ids of what stands on it; the first proxy counts."""
    levels: dict[str, str] = {}
    for proxy in proxies if isinstance(proxies, list) else ():
        if not isinstance(proxy, dict):
            continue
        name = lookup.level_name(proxy.get("value"))
        on_level = proxy.get("objects")
        if name is not None and isinstance(on_level, list):
            levels.update((key, name) for key in on_level if isinstance(key, str) and key not in levels)
    return levels

"""An object's bytes as a node of the skeleton and, for an element, the facts of its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from speckle2pg.pipeline.extract import canonical, classify
from speckle2pg.pipeline.extract.columns import lookup, registry
from speckle2pg.pipeline.extract.columns.source import Columns, Source
from speckle2pg.pipeline.extract.members import stored_properties
from speckle2pg.pipeline.extract.model import Facts, Node, Parsed, UnreadableObjectError
from speckle2pg.pipeline.extract.reading import read_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_CHILD_LISTS = ("elements", "@elements")
_UNTYPED = "Base"


def parse(object_id: str, payload: bytes | memoryview, *, is_root: bool = False) -> Parsed:
    """Return what an object says: its node, its facts if it is an element, its inline children, its levels.

    A root is a container unless it is a typed object itself. Instance proxies are ignored, also where a
    Collection lists them: their application id is new at each send, so no row could outlive a version.

    Raises:
        UnreadableObjectError: the payload is no JSON object, or is nested too deeply.
    """
    members, replaced = read_object(object_id, payload)
    try:
        return _parsed(object_id, members, replaced, is_root=is_root)
    except RecursionError:
        raise UnreadableObjectError(object_id, "it is nested too deeply") from None


def _parsed(object_id: str, members: Mapping[str, Any], replaced: int, *, is_root: bool) -> Parsed:
    speckle_type = _type_of(members)
    if classify.is_servant(speckle_type):
        return Parsed(Node(object_id, "ignored"), None, (), {})
    children, inline = _children(object_id, members)
    levels = _levels(members.get("levelProxies"))
    if classify.is_container(speckle_type, is_root=is_root):
        if _is_definitions(members):
            children, inline = (), ()
        return Parsed(_container(object_id, members, children), None, inline, levels)
    node, facts = _element(object_id, speckle_type, members, children, replaced)
    return Parsed(node, facts, inline, levels)


def _type_of(members: Mapping[str, Any]) -> str:
    found = members.get("speckle_type")
    return found if isinstance(found, str) and found else _UNTYPED


def _is_definitions(members: Mapping[str, Any]) -> bool:
    """Tell whether a Collection holds the meshes of definitions, none of which is an element."""
    return members.get("applicationId") is None and members.get("name") == classify.DEFINITION_GEOMETRY


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
    object_id: str, speckle_type: str, members: Mapping[str, Any], children: tuple[str, ...], replaced: int
) -> tuple[Node, Facts]:
    source = _source(speckle_type, members)
    columns = registry.derive(source)
    node = Node(
        object_id,
        classify.kind_of(source),
        application_id=source.application_id,
        element_id=lookup.text(source.properties.get("elementId")),
        name=columns.element_name,
        category=columns.category,
        level=columns.level,
        own_hash=canonical.own_hash(source.application_id, columns, source.properties),
        children=children,
    )
    return node, _facts(object_id, source, columns, replaced)


def _source(speckle_type: str, members: Mapping[str, Any]) -> Source:
    source = Source(
        speckle_type=speckle_type,
        application_id=_application_id(members),
        name=lookup.text(members.get("name")),
        type=lookup.first_text((members, name) for name in registry.TYPE_MEMBERS),
        category=lookup.named(members.get("category")),
        level=lookup.level_name(members.get("level")),
        properties={},
    )
    held = registry.family_of(source).members
    return msgspec.structs.replace(source, properties=stored_properties(members, held))


def _facts(object_id: str, source: Source, columns: Columns, replaced: int) -> Facts:
    shared = {name: getattr(columns, name) for name in columns.__struct_fields__ if name in Facts.__struct_fields__}
    return Facts(
        object_id=object_id,
        application_id=source.application_id,
        properties=msgspec.json.encode(source.properties),
        replaced=replaced,
        **shared,
    )


def _children(object_id: str, members: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[Parsed, ...]]:
    """Return the ids of the children in document order, and those of them that came inside the object.

    Entries that are neither references nor objects are passed over. An inline child without an id of its
    own is known by its holder's id and its index, which are as good: both follow from the content.
    """
    ids: list[str] = []
    inline: list[Parsed] = []
    for entry in _entries(members):
        reference = entry.get("referencedId")
        if entry.get("speckle_type") == "reference" or isinstance(reference, str):
            if isinstance(reference, str) and reference:
                ids.append(reference)
        elif isinstance(entry.get("speckle_type"), str):
            own_id = lookup.text(entry.get("id")) or f"{object_id}:{len(ids)}"
            inline.append(_parsed(own_id, entry, 0, is_root=False))
            ids.append(own_id)
    return tuple(ids), tuple(inline)


def _entries(members: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in _CHILD_LISTS:
        entries = members.get(name)
        if isinstance(entries, list):
            yield from (entry for entry in entries if isinstance(entry, dict))


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

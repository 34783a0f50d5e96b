"""What the extraction is given and what it hands on: nodes, facts, occurrences."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Kind: TypeAlias = Literal[
    "container",  # holds elements, makes no row
    "ignored",  # a proxy, a render material, a data chunk: neither a row nor descended
    "part",
    "assembly",
    "spatial",
    "void",
    "annotation",
    "other",
]

NOT_ROWS: frozenset[Kind] = frozenset({"container", "ignored"})


class UnreadableObjectError(ValueError):
    """An object's bytes are not a JSON object that can be read."""

    def __init__(self, object_id: str, reason: str) -> None:
        super().__init__(f"object {object_id} cannot be read: {reason}")
        self.object_id = object_id
        self.reason = reason


class UnfoldingError(ValueError):
    """A version's tree unfolds into more occurrences than its objects can justify."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the tree of objects unfolds into more than {limit} occurrences; it is not walked")
        self.limit = limit


class MissingObjectError(ValueError):
    """Objects that the tree names were not given to the walk."""

    def __init__(self, object_ids: Iterable[str]) -> None:
        self.object_ids = tuple(object_ids)
        shown = ", ".join(self.object_ids[:3])
        super().__init__(f"{len(self.object_ids)} referenced objects are missing, among them {shown}")


class Node(msgspec.Struct, frozen=True, gc=False):
    """One object of the skeleton: all that the walk needs to know of it.

    Every field is a column of the stored tree, so that a node can be rebuilt without a download.
    ``element_id`` is ``properties.elementId``, used only without an application id. ``category`` and
    ``level`` are what the object itself says; an empty category means that it has none and takes none
    from its Collections. ``own_hash`` is 32 bytes, None for what makes no row. ``children`` are object
    ids in document order.
    """

    object_id: str
    kind: Kind
    application_id: str | None = None
    element_id: str | None = None
    name: str | None = None
    category: str | None = None
    level: str | None = None
    own_hash: bytes | None = None
    children: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True, gc=False):
    """An element's own columns: those that do not depend on its place in the tree.

    Lengths are metres, areas square metres, volumes cubic metres, weights kilograms. ``properties`` is a
    JSON object in UTF-8, ready for a jsonb column, and so are ``attributes``; ``replaced`` counts the
    values of the object that PostgreSQL or JSON cannot hold and that were replaced.
    """

    object_id: str
    application_id: str | None
    element_type: str | None
    element_name: str | None
    material: str | None
    mark: str | None
    assembly_mark: str | None
    phase: str | None
    profile: str | None
    length_m: float | None
    area_m2: float | None
    volume_m3: float | None
    weight_kg: float | None
    properties: bytes
    attributes: bytes
    replaced: int


class Parsed(msgspec.Struct, frozen=True):
    """An object as read: its node, its facts, and the children that came inside it.

    ``facts`` is None for what makes no row. ``inline`` is nested: each inline child holds its own.
    ``levels`` maps an element's application id to the name of its level (usually on the root alone).
    ``replaced`` counts the values that were replaced in all of the object, row or no row; an inline
    child's is 0.
    """

    node: Node
    facts: Facts | None
    inline: tuple[Parsed, ...]
    levels: Mapping[str, str]
    replaced: int = 0

    def flat(self) -> Iterator[Parsed]:
        """Yield this object and then every inline descendant, in document order."""
        yield self
        for child in self.inline:
            yield from child.flat()


class Occurrence(msgspec.Struct, frozen=True, gc=False):
    """One place of an object in the tree, and the row that it makes if it makes one.

    ``parent_object_id`` is empty for the root; ``position`` is the index among the parent's children.
    The fields after ``is_row`` hold values only where it is true. ``path`` are the names of the
    Collections from the root down, ``parent_guid`` is the nearest enclosing element, ``assembly_guid``
    the nearest enclosing one of kind assembly, ``content_hash`` 32 bytes, ``ordinal`` 0 for the first
    element with its identity and n for the n-th further one with other content.
    """

    parent_object_id: str
    position: int
    object_id: str
    kind: Kind
    guid: uuid.UUID
    application_id: str | None
    element_id: str | None
    name: str | None
    own_category: str | None
    own_level: str | None
    own_hash: bytes | None
    is_row: bool
    path: tuple[str, ...] = ()
    parent_guid: uuid.UUID | None = None
    assembly_guid: uuid.UUID | None = None
    level: str | None = None
    category: str | None = None
    content_hash: bytes = b""
    ordinal: int = 0


def missing_node(object_id: str) -> Node:
    """Return the stand-in for an object that the server does not have: known, and not descended."""
    return Node(object_id, "ignored")

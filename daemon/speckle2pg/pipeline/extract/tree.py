"""The walk over the skeleton: from nodes to occurrences, with guid, place and content hash.

It needs nothing but nodes, so that what a version shares with the one before is never downloaded again.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import msgspec

from speckle2pg.pipeline.extract import identity
from speckle2pg.pipeline.extract.canonical import content_hash
from speckle2pg.pipeline.extract.model import NOT_ROWS, MissingObjectError, Occurrence, UnfoldingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from speckle2pg.pipeline.extract.model import Node

# Without application ids a diamond doubles what hangs below it: a chain of 40 diamonds would be 2^40 rows.
_LEAST_LIMIT = 1_000_000
_OCCURRENCES_PER_NODE = 8


class _Place(msgspec.Struct, frozen=True, gc=False):
    """What the children of an occurrence inherit from it.

    ``holder`` is the enclosing element where it is content. A spatial one is not: exports give the same storey new
    guids, and which storey it is by name stands in the path.
    """

    guid: uuid.UUID
    path: tuple[str, ...] = ()
    collection: str | None = None
    element: uuid.UUID | None = None
    assembly: uuid.UUID | None = None
    holder: uuid.UUID | None = None


class _Frame:
    """A node whose children are being walked."""

    __slots__ = ("again", "doubled", "node", "place", "position")

    def __init__(self, node: Node, place: _Place, *, doubled: bool, again: bool) -> None:
        self.node = node
        self.place = place
        self.doubled = doubled
        self.again = again
        self.position = 0


def missing_objects(nodes: Mapping[str, Node], root: str) -> list[str]:
    """Return the ids of the objects that the tree below the root names and ``nodes`` does not hold."""
    missing: dict[str, None] = {}
    seen = {root}
    waiting = [root]
    while waiting:
        object_id = waiting.pop()
        node = nodes.get(object_id)
        if node is None:
            missing[object_id] = None
            continue
        fresh = [child for child in dict.fromkeys(node.children) if child not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return list(missing)


def walk(
    nodes: Mapping[str, Node],
    root: str,
    levels: Mapping[str, str],
    *,
    project_id: str,
    model_id: str,
    separate: bool = False,
    max_rows: int | None = None,
) -> Iterator[Occurrence]:
    """Yield every occurrence of the tree depth-first, children in document order, the root first.

    ``levels`` maps application ids to level names. An element's repeated occurrences (same identity, same
    content) are edges, not rows, and what hangs below an object is walked once per guid, so that no two
    occurrences have the same parent object, position and guid. An object inside itself is an edge and is
    not descended.

    Raises:
        MissingObjectError: before anything is yielded, where ``nodes`` lacks objects of the tree; for
            those that the server does not have, put `model.missing_node` in their place.
        UnfoldingError: there are more occurrences than ``max_rows``, by default a million or eight for
            each node, whichever is more.
    """
    missing = missing_objects(nodes, root)
    if missing:
        raise MissingObjectError(missing)
    limit = max(_LEAST_LIMIT, _OCCURRENCES_PER_NODE * len(nodes)) if max_rows is None else max_rows
    walker = _Walker(nodes, levels, identity.model_namespace(project_id, model_id), separate=separate)
    for count, occurrence in enumerate(walker.run(root), start=1):
        if count > limit:
            raise UnfoldingError(limit)
        yield occurrence


class _Walker:
    """One walk: the stack of open nodes, and what was met so far."""

    def __init__(
        self, nodes: Mapping[str, Node], levels: Mapping[str, str], namespace: uuid.UUID, *, separate: bool
    ) -> None:
        self._nodes = nodes
        self._levels = levels
        self._namespace = namespace
        self._separate = separate
        self._frames: list[_Frame] = []
        self._open: set[str] = set()
        self._descended: set[tuple[str, uuid.UUID]] = set()
        self._unfolded: set[str] = set()
        self._ordinals: dict[tuple[uuid.UUID, bytes | None], int] = {}
        self._contents: dict[uuid.UUID, int] = {}

    def run(self, root: str) -> Iterator[Occurrence]:
        """Yield the occurrences from the root down."""
        node = self._nodes[root]
        guid = self._base_guid(node) or identity.root_guid(self._namespace)
        yield self._visit(node, guid, _Place(guid), "", 0)
        while self._frames:
            frame = self._frames[-1]
            if frame.position == len(frame.node.children):
                self._open.discard(self._frames.pop().node.object_id)
                continue
            yield from self._next_child(frame)

    def _next_child(self, frame: _Frame) -> Iterator[Occurrence]:
        position = frame.position
        frame.position += 1
        child = self._nodes[frame.node.children[position]]
        guid = self._base_guid(child)
        if guid is None:
            guid = identity.child_guid(frame.place.guid, child.element_id, position)
        elif frame.again:
            # Below an object that is unfolded again, what has an identity of its own was met before.
            return
        occurrence = self._visit(child, guid, frame.place, frame.node.object_id, position)
        if frame.doubled and position == 0:
            frame.place = _inside(occurrence, frame.place)
        yield occurrence

    def _base_guid(self, node: Node) -> uuid.UUID | None:
        if node.application_id is None:
            return None
        return identity.application_guid(node.application_id, self._namespace, separate=self._separate)

    def _visit(self, node: Node, guid: uuid.UUID, around: _Place, parent: str, position: int) -> Occurrence:
        ordinal, is_new = 0, False
        if node.kind not in NOT_ROWS:
            ordinal, is_new = self._ordinal(guid, node.own_hash)
            guid = identity.ordinal_guid(guid, ordinal)
        is_row = is_new and node.object_id not in self._open
        occurrence = _edge(node, guid, parent, position)
        if is_row:
            occurrence = self._row(occurrence, around, ordinal)
        self._descend(node, occurrence, around)
        return occurrence

    def _ordinal(self, guid: uuid.UUID, own: bytes | None) -> tuple[int, bool]:
        """Return which content of its identity this is, and whether it is met for the first time."""
        known = self._ordinals.get((guid, own))
        if known is not None:
            return known, False
        ordinal = self._contents.get(guid, 0)
        self._contents[guid] = ordinal + 1
        self._ordinals[guid, own] = ordinal
        return ordinal, True

    def _row(self, edge: Occurrence, around: _Place, ordinal: int) -> Occurrence:
        category = around.collection if edge.own_category is None else edge.own_category or None
        level = self._levels.get(edge.application_id or "", edge.own_level)
        return msgspec.structs.replace(
            edge,
            is_row=True,
            path=around.path,
            parent_guid=around.element,
            assembly_guid=around.assembly,
            level=level,
            category=category,
            content_hash=content_hash(edge.own_hash or b"", category, level, around.path, around.holder),
            ordinal=ordinal,
        )

    def _descend(self, node: Node, occurrence: Occurrence, around: _Place) -> None:
        place = (node.object_id, occurrence.guid)
        if not node.children or node.object_id in self._open or place in self._descended:
            return
        frame = _Frame(
            node,
            _inside(occurrence, around),
            doubled=self._is_doubled(node),
            again=node.object_id in self._unfolded,
        )
        self._descended.add(place)
        self._unfolded.add(node.object_id)
        self._open.add(node.object_id)
        self._frames.append(frame)

    def _is_doubled(self, node: Node) -> bool:
        """Tell whether a Collection's first child is the same thing, seen as an element."""
        if node.kind != "container" or node.application_id is None:
            return False
        first = self._nodes[node.children[0]]
        return first.kind not in NOT_ROWS and first.application_id == node.application_id


def _edge(node: Node, guid: uuid.UUID, parent: str, position: int) -> Occurrence:
    return Occurrence(
        parent_object_id=parent,
        position=position,
        object_id=node.object_id,
        kind=node.kind,
        guid=guid,
        application_id=node.application_id,
        element_id=node.element_id,
        name=node.name,
        own_category=node.category,
        own_level=node.level,
        own_hash=node.own_hash,
        is_row=False,
    )


def _inside(occurrence: Occurrence, around: _Place) -> _Place:
    """Return what the children of an occurrence inherit."""
    if occurrence.kind == "container":
        name = occurrence.name
        path = around.path if name is None else (*around.path, name)
        return _Place(occurrence.guid, path, name or around.collection, around.element, around.assembly, around.holder)
    assembly = occurrence.guid if occurrence.kind == "assembly" else around.assembly
    holder = None if occurrence.kind == "spatial" else occurrence.guid
    return _Place(occurrence.guid, around.path, around.collection, occurrence.guid, assembly, holder)

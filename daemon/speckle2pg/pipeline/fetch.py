"""Downloads a version breadth-first, from the root through containers and elements, never geometry.

A request per level of the tree: real trees are 6 to 11 levels deep, and children are known only from their parent.
Each object is parsed as it arrives: what the tree needs of it stays in memory as a small node, what the rows need goes
on to the staging. An object that the applied version already held is not downloaded: its node comes from the stored
tree.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from speckle2pg.errors import FatalError, IncompleteError
from speckle2pg.pipeline.extract.attributes import NO_ATTRIBUTES
from speckle2pg.pipeline.extract.decode import parse
from speckle2pg.pipeline.extract.model import UnreadableObjectError
from speckle2pg.speckle.objects import Traffic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from speckle2pg.pipeline.extract.attributes import AttributeMap
    from speckle2pg.pipeline.extract.model import Facts, Node, Parsed

ROUNDS = 3
"""How often what did not come is asked for within one attempt; later attempts follow with the version's retries."""
_PAUSE = 0.3
MAX_LEVELS = 200
"""Each level costs a request, and real trees have 6 to 11: a deeper one is an accident or an attack."""
_LARGE = 1_000_000


class Reader(Protocol):
    """Where objects come from: `speckle.objects.ObjectReader`, or anything that reads like it."""

    def read(self, project_id: str, object_ids: Sequence[str], traffic: Traffic) -> AsyncIterator[tuple[str, bytes]]:
        """Yields (id, JSON) of the objects that are there."""


class Sink(Protocol):
    """Where the facts of elements go as they arrive."""

    async def add(self, facts: Facts) -> None:
        """Takes the facts of one element."""


@dataclass(slots=True)
class Skeleton:
    """The tree of a version: its nodes, its root and the levels that the root's proxies name."""

    root: str
    nodes: dict[str, Node] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    replaced: int = 0


class Fetcher:
    """Downloads one version of a project.

    Args:
        reader: Where objects come from.
        known: Nodes of the applied version, by object id; they are not downloaded.
        progress: Called with the number of objects read so far.
        attributes: What is picked out of properties.
    """

    def __init__(
        self,
        reader: Reader,
        known: Mapping[str, Node],
        progress: Callable[[int], None] | None = None,
        attributes: AttributeMap = NO_ATTRIBUTES,
    ) -> None:
        self._attributes = attributes
        self._reader = reader
        self._known = known
        self._progress = progress

    async def fetch(self, project_id: str, root: str, sink: Sink) -> Skeleton:
        """Reads the tree below a root object.

        Raises:
            FatalError: The tree is deeper than any real one.
            IncompleteError: Objects did not come, or came unreadable, however often they were asked for.
            RetryableError, UnreadableError, GoneError: See `speckle.objects`.
        """
        skeleton = Skeleton(root)
        level = [root]
        for _ in range(MAX_LEVELS):
            if not level:
                return skeleton
            following: dict[str, None] = {}
            # The root is read even when it is known: it alone names the levels.
            unknown = [object_id for object_id in level if object_id == root or object_id not in self._known]
            for object_id in level:
                if (node := self._known.get(object_id)) is not None and object_id != root:
                    skeleton.nodes[object_id] = node
                    following.update(dict.fromkeys(node.children))
            async for parsed in self._read(project_id, unknown, skeleton):
                await self._take(parsed, skeleton, sink)
                following.update(dict.fromkeys(child for part in parsed.flat() for child in part.node.children))
            level = [object_id for object_id in following if object_id not in skeleton.nodes]
        if level:
            raise FatalError(f"the tree below object {root} has more than {MAX_LEVELS} levels, which no building has")
        return skeleton

    async def _take(self, parsed: Parsed, skeleton: Skeleton, sink: Sink) -> None:
        for part in parsed.flat():
            # An object may come inside several others, and by itself too: all the same, as its id says.
            if part.node.object_id in skeleton.nodes:
                continue
            skeleton.nodes[part.node.object_id] = part.node
            if part.node.object_id == skeleton.root:
                # Only the root's proxies count: any other object may be known, and is then not read.
                skeleton.levels.update(part.levels)
            skeleton.replaced += part.replaced
            if part.facts is not None:
                await sink.add(part.facts)

    async def _read(self, project_id: str, object_ids: Sequence[str], skeleton: Skeleton) -> AsyncIterator[Parsed]:
        """Reads one level, asking again for what did not come."""
        missing = dict.fromkeys(object_ids)
        fault = ""
        for round_ in range(ROUNDS):
            if not missing:
                return
            if round_:
                await asyncio.sleep(_PAUSE * 2**round_)
            async for object_id, payload in self._reader.read(project_id, list(missing), skeleton.traffic):
                if object_id not in missing:
                    continue
                try:
                    parsed = await self._parse(object_id, payload, is_root=object_id == skeleton.root)
                except UnreadableObjectError as error:
                    fault = f"; {error}"
                    continue
                del missing[object_id]
                if self._progress is not None:
                    self._progress(skeleton.traffic.objects)
                yield parsed
        if missing:
            shown = ", ".join(list(missing)[:3])
            raise IncompleteError(
                f"project {project_id}: {len(missing)} of {len(object_ids)} objects did not come, "
                f"among them {shown}{fault}"
            )

    async def _parse(self, object_id: str, payload: bytes, *, is_root: bool) -> Parsed:
        # A large root must not hold the event loop.
        if len(payload) > _LARGE:
            return await asyncio.to_thread(parse, object_id, payload, is_root=is_root, attributes=self._attributes)
        return parse(object_id, payload, is_root=is_root, attributes=self._attributes)

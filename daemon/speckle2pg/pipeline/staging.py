"""Where a download waits for its merge: facts are committed in chunks, small loads are never staged apart."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from speckle2pg.errors import Speckle2pgError
from speckle2pg.pipeline.extract.model import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from speckle2pg.pipeline.extract.model import Occurrence
    from speckle2pg.store.database import Database, Transaction

CHUNK_ROWS = 2_000
CHUNK_BYTES = 8 * 1024 * 1024
"""A chunk is committed at so many rows or bytes: memory stays flat, and a load below both is one transaction."""

_FACTS = tuple(
    name
    for name in Facts.__struct_fields__
    if name not in ("object_id", "application_id", "properties", "attributes", "replaced")
)


class Staging:
    """The staged rows of one load; a sink for facts.

    Args:
        database: Where they are staged.
        project_id: Project being loaded.
        model_id: Model being loaded.
        version_id: Version being loaded.
    """

    def __init__(self, database: Database, project_id: str, model_id: str, version_id: str) -> None:
        self._database = database
        self._key = {"project_id": project_id, "model_id": model_id, "version_id": version_id}
        self._buffer: list[Facts] = []
        self._size = 0
        self._load_id: int | None = None

    async def add(self, facts: Facts) -> None:
        """Takes the facts of one element, and commits a chunk when there are enough."""
        self._buffer.append(facts)
        self._size += len(facts.properties)
        if len(self._buffer) >= CHUNK_ROWS or self._size >= CHUNK_BYTES:
            async with self._database.transaction() as tx:
                await self._flush(tx)

    async def complete(self, tx: Transaction, occurrences: Iterator[Occurrence]) -> tuple[int, int]:
        """Stages what is left and the tree, inside the merge's transaction.

        Returns:
            The load id, and the number of elements that share an applicationId with another of other content.
        """
        await self._flush(tx)
        assert self._load_id is not None  # noqa: S101  (flush opened the load)
        duplicates = 0
        load_id = self._load_id

        def rows() -> Iterator[tuple[Any, ...]]:
            nonlocal duplicates
            for occurrence in occurrences:
                duplicates += occurrence.is_row and occurrence.ordinal > 0
                yield _tree_row(load_id, occurrence)

        await tx.copy("copy_tree", rows())
        return load_id, duplicates

    async def drop(self, tx: Transaction) -> None:
        """Removes the staged rows."""
        if self._load_id is not None:
            await _drop(tx, self._load_id)

    async def abandon(self) -> None:
        """Removes the staged rows of a load that came to nothing, if it can: `sweep` finds what is left.

        It runs while an error or a cancellation is under way, which its own trouble must not replace.
        """
        if self._load_id is not None:
            with suppress(Speckle2pgError):
                async with self._database.transaction() as tx:
                    await self.drop(tx)

    async def _flush(self, tx: Transaction) -> None:
        if self._load_id is None:
            opened = await tx.one("open_load", **self._key)
            assert opened is not None  # noqa: S101  (RETURNING)
            self._load_id = opened["id"]
        load_id, buffer = self._load_id, self._buffer
        self._buffer, self._size = [], 0
        await tx.copy("copy_facts", (_facts_row(load_id, facts) for facts in buffer))


async def sweep(database: Database) -> int:
    """Removes what dead processes left staged, and gives the number of their loads; meant for the start.

    A load counts as dead after a day, or when a crash of the database took its record.
    """
    orphans = await database.all("orphaned_loads")
    for row in orphans:
        async with database.transaction() as tx:
            await _drop(tx, row["id"])
    return len(orphans)


async def _drop(tx: Transaction, load_id: int) -> None:
    for name in ("drop_staged_facts", "drop_staged_tree", "close_load"):
        await tx.do(name, load_id=load_id)


def _facts_row(load_id: int, facts: Facts) -> tuple[Any, ...]:
    own = (getattr(facts, name) for name in _FACTS)
    return (load_id, facts.object_id, *own, facts.properties.decode(), facts.attributes.decode())


def _tree_row(load_id: int, at: Occurrence) -> tuple[Any, ...]:
    place = (
        at.parent_object_id,
        at.position,
        at.object_id,
        at.kind,
        at.guid,
        at.application_id,
        at.element_id,
    )
    own = (at.name, at.own_category, at.own_level, at.own_hash, at.is_row)
    if not at.is_row:
        return (load_id, *place, *own, None, None, None, None, None, None)
    row = (list(at.path), at.parent_guid, at.assembly_guid, at.level, at.category, at.content_hash)
    return (load_id, *place, *own, *row)

"""Applies a version: one short set-based transaction that is a compare-and-swap on the model's seq.

What a reader sees is the version before or this one, with its history, its cursor, its tree and its notification.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from speckle2pg.errors import HeldError, RetryableError
from speckle2pg.pipeline.merge import Merge
from speckle2pg.pipeline.notify import announcement
from speckle2pg.pipeline.stored import lock_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from speckle2pg.pipeline.extract.model import Occurrence
    from speckle2pg.pipeline.merge import Counts
    from speckle2pg.pipeline.plan import Cursor
    from speckle2pg.pipeline.staging import Staging
    from speckle2pg.speckle.model import Version
    from speckle2pg.speckle.objects import Traffic
    from speckle2pg.store.database import Database, Transaction


FIRST_CHANGES = 5
"""Elements that a preview names per operation."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A committed application."""

    version_id: str | None
    seq: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Change:
    """An element that would be added, modified or removed."""

    operation: str
    element_type: str | None
    name: str | None
    mark: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What an application would change.

    Attributes:
        counts: How many elements.
        first: The first of each operation.
        held: Why the gate would hold it.
        version_id: The version; None where the model has none left.
        waiting: Versions that would be loaded, this one included.
    """

    counts: Counts
    first: tuple[Change, ...] = ()
    held: str | None = None
    version_id: str | None = None
    waiting: int = 1


class Gate(Protocol):
    """Judges a version before anything of it is written."""

    async def check(self, tx: Transaction, key: dict[str, Any], load_id: int, counts: Counts) -> None:
        """Looks at what a staged version would change.

        Raises:
            HeldError: It has to wait for a person.
        """


class Loader:
    """Writes versions to one schema.

    Args:
        database: Where.
        history: Keep former images.
        announce: Tell listeners.
        checkpoint: Called with the name of each point that a fault may strike at; for the fault tests' benefit it
            names the same points as the docs.
    """

    def __init__(
        self,
        database: Database,
        *,
        history: bool = True,
        announce: bool = True,
        checkpoint: Callable[[str], None] | None = None,
    ) -> None:
        self._database = database
        self._history = history
        self._announce = announce
        self._checkpoint = checkpoint or (lambda _name: None)

    async def apply(
        self,
        project_id: str,
        model_id: str,
        cursor: Cursor,
        version: Version,
        staging: Staging,
        occurrences: Iterator[Occurrence],
        *,
        traffic: Traffic,
        replaced: int,
        seconds: Callable[[], dict[str, float]],
        derivation: str | None = None,
        gate: Gate | None = None,
    ) -> Applied:
        """Merges a staged version into the model's rows.

        Raises:
            HeldError: The gate holds it; nothing was written.
            StalePlanError: The model's seq is no longer the planned one; nothing was written.
            DatabaseUnavailableError: The database ended the transaction; nothing was written.
        """
        async with self._database.transaction() as tx:
            load_id, duplicates = await staging.complete(tx, occurrences)
            self._checkpoint("staged")
            key = {"project_id": project_id, "model_id": model_id}
            await tx.one("plan_for_whole_models")
            await lock_model(tx, project_id, model_id, cursor)
            merge = Merge(tx, key, load_id, cursor.seq + 1, version.id, version.created_at)
            counts = await merge.count()
            if gate is not None:
                await gate.check(tx, key, load_id, counts)
            await merge.write(history=self._history, reason="absent")
            self._checkpoint("merged")
            await self._finish(tx, key, merge.seq, replace(cursor, derivation=derivation), version, counts)
            await tx.do(
                "finish_version",
                project_id=project_id,
                version_id=version.id,
                seq=merge.seq,
                base_version_id=cursor.version_id,
                duplicates=duplicates,
                replaced=replaced,
                objects_fetched=traffic.objects,
                bytes_fetched=traffic.size,
                requests=traffic.requests,
                stage_seconds=seconds(),
                **asdict(counts),
            )
            await staging.drop(tx)
            self._checkpoint("before commit")
        self._checkpoint("after commit")
        return Applied(version.id, merge.seq, counts)

    async def preview(
        self,
        project_id: str,
        model_id: str,
        staging: Staging | None,
        occurrences: Iterator[Occurrence],
        gate: Gate | None = None,
    ) -> Preview:
        """What an application would change, or what emptying the model would without staging; writes nothing."""
        async with self._database.transaction(commit=False) as tx:
            # No staged row bears load id 0.
            load_id, _ = await staging.complete(tx, occurrences) if staging else (0, 0)
            await tx.one("plan_for_whole_models")
            key = {"project_id": project_id, "model_id": model_id}
            counts = await Merge(tx, key, load_id, 0, None, datetime.now(UTC)).count()
            held = None
            try:
                if gate is not None:
                    await gate.check(tx, key, load_id, counts)
            except HeldError as error:
                held = str(error)
            await tx.do("carry_facts", **key, load_id=load_id)
            first = await tx.all("first_changes", **key, load_id=load_id, most=FIRST_CHANGES)
        return Preview(counts, tuple(Change(**row) for row in first), held)

    async def clear(
        self, project_id: str, model_id: str, cursor: Cursor, *, reason: str, at: datetime | None = None
    ) -> Applied:
        """Removes all elements of a model that is gone (`model_deleted`) or has no version left (`no_version`).

        A replay says `at` which moment that was.
        """
        async with self._database.transaction() as tx:
            key = {"project_id": project_id, "model_id": model_id}
            await tx.one("plan_for_whole_models")
            await lock_model(tx, project_id, model_id, cursor)
            # No staged row bears load id 0: every row is absent from the empty tree.
            merge = Merge(tx, key, 0, cursor.seq + 1, None, at or datetime.now(UTC))
            counts = await merge.count()
            await merge.write(history=self._history, reason=reason)
            await self._finish(tx, key, merge.seq, cursor, None, counts, reason)
            if reason == "model_deleted":
                await tx.do("retire_model", **key)
                await tx.do("retire_versions", **key)
        return Applied(None, merge.seq, counts)

    async def _finish(
        self,
        tx: Transaction,
        key: dict[str, Any],
        seq: int,
        cursor: Cursor,
        version: Version | None,
        counts: Counts,
        removed_reason: str | None = None,
    ) -> None:
        version_id = version.id if version else None
        moved = await tx.one(
            "move_cursor",
            **key,
            seq=seq,
            version_id=version_id,
            version_created_at=version.created_at if version else None,
            source_application=version.source_application if version else None,
            derivation=cursor.derivation,
            history=self._history,
        )
        if moved is None or moved["element_count"] != counts.present:
            # Never commit a version whose rows do not add up, whatever the cause: an unlogged table emptied by a
            # crash of the database, for one.
            raise RetryableError(f"model {key['model_id']}: {counts.present} elements were expected, found {moved}")
        await tx.do("record_sync", **key, seq=seq, version_id=version_id, removed_reason=removed_reason)
        if self._announce:
            await tx.one("announce", payload=announcement(key, seq, cursor.version_id, version_id, asdict(counts)))

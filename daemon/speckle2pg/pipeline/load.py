"""Applies a version: one short set-based transaction that is a compare-and-swap on the model's seq.

What a reader sees is the version before or this one, with its history, its cursor, its tree and its notification.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from speckle2pg.errors import RetryableError
from speckle2pg.pipeline.extract.canonical import CANONICAL_VERSION
from speckle2pg.pipeline.notify import announcement
from speckle2pg.pipeline.stored import lock_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from speckle2pg.pipeline.extract.model import Occurrence
    from speckle2pg.pipeline.plan import Cursor
    from speckle2pg.pipeline.staging import Staging
    from speckle2pg.speckle.model import Version
    from speckle2pg.speckle.objects import Traffic
    from speckle2pg.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Counts:
    """What an application changed: elements; added includes restored, and added + modified + unchanged are present."""

    added: int = 0
    modified: int = 0
    removed: int = 0
    restored: int = 0
    unchanged: int = 0

    @property
    def present(self) -> int:
        """Elements present afterwards."""
        return self.added + self.modified + self.unchanged


@dataclass(frozen=True, slots=True)
class Applied:
    """A committed application."""

    version_id: str | None
    seq: int
    counts: Counts


class Loader:
    """Writes versions to one schema.

    Args:
        database: Where.
        history: Keep former images.
        checkpoint: Called with the name of each point that a fault may strike at; for the fault tests' benefit it
            names the same points as the docs.
    """

    def __init__(
        self, database: Database, *, history: bool = True, checkpoint: Callable[[str], None] | None = None
    ) -> None:
        self._database = database
        self._history = history
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
        seconds: Callable[[], dict[str, float]],
    ) -> Applied:
        """Merges a staged version into the model's rows.

        Raises:
            StalePlanError: The model's seq is no longer the planned one; nothing was written.
            DatabaseUnavailableError: The database ended the transaction; nothing was written.
        """
        async with self._database.transaction() as tx:
            load_id, duplicates = await staging.complete(tx, occurrences)
            self._checkpoint("staged")
            key = {"project_id": project_id, "model_id": model_id}
            await tx.one("plan_for_whole_models")
            await lock_model(tx, project_id, model_id, cursor)
            merge = _Merge(tx, key, load_id, cursor.seq + 1, version.id, version.created_at)
            counts = await merge.run(history=self._history, reason="absent")
            self._checkpoint("merged")
            await self._finish(tx, key, merge.seq, cursor, version, counts)
            await tx.do(
                "finish_version",
                project_id=project_id,
                version_id=version.id,
                seq=merge.seq,
                base_version_id=cursor.version_id,
                duplicates=duplicates,
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
        self, project_id: str, model_id: str, staging: Staging, occurrences: Iterator[Occurrence]
    ) -> Counts:
        """What an application would change; writes nothing."""
        async with self._database.transaction(commit=False) as tx:
            load_id, _ = await staging.complete(tx, occurrences)
            await tx.one("plan_for_whole_models")
            row = await tx.one("classify", project_id=project_id, model_id=model_id, load_id=load_id)
        return Counts(**(row or {}))

    async def clear(self, project_id: str, model_id: str, cursor: Cursor, *, reason: str) -> Applied:
        """Removes all elements of a model that is gone (`model_deleted`) or has no version left (`no_version`)."""
        async with self._database.transaction() as tx:
            key = {"project_id": project_id, "model_id": model_id}
            await tx.one("plan_for_whole_models")
            await lock_model(tx, project_id, model_id, cursor)
            # No staged row bears load id 0: every row is absent from the empty tree.
            merge = _Merge(tx, key, 0, cursor.seq + 1, None, datetime.now(UTC))
            counts = await merge.run(history=self._history, reason=reason)
            await self._finish(tx, key, merge.seq, cursor, None, counts)
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
    ) -> None:
        version_id = version.id if version else None
        moved = await tx.one(
            "move_cursor",
            **key,
            seq=seq,
            version_id=version_id,
            version_created_at=version.created_at if version else None,
            source_application=version.source_application if version else None,
        )
        if moved is None or moved["element_count"] != counts.present:
            # Never commit a version whose rows do not add up, whatever the cause: an unlogged table emptied by a
            # crash of the database, for one.
            raise RetryableError(f"model {key['model_id']}: {counts.present} elements were expected, found {moved}")
        await tx.do("record_sync", **key, seq=seq, version_id=version_id)
        await tx.one("announce", payload=announcement(key, seq, cursor.version_id, version_id, asdict(counts)))


class _Merge:
    """The statements that turn the rows of one version into those of the next."""

    def __init__(
        self,
        tx: Transaction,
        key: dict[str, Any],
        load_id: int,
        seq: int,
        version_id: str | None,
        at: datetime,
    ) -> None:
        self._tx = tx
        self._key = key
        self._load = {**key, "load_id": load_id}
        self._stamp = {"version_id": version_id, "at": at, "seq": seq}
        self.seq = seq

    async def run(self, *, history: bool, reason: str) -> Counts:
        """Runs them and gives what changed.

        Raises:
            RetryableError: Fewer rows were written than the classification promised.
        """
        counts = Counts(**(await self._tx.one("classify", **self._load) or {}))
        if history and (counts.modified or counts.removed):
            await self._tx.do("keep_history", **self._load, seq=self.seq)
        if counts.removed:
            await self._tx.do("remove_elements", **self._load, **self._stamp, reason=reason)
        if counts.added or counts.modified:
            await self._tx.do("carry_facts", **self._load)
            await self._write(counts)
        if counts.unchanged:
            await self._tx.do("settle_elements", **self._load)
        await self._tx.do("prune_tree", **self._load)
        await self._tx.do("write_tree", **self._load)
        return counts

    async def _write(self, counts: Counts) -> None:
        row = await self._tx.one("write_elements", **self._load, **self._stamp, canonical_version=CANONICAL_VERSION)
        written, expected = (row or {}).get("written"), counts.added + counts.modified
        if written != expected:
            raise RetryableError(f"{written} of {expected} elements were staged; the load starts anew")

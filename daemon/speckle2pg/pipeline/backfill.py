"""Replays older versions into history: afterwards the rows are as if each had been loaded in its turn.

The ordinary load runs on tables of its own (`side.py`), version by version, and one transaction puts what it made in
place of what was there. A sync of the model in between makes the replay stale, never wrong.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog

from speckle2pg.errors import (
    DatabaseUnavailableError,
    FatalError,
    HeldError,
    IncompleteError,
    RequestError,
    StalePlanError,
)
from speckle2pg.pipeline.extract.model import UnfoldingError
from speckle2pg.pipeline.gate import OFF, Limits
from speckle2pg.pipeline.load import Loader
from speckle2pg.pipeline.remap import derivation
from speckle2pg.pipeline.side import ToldState
from speckle2pg.pipeline.stored import cursor_of, read_cursor
from speckle2pg.pipeline.swap import Backfilled, Replay, swap
from speckle2pg.pipeline.sync import ModelSync, settled
from speckle2pg.pipeline.timeline import plan_replay
from speckle2pg.pipeline.versions import VersionList
from speckle2pg.speckle.objects import Traffic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from speckle2pg.pipeline.plan import Cursor
    from speckle2pg.pipeline.side import SideDatabase
    from speckle2pg.pipeline.task import Task
    from speckle2pg.pipeline.timeline import Entry, Timeline
    from speckle2pg.speckle.model import Version
    from speckle2pg.speckle.objects import ObjectReader
    from speckle2pg.speckle.queries import SpeckleQueries
    from speckle2pg.store.database import Row, Transaction

log = structlog.get_logger()

ATTEMPTS = 3
"""How often a replay begins anew when the model is synced meanwhile, and how often its result is put in place."""


class Backfill:
    """Replays versions of models, one call each.

    Args:
        side: A session of its own.
        reader: Where objects come from.
        queries: The server's lists.
        progress: Called with a version's place, how many there are, and the number of its objects read so far.
        checkpoint: Awaited at each point that a fault may strike at, with its name.
    """

    def __init__(
        self,
        side: SideDatabase,
        reader: ObjectReader,
        queries: SpeckleQueries,
        progress: Callable[[int, int, int], None] | None = None,
        checkpoint: Callable[[str], Awaitable[None]] | None = None,
        limits: Limits = OFF,
    ) -> None:
        self._side = side
        self._queries = queries
        self._progress = progress
        self._checkpoint = checkpoint
        self._place = (0, 0)
        self._loader = Loader(side, announce=False)
        versions = VersionList(side, queries)
        self._sync = ModelSync(side, reader, versions, self._loader, self._tell)
        self._judged = ModelSync(side, reader, versions, self._loader, self._tell, limits)

    async def run(self, task: Task, *, since: datetime | None = None, actor: str = "") -> Backfilled:
        """Replays what was passed over in a model.

        Args:
            task: The model, as its project's registry row has it.
            since: Versions created before this moment are left alone.
            actor: Who asked for it, for `admin_log`.

        Raises:
            StalePlanError: The model was synced again and again meanwhile.
            RequestError: The rows were made by other rules.
            RetryableError: Server or database are away.
        """
        for _ in range(ATTEMPTS):
            listed = await self._queries.versions(task.project_id, task.model.id, ())
            replay = await self._begin(task, [version.id for version in listed], since)
            if replay is None:
                return Backfilled()
            await self._replay(replay)
            if not replay.found:
                return Backfilled(left_out=replay.left_out)
            await self._reach("replayed")
            try:
                return await self._put_in_place(replay, actor)
            except StalePlanError:
                log.info("the model was synced meanwhile; its replay begins anew", model=task.model.name)
        raise StalePlanError(
            f"model {task.model.name} was synced in each of {ATTEMPTS} replays, nothing was changed: try again when "
            f"less is published"
        )

    async def _begin(self, task: Task, listed: list[str], since: datetime | None) -> Replay | None:
        """Plans a replay and puts the state before it on the side."""
        key = {"project_id": task.project_id, "model_id": task.model.id}
        await self._side.prepare()
        async with self._side.real_transaction() as tx:
            row = await tx.one("replay_start", **key)
            if row is None or row["version_id"] is None:
                return None
            task = settled(task, cursor_of(row))
            _check_rules(task, row)
            timeline = await _plan(tx, key, row, listed, since)
            if timeline is None:
                return None
            await tx.do("copy_model_aside", **key)
            await tx.do("copy_versions_aside", **key)
            if timeline.told:
                await tx.do("tell_state", **key, seq=timeline.start)
            await _set_out(tx, timeline)
        return Replay(task, cursor_of(row), row["history_seq"], timeline)

    async def _plant(self, replay: Replay) -> None:
        """Puts the tree of the version before the replay on the side, so that what follows is read as it was.

        Its rows are there already: where it is applied to them, nothing changes.
        """
        timeline = replay.timeline
        if not timeline.told or timeline.base is None:
            return
        cursor = await read_cursor(self._side, **replay.key)
        with suppress(IncompleteError, FatalError, UnfoldingError):
            # What the server does not have any more is read with the version after it.
            await self._sync.replay(replay.task, cursor, timeline.base)
        async with self._side.real_transaction() as tx:
            await _set_out(tx, timeline)

    async def _replay(self, replay: Replay) -> None:
        total = len(replay.timeline.entries)
        await self._plant(replay)
        for number, entry in enumerate(replay.timeline.entries, start=1):
            self._place = (number, total)
            cursor = await read_cursor(self._side, **replay.key)
            if entry.version is None:
                reason = entry.removed_reason or "no_version"
                done = await self._loader.clear(**replay.key, cursor=cursor, reason=reason, at=entry.at)
                replay.done.append((done.seq, entry))
                continue
            try:
                done = await self._apply(replay.task, cursor, entry, entry.version)
            except (IncompleteError, FatalError, UnfoldingError, HeldError) as error:
                await self._do_without(replay, cursor, entry, entry.version, str(error))
            else:
                replay.done.append((done.seq, entry))

    async def _apply(self, task: Task, cursor: Cursor, entry: Entry, version: Version) -> Any:
        if entry.was is not None:
            return await self._sync.replay(task, cursor, version)
        # In its turn it would have been judged: what nobody let remove so much is no state that the model ever showed.
        await self._side.one("begin_version", project_id=task.project_id, version_id=version.id)
        return await self._judged.replay(task, cursor, version)

    async def _do_without(self, replay: Replay, cursor: Cursor, entry: Entry, version: Version, reason: str) -> None:
        """A version that the server cannot give: the rows tell its state if it was applied, else it is left out."""
        if entry.was is None or entry.was < replay.history_seq:
            log.warning("version left out", model=replay.task.model.name, version=version.id, reason=reason)
            replay.left_out[version.id] = reason
            return
        staging = ToldState(self._side, **replay.key, version_id=version.id, seq=entry.was)
        await staging.prepare()
        done = await self._loader.apply(
            **replay.key,
            cursor=cursor,
            version=version,
            staging=staging,
            occurrences=iter(()),
            traffic=Traffic(),
            replaced=0,
            seconds=dict,
            derivation=replay.cursor.derivation,
        )
        replay.done.append((done.seq, entry))

    async def _put_in_place(self, replay: Replay, actor: str) -> Backfilled:
        """Swaps; again where the database ends the transaction for a reason that passes."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._side.real_transaction() as tx:
                    done = await swap(tx, replay)
                    details = {"model": replay.task.model.name, **asdict(done)}
                    await tx.do(
                        "log_admin",
                        actor=actor,
                        action="backfill",
                        project_id=replay.task.project_id,
                        subject=replay.task.model.id,
                        details=details,
                    )
                    await self._reach("before commit")
            except DatabaseUnavailableError:
                if attempt == ATTEMPTS:
                    raise
            else:
                return done
        raise AssertionError  # pragma: no cover

    def _tell(self, _model: str, objects: int) -> None:
        if self._progress is not None:
            self._progress(*self._place, objects)

    async def _reach(self, point: str) -> None:
        if self._checkpoint is not None:
            await self._checkpoint(point)


def _check_rules(task: Task, row: Row) -> None:
    wanted = derivation(task.attributes, separate=task.separate)
    if row["derivation"] != wanted:
        raise RequestError(
            f"the rows of model {task.model.name} were made by other rules than those of now: run `speckle2pg sync "
            f"{task.project_id} {task.model.id}` first"
        )


async def _set_out(tx: Transaction, timeline: Timeline) -> None:
    """The model on the side stands where the replay begins."""
    await tx.do("set_model_aside", seq=timeline.start, version_id=timeline.base and timeline.base.id)
    await tx.do("forget_steps")
    if timeline.told:
        await tx.do("begin_with_state")


async def _plan(
    tx: Transaction, key: dict[str, Any], row: Row, listed: list[str], since: datetime | None
) -> Timeline | None:
    shown = (row["version_created_at"], row["version_id"])
    found = await tx.all("replayable_versions", **key, ids=listed)
    older = [item for item in found if (item["created_at"], item["id"]) < shown]
    applications = await tx.all("applications", **key)
    return plan_replay(applications, older, history_seq=row["history_seq"], since=since)

"""Closes the gap between one model on the server and its rows: plan, fetch, extract, load."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from speckle2pg.errors import FatalError
from speckle2pg.pipeline.attempt import Attempts
from speckle2pg.pipeline.extract.tree import walk
from speckle2pg.pipeline.fetch import Fetcher
from speckle2pg.pipeline.gate import OFF, Limits, RemovalGate
from speckle2pg.pipeline.plan import Cursor, newest, plan_model
from speckle2pg.pipeline.remap import derivation, remap
from speckle2pg.pipeline.remap import is_separate as made_separate
from speckle2pg.pipeline.report import report
from speckle2pg.pipeline.stages import Stages
from speckle2pg.pipeline.staging import Staging
from speckle2pg.pipeline.stored import read_cursor, read_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from speckle2pg.pipeline.extract.model import Node, Occurrence
    from speckle2pg.pipeline.fetch import Skeleton
    from speckle2pg.pipeline.load import Applied, Loader, Preview
    from speckle2pg.pipeline.task import Task
    from speckle2pg.pipeline.versions import VersionList
    from speckle2pg.speckle.model import Version
    from speckle2pg.speckle.objects import ObjectReader
    from speckle2pg.store.database import Database


class ModelSync:
    """Syncs models, one call each.

    Args:
        database: Where the rows are.
        reader: Where objects come from.
        versions: Keeps the list of versions.
        loader: Writes versions.
        progress: Called with the model's name and the number of objects read so far.
        limits: What a version may remove before a person is asked.
    """

    def __init__(
        self,
        database: Database,
        reader: ObjectReader,
        versions: VersionList,
        loader: Loader,
        progress: Callable[[str, int], None] | None = None,
        limits: Limits = OFF,
    ) -> None:
        self._database = database
        self._reader = reader
        self._versions = versions
        self._loader = loader
        self._progress = progress
        self._limits = limits
        self.attempts = Attempts(versions)

    async def sync(self, task: Task) -> Applied | None:
        """Brings a model's rows to its newest version; None when nothing had to be done.

        Raises:
            RetryableError: It can succeed later; the version waits with the reason.
            UnreadableError, GoneError: The project is no longer readable.
        """
        stages = Stages()
        cursor = await self._derived(task, await self._cursor(task), stages)
        task = settled(task, cursor)
        with stages.stage("plan"):
            at = await self._versions.record(
                task.project_id, task.model, cursor, cause=task.cause, at=task.at, every=task.every
            )
            plan = plan_model(at.newest, cursor, at.state, before=at.before, full=task.full)
        if plan.action == "empty":
            return await self._clear(task, cursor, "no_version", stages)
        if at.newest is None:
            return None
        self.attempts.patience.keep_only(task.key, [version.id for version in plan.versions])
        last = None
        for version in plan.versions:
            is_last = version is plan.versions[-1]
            apply = partial(self._apply, task, cursor, version, stages)
            done = await self.attempts.run(task, version, apply, newest=is_last)
            if done is not None:
                report(task.project_id, task.model.name, task.cause, version, done, stages)
                made_by = derivation(task.attributes, separate=task.separate)
                cursor = Cursor(done.seq, version.id, done.counts.present, version.created_at, made_by)
                last = done
            stages = Stages()
        if len(plan.versions) > 1:
            # Those that could not be applied and that a newer one has overtaken wait for nothing any more.
            await self._versions.pass_over(task.project_id, task.model.id, cursor, at.newest, every=task.every)
        return last

    async def _derived(self, task: Task, cursor: Cursor, stages: Stages) -> Cursor:
        """The cursor of rows that are made by the rules of now: others are derived again from what they store."""
        wanted = derivation(task.attributes, separate=made_separate(cursor.derivation))
        if cursor.seq == 0 or cursor.derivation == wanted:
            return cursor
        with stages.stage("remap"):
            await remap(self._database, task.project_id, task.model.id, task.attributes)
        return replace(cursor, derivation=wanted)

    async def retire(self, task: Task) -> Applied:
        """Removes the elements of a model that the server deleted.

        Raises:
            StalePlanError: Somebody applied a version meanwhile.
        """
        return await self._clear(task, await self._cursor(task), "model_deleted", Stages())

    async def _clear(
        self, task: Task, cursor: Cursor, reason: Literal["no_version", "model_deleted"], stages: Stages
    ) -> Applied:
        with stages.stage("load"):
            applied = await self._loader.clear(task.project_id, task.model.id, cursor, reason=reason)
        report(task.project_id, task.model.name, task.cause, None, applied, stages)
        return applied

    async def replay(self, task: Task, cursor: Cursor, version: Version) -> Applied:
        """Applies a version where the model stands, whatever else the server has: for `backfill`.

        Raises:
            IncompleteError, FatalError, UnfoldingError: It cannot be read.
            RetryableError: It can succeed later.
        """
        return await self._apply(task, cursor, version, Stages())

    async def preview(self, task: Task) -> Preview:
        """What a sync to the newest version would change; writes nothing, not even the list of versions."""
        cursor = await self._cursor(task)
        task = settled(task, cursor)
        version = newest(await self._versions.complete(task.project_id, task.model))
        if version is None:
            return await self._loader.preview(task.project_id, task.model.id, None, iter(()))
        # Rows made by other rules hold hashes of another kind: then all is read, and compared leaf by leaf.
        wanted = derivation(task.attributes, separate=made_separate(cursor.derivation))
        comparable = cursor.derivation == wanted and not task.full
        staging = Staging(self._database, task.project_id, task.model.id, version.id)
        try:
            skeleton = await self._fetch(task, version, await self._known(task) if comparable else {}, staging)
            walked = self._walk(task, skeleton)
            found = await self._loader.preview(
                task.project_id, task.model.id, staging, walked, self._gate(cursor, version)
            )
        finally:
            await staging.abandon()
        newer = await self._versions.newer(task.project_id, task.model, cursor) if task.every else []
        return replace(found, version_id=version.id, waiting=max(1, len(newer)))

    def _gate(self, cursor: Cursor, version: Version) -> RemovalGate | None:
        """What is shown already is not judged when it is applied again."""
        shown = version.id == cursor.version_id
        return None if shown else RemovalGate(self._limits, version.id, cursor.seq)

    async def _apply(self, task: Task, cursor: Cursor, version: Version, stages: Stages) -> Applied:
        known = {} if task.full else await self._known(task)
        staging = Staging(self._database, task.project_id, task.model.id, version.id)
        try:
            with stages.stage("fetch"):
                skeleton = await self._fetch(task, version, known, staging)
            with stages.stage("load"):
                return await self._loader.apply(
                    task.project_id,
                    task.model.id,
                    cursor,
                    version,
                    staging,
                    self._timed(stages, self._walk(task, skeleton)),
                    traffic=skeleton.traffic,
                    replaced=skeleton.replaced,
                    seconds=stages.seconds,
                    derivation=derivation(task.attributes, separate=task.separate),
                    gate=self._gate(cursor, version),
                )
        except BaseException:
            # Also when cancelled: what was staged for this attempt is no use to the next one.
            await staging.abandon()
            raise

    async def _fetch(self, task: Task, version: Version, known: Mapping[str, Node], sink: Staging) -> Skeleton:
        root = version.referenced_object
        if not root:
            raise FatalError(f"version {version.id} names no root object")
        if root.startswith("bundle."):
            raise FatalError(f"version {version.id} was published as a bundle, which this speckle2pg cannot read")
        shown = self._progress
        progress = None if shown is None else lambda count: shown(task.model.name, count)
        fetcher = Fetcher(self._reader, known, progress, task.attributes)
        return await fetcher.fetch(task.project_id, root, sink)

    def _walk(self, task: Task, skeleton: Skeleton) -> Iterator[Occurrence]:
        return walk(
            skeleton.nodes,
            skeleton.root,
            skeleton.levels,
            project_id=task.project_id,
            model_id=task.model.id,
            separate=task.separate,
        )

    @staticmethod
    def _timed(stages: Stages, occurrences: Iterator[Occurrence]) -> Iterator[Occurrence]:
        """Counts the walk to its own stage although the load consumes it."""
        while True:
            with stages.stage("extract"):
                occurrence = next(occurrences, None)
            if occurrence is None:
                return
            yield occurrence

    async def _cursor(self, task: Task) -> Cursor:
        return task.cursor or await read_cursor(self._database, task.project_id, task.model.id)

    async def _known(self, task: Task) -> dict[str, Node]:
        return await read_tree(self._database, task.project_id, task.model.id)


def settled(task: Task, cursor: Cursor) -> Task:
    """The task with the identity that the model's rows have; `--full` settles it anew by what the registry says now."""
    if cursor.seq == 0 or task.full:
        return task
    return replace(task, settled=made_separate(cursor.derivation))

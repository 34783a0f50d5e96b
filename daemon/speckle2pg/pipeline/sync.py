"""Closes the gap between one model on the server and its rows: plan, fetch, extract, load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import structlog

from speckle2pg import metrics
from speckle2pg.errors import FatalError, IncompleteError, StalePlanError
from speckle2pg.pipeline.extract.model import UnfoldingError
from speckle2pg.pipeline.extract.tree import walk
from speckle2pg.pipeline.fetch import Fetcher
from speckle2pg.pipeline.load import Applied, Counts, Loader
from speckle2pg.pipeline.plan import is_separate, newest, plan_model
from speckle2pg.pipeline.report import report
from speckle2pg.pipeline.stages import Stages
from speckle2pg.pipeline.staging import Staging
from speckle2pg.pipeline.stored import read_cursor, read_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from speckle2pg.events import Cause
    from speckle2pg.pipeline.extract.model import Facts, Node, Occurrence
    from speckle2pg.pipeline.fetch import Skeleton
    from speckle2pg.pipeline.plan import Cursor
    from speckle2pg.pipeline.versions import VersionList
    from speckle2pg.speckle.model import Model, Version
    from speckle2pg.speckle.objects import ObjectReader
    from speckle2pg.store.database import Database

log = structlog.get_logger()

MISSING_ATTEMPTS = 8
"""Attempts after which a version whose objects never came counts as failed; a person may retry it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A model to sync, with what the registry says of its project.

    Attributes:
        project_id: Its project.
        model: The model and its newest versions, as the server just told.
        cause: Who made us look.
        at: When that was.
        separate_models: Globs of models whose guids are kept apart.
        full: Apply again even what is applied, and download all of it.
        cursor: Where the model stood before the server was asked, so that an answer older than what somebody else
            applied meanwhile is found stale; None reads it now, which is enough for a preview.
    """

    project_id: str
    model: Model
    cause: Cause
    at: datetime
    separate_models: tuple[str, ...] = ()
    full: bool = False
    cursor: Cursor | None = None


class _Nowhere:
    """A sink for a dry run: a count needs no facts."""

    async def add(self, facts: Facts) -> None:
        """Drops them."""


class ModelSync:
    """Syncs models, one call each.

    Args:
        database: Where the rows are.
        reader: Where objects come from.
        versions: Keeps the list of versions.
        loader: Writes versions.
        progress: Called with the model's name and the number of objects read so far.
    """

    def __init__(
        self,
        database: Database,
        reader: ObjectReader,
        versions: VersionList,
        loader: Loader,
        progress: Callable[[str, int], None] | None = None,
    ) -> None:
        self._database = database
        self._reader = reader
        self._versions = versions
        self._loader = loader
        self._progress = progress
        # Per model the version whose objects are missing, and in how many attempts in a row they were.
        self._missing: dict[tuple[str, str], tuple[str, int]] = {}

    async def sync(self, task: Task) -> Applied | None:
        """Brings a model's rows to its newest version; None when nothing had to be done.

        Raises:
            RetryableError: It can succeed later; the version waits with the reason.
            UnreadableError, GoneError: The project is no longer readable.
        """
        stages = Stages()
        cursor = await self._cursor(task)
        with stages.stage("plan"):
            version, state = await self._versions.record(
                task.project_id, task.model, cursor, cause=task.cause, at=task.at
            )
            plan = plan_model(version, cursor, state, full=task.full)
        if plan.action == "nothing":
            return None
        if plan.action == "empty" or plan.version is None:
            return await self._clear(task, cursor, "no_version", stages)
        done = await self._attempt(task, cursor, plan.version, stages)
        if done is not None:
            report(task.project_id, task.model.name, task.cause, plan.version, done, stages)
        return done

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

    async def preview(self, task: Task) -> Counts:
        """What a sync would change; writes nothing, not even the list of versions."""
        cursor = await self._cursor(task)
        version = newest(await self._versions.complete(task.project_id, task.model))
        if version is None:
            return Counts(removed=cursor.element_count)
        skeleton = await self._fetch(task, version, await self._known(task), _Nowhere())
        staging = Staging(self._database, task.project_id, task.model.id, version.id)
        return await self._loader.preview(task.project_id, task.model.id, staging, self._walk(task, skeleton))

    async def _attempt(self, task: Task, cursor: Cursor, version: Version, stages: Stages) -> Applied | None:
        await self._versions.begin(task.project_id, version.id)
        try:
            applied = await self._apply(task, cursor, version, stages)
        except StalePlanError:
            metrics.SYNCS.labels("stale").inc()
            await self._versions.wait(task.project_id, version.id, "the model changed meanwhile; planned anew")
            raise
        except IncompleteError as error:
            attempts = self._count_missing(task, version)
            if attempts >= MISSING_ATTEMPTS:
                await self._fail(task, version, f"{error}; given up after {attempts} attempts")
                return None
            await self._put_off(task, version, error)
            raise
        except (FatalError, UnfoldingError) as error:
            await self._fail(task, version, str(error))
            return None
        except Exception as error:
            # Whatever it is, the version says why it waits.
            await self._put_off(task, version, error)
            raise
        self._missing.pop((task.project_id, task.model.id), None)
        return applied

    def _count_missing(self, task: Task, version: Version) -> int:
        """Attempts in which objects were missing, since this process met the version; other faults do not count."""
        key = (task.project_id, task.model.id)
        last, count = self._missing.get(key, (version.id, 0))
        self._missing[key] = (version.id, count + 1 if last == version.id else 1)
        return self._missing[key][1]

    async def _put_off(self, task: Task, version: Version, error: Exception) -> None:
        metrics.SYNCS.labels("retried").inc()
        await self._versions.wait(task.project_id, version.id, str(error) or type(error).__name__)

    async def _fail(self, task: Task, version: Version, reason: str) -> None:
        metrics.SYNCS.labels("failed").inc()
        self._missing.pop((task.project_id, task.model.id), None)
        log.error(
            "version failed",
            project=task.project_id,
            model=task.model.name,
            version=version.id,
            reason=reason,
        )
        await self._versions.fail(task.project_id, version.id, reason)

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
                    seconds=stages.seconds,
                )
        except BaseException:
            # Also when cancelled: what was staged for this attempt is no use to the next one.
            await staging.abandon()
            raise

    async def _fetch(
        self, task: Task, version: Version, known: Mapping[str, Node], sink: Staging | _Nowhere
    ) -> Skeleton:
        root = version.referenced_object
        if not root:
            raise FatalError(f"version {version.id} names no root object")
        if root.startswith("bundle."):
            raise FatalError(f"version {version.id} was published as a bundle, which this speckle2pg cannot read")
        shown = self._progress
        progress = None if shown is None else lambda count: shown(task.model.name, count)
        return await Fetcher(self._reader, known, progress).fetch(task.project_id, root, sink)

    def _walk(self, task: Task, skeleton: Skeleton) -> Iterator[Occurrence]:
        return walk(
            skeleton.nodes,
            skeleton.root,
            skeleton.levels,
            project_id=task.project_id,
            model_id=task.model.id,
            separate=is_separate(task.model.name, task.separate_models),
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

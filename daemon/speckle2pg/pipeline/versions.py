"""The list of versions: every one that the server lists is on record, with what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from speckle2pg.errors import GoneError, RetryableError
from speckle2pg.pipeline.plan import newest
from speckle2pg.pipeline.stored import lock_model
from speckle2pg.speckle.model import Version

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from speckle2pg.events import Cause
    from speckle2pg.pipeline.plan import Cursor
    from speckle2pg.speckle.model import Model
    from speckle2pg.speckle.queries import SpeckleQueries
    from speckle2pg.store.database import Database, Row, Transaction


@dataclass(frozen=True, slots=True)
class Standing:
    """What a model is to be brought to.

    Attributes:
        newest: Its newest version on the server, if it has any.
        state: State on record of that.
        before: Where every version is loaded: those to load before it, oldest first.
    """

    newest: Version | None = None
    state: str | None = None
    before: tuple[Version, ...] = ()


class VersionList:
    """Keeps the table `versions`.

    Args:
        database: Where it is.
        queries: Where versions are listed.
    """

    def __init__(self, database: Database, queries: SpeckleQueries) -> None:
        self._database = database
        self._queries = queries

    async def record(
        self,
        project_id: str,
        model: Model,
        cursor: Cursor,
        *,
        cause: Cause,
        at: datetime,
        every: bool = False,
    ) -> Standing:
        """Puts a model's versions on record and gives what it is to be brought to.

        Args:
            project_id: Project of the model.
            model: The model with its newest versions.
            cursor: Where the model stood before the server was asked for them.
            cause: Who made us look; kept for versions seen for the first time.
            at: When that was.
            every: Load each version that is newer than what the model shows, not only the newest.

        Raises:
            StalePlanError: A version was applied since, so this list may be older than that one's.
        """
        versions = await self.complete(project_id, model)
        top = newest(versions)
        key = _key(project_id, model.id)
        async with self._database.transaction() as tx:
            await lock_model(tx, project_id, model.id, cursor)
            if top is not None:
                rows = [_row(version) for version in versions]
                seen = {"announced_at": at, "announced_by": cause}
                await tx.do("record_versions", **key, newest_id=top.id, versions=rows, **seen)
            await self._record_vanished(tx, key, model, versions)
            if top is None:
                return Standing()
            shown = _shown(cursor)
            await tx.do("pass_over_versions", **key, **shown, newest_id=top.id, every=every)
            row = await tx.one("version_state", project_id=project_id, version_id=top.id)
            state = row["state"] if row else None
            if not every:
                return Standing(top, state)
            await tx.do("await_untried_versions", **key, **shown)
            before = await tx.all("versions_before", **key, **shown, newest_id=top.id)
        return Standing(top, state, tuple(map(_version, before)))

    async def complete(self, project_id: str, model: Model) -> list[Version]:
        """Enough of the list to tell the newest and, with what is on record, to account for all that the server counts.

        Mostly that is the few that came with the model. Where their times tie to the last, or versions lie between
        them and those on record, the list is read further, and where the counts still differ (an older version was
        deleted or moved) down to the end.
        """
        listed, total = model.versions.items, model.versions.total_count
        for to_the_end in (False, True):
            ids = [version.id for version in listed]
            key = _key(project_id, model.id)
            counts = await self._database.one("count_versions", **key, ids=ids) or {}
            tied = listed[0].created_at == listed[-1].created_at if listed else True
            accounted = counts["listed"] and len(ids) + counts["others"] == total
            if len(ids) >= total or (accounted and not tied):
                break
            stored = [] if to_the_end else await self._database.all("recorded_versions", **key)
            listed = await self._list(project_id, model.id, {row["id"] for row in stored})
        return listed

    async def newer(self, project_id: str, model: Model, cursor: Cursor) -> list[Version]:
        """Versions that the server lists and that are newer than what a model shows, newest first; writes nothing."""
        shown = (cursor.version_created_at, cursor.version_id)
        listed = await self._list(project_id, model.id, {cursor.version_id} if cursor.version_id else set())
        return [version for version in listed if cursor.version_id is None or version.order > shown]

    async def _list(self, project_id: str, model_id: str, known: Collection[str]) -> list[Version]:
        try:
            return await self._queries.versions(project_id, model_id, known)
        except GoneError as error:
            # Model or project was deleted this moment: the next look tells which.
            raise RetryableError(str(error)) from error

    async def _record_vanished(
        self, tx: Transaction, key: dict[str, str], model: Model, versions: list[Version]
    ) -> None:
        complete = len(versions) >= model.versions.total_count
        # Without the whole list only what is newer than its oldest entry can be judged.
        since = None if complete or not versions else min(version.created_at for version in versions)
        await tx.do("record_vanished_versions", **key, since=since, ids=[version.id for version in versions])

    async def begin(self, project_id: str, version_id: str) -> int:
        """An attempt starts; gives its number."""
        row = await self._database.one("begin_version", project_id=project_id, version_id=version_id)
        return row["attempts"] if row else 1

    async def wait(self, project_id: str, version_id: str, reason: str) -> None:
        """An attempt ended in passing; the version waits for the next one."""
        await self._end(project_id, version_id, "pending", reason)

    async def fail(self, project_id: str, version_id: str, reason: str) -> None:
        """A version can not be applied; a person may retry it, and a newer one goes on."""
        await self._end(project_id, version_id, "failed", reason)

    async def hold(self, project_id: str, version_id: str, reason: str) -> None:
        """A version would remove too much; a person decides, unless one did meanwhile or a newer one comes."""
        await self._database.do("hold_version", project_id=project_id, version_id=version_id, error=reason)

    async def pass_over(self, project_id: str, model_id: str, cursor: Cursor, newest: Version, *, every: bool) -> None:
        """What is older than what a model shows now waits for nothing any more."""
        await self._database.do(
            "pass_over_versions", **_key(project_id, model_id), **_shown(cursor), newest_id=newest.id, every=every
        )

    async def _end(self, project_id: str, version_id: str, state: str, reason: str) -> None:
        await self._database.do(
            "record_attempt", project_id=project_id, version_id=version_id, state=state, error=reason
        )


def _key(project_id: str, model_id: str) -> dict[str, str]:
    return {"project_id": project_id, "model_id": model_id}


def _shown(cursor: Cursor) -> dict[str, Any]:
    """What a model shows, as the queries compare it; a null id is before all versions."""
    return {"shown_id": cursor.version_id, "shown_at": cursor.version_created_at}


def _version(row: Row) -> Version:
    return Version(
        id=row["id"],
        created_at=row["created_at"],
        referenced_object=row["root_object_id"],
        source_application=row["source_application"],
    )


def _row(version: Version) -> dict[str, str | None]:
    return {
        "id": version.id,
        "root_object_id": version.referenced_object,
        "source_application": version.source_application,
        "author": version.author,
        "message": version.message,
        "created_at": version.created_at.isoformat(),
    }

"""The list of versions: every one that the server lists is on record, with what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speckle2pg.errors import GoneError, RetryableError
from speckle2pg.pipeline.plan import newest
from speckle2pg.pipeline.stored import lock_model

if TYPE_CHECKING:
    from datetime import datetime

    from speckle2pg.events import Cause
    from speckle2pg.pipeline.plan import Cursor
    from speckle2pg.speckle.model import Model, Version
    from speckle2pg.speckle.queries import SpeckleQueries
    from speckle2pg.store.database import Database, Transaction


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
        self, project_id: str, model: Model, cursor: Cursor, *, cause: Cause, at: datetime
    ) -> tuple[Version | None, str | None]:
        """Puts a model's versions on record and gives its newest one and the state of that.

        Args:
            project_id: Project of the model.
            model: The model with its newest versions.
            cursor: Where the model stood before the server was asked for them.
            cause: Who made us look; kept for versions seen for the first time.
            at: When that was.

        Raises:
            StalePlanError: A version was applied since, so this list may be older than that one's.
        """
        versions = await self.complete(project_id, model)
        top = newest(versions)
        key = {"project_id": project_id, "model_id": model.id}
        async with self._database.transaction() as tx:
            await lock_model(tx, project_id, model.id, cursor)
            if top is not None:
                await tx.do(
                    "record_versions",
                    **key,
                    newest_id=top.id,
                    announced_at=at,
                    announced_by=cause,
                    versions=[_row(version) for version in versions],
                )
            await self._record_vanished(tx, key, model, versions)
            if top is None:
                return None, None
            row = await tx.one("version_state", project_id=project_id, version_id=top.id)
        return top, row["state"] if row else None

    async def complete(self, project_id: str, model: Model) -> list[Version]:
        """Enough of the list to tell the newest and, with what is on record, to account for all that the server counts.

        Mostly that is the few that came with the model. Where their times tie to the last, or versions lie between
        them and those on record, the list is read further, and where the counts still differ (an older version was
        deleted or moved) down to the end.
        """
        listed, total = model.versions.items, model.versions.total_count
        for to_the_end in (False, True):
            ids = [version.id for version in listed]
            key = {"project_id": project_id, "model_id": model.id}
            counts = await self._database.one("count_versions", **key, ids=ids) or {}
            tied = listed[0].created_at == listed[-1].created_at if listed else True
            accounted = counts["listed"] and len(ids) + counts["others"] == total
            if len(ids) >= total or (accounted and not tied):
                break
            stored = [] if to_the_end else await self._database.all("recorded_versions", **key)
            try:
                listed = await self._queries.versions(project_id, model.id, {row["id"] for row in stored})
            except GoneError as error:
                # Model or project was deleted this moment: the next look tells which.
                raise RetryableError(str(error)) from error
        return listed

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

    async def _end(self, project_id: str, version_id: str, state: str, reason: str) -> None:
        await self._database.do(
            "record_attempt", project_id=project_id, version_id=version_id, state=state, error=reason
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

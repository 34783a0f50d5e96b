"""Looks at a project, or at one model of it, and brings what is behind up to date."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from speckle2pg.errors import (
    FatalError,
    GoneError,
    RetryableError,
    Speckle2pgError,
    TokenRefusedError,
    UnreadableError,
)
from speckle2pg.pipeline.extract.attributes import compile_rules
from speckle2pg.pipeline.plan import Cursor, is_followed
from speckle2pg.pipeline.stored import cursor_of
from speckle2pg.pipeline.task import Task
from speckle2pg.speckle.model import Model, VersionPage

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from speckle2pg.events import Event, Key
    from speckle2pg.pipeline.load import Applied
    from speckle2pg.pipeline.sync import ModelSync
    from speckle2pg.speckle.queries import ProjectListing, SpeckleQueries
    from speckle2pg.store.database import Database, Row

log = structlog.get_logger()


@dataclass(slots=True)
class Outcome:
    """What came of a look.

    Attributes:
        applied: Per model id what was committed.
        retry: What has to be looked at again, with the error that says when.
        state: State of the project afterwards: ok, unreadable, gone; None when it is not followed.
    """

    applied: dict[str, Applied] = field(default_factory=dict)
    retry: dict[Key, RetryableError] = field(default_factory=dict)
    state: str | None = None


class ProjectSync:
    """Answers events. It reads from an event where to look, and nothing else.

    Args:
        database: The registry and the rows.
        queries: The server's lists.
        models: Syncs one model.
    """

    def __init__(self, database: Database, queries: SpeckleQueries, models: ModelSync) -> None:
        self._database = database
        self._queries = queries
        self._models = models

    async def look(self, event: Event, *, full: bool = False) -> Outcome:
        """Looks where an event points and closes the gaps that it finds.

        Faults that pass are in the outcome's `retry`; a project that cannot be read has its state recorded.

        Raises:
            DatabaseUnavailableError, ConfigurationError: The registry itself could not be read.
        """
        row = await self._database.one("get_project", project_id=event.project_id)
        outcome = Outcome()
        if row is None or not row["enabled"]:
            return outcome
        row["attributes"] = compile_rules(await self._database.all("attribute_rules", project_id=event.project_id))
        try:
            if event.model_id is None:
                await self._look_at_project(event, row, outcome, full=full)
            else:
                await self._look_at_model(event, row, outcome, full=full)
            outcome.state = "ok"
        except UnreadableError as error:
            await self._record_state(row, outcome, "unreadable", str(error))
        except GoneError as error:
            await self._record_state(row, outcome, "gone", str(error))
        except RetryableError as error:
            outcome.retry[event.key] = error
            if isinstance(error, TokenRefusedError):
                await self._record_state(row, outcome, "unreadable", str(error))
        if event.model_id is None or outcome.applied:
            await self._adopt_statuses()
        return outcome

    async def _adopt_statuses(self) -> None:
        """Guids that are known now may be those of statuses from an earlier adapter; the next look tries again."""
        try:
            row = await self._database.one("adopt_statuses")
        except Speckle2pgError as error:
            log.warning("statuses of the earlier adapter cannot be adopted", reason=str(error))
            return
        if row is not None and row["adopted"]:
            log.info("statuses of the earlier adapter adopted", elements=row["adopted"])

    async def _look_at_project(self, event: Event, row: Row, outcome: Outcome, *, full: bool) -> None:
        # Where the models stand is read before the server is asked, here and below: see `Task.cursor`.
        stored = {item["id"]: item for item in await self._database.all("stored_models", project_id=event.project_id)}
        listing = await self._queries.project(event.project_id)
        for model in listing.models:
            cursor = cursor_of(stored[model.id]) if model.id in stored else Cursor()
            await self._guarded(self._sync(event, row, model, cursor, outcome, full=full), event, model.id, outcome)
        for model_id in stored.keys() - {model.id for model in listing.models}:
            if stored[model_id]["state"] != "deleted":
                # A list leaves out an empty model called main, and may race with a change: a direct question decides.
                asked = self._ask_model(event, row, model_id, outcome, full=full)
                await self._guarded(asked, event, model_id, outcome)
        await self._record_ok(listing, is_whole=not outcome.retry)

    async def _look_at_model(self, event: Event, row: Row, outcome: Outcome, *, full: bool) -> None:
        assert event.model_id is not None  # noqa: S101  (the caller's branch)
        await self._ask_model(event, row, event.model_id, outcome, full=full)
        if row["state"] != "ok":
            await self._database.do("record_project", **_says(event.project_id, "ok"))

    async def _ask_model(self, event: Event, row: Row, model_id: str, outcome: Outcome, *, full: bool) -> None:
        stored = await self._database.one("stored_cursor", project_id=event.project_id, model_id=model_id)
        model = await self._queries.model(event.project_id, model_id)
        if model is not None:
            await self._sync(event, row, model, cursor_of(stored) if stored else Cursor(), outcome, full=full)
        elif stored is not None and stored["state"] != "deleted":
            gone = Model(model_id, stored["name"], VersionPage([]))
            task = Task(event.project_id, gone, event.cause, event.at, cursor=cursor_of(stored))
            outcome.applied[model_id] = await self._models.retire(task)
            log.info("model deleted on the server", project=event.project_id, model=stored["name"])

    async def _guarded(self, work: Awaitable[None], event: Event, model_id: str, outcome: Outcome) -> None:
        """One model's trouble does not hold up the others."""
        try:
            await work
        except TokenRefusedError:
            raise
        except RetryableError as error:
            outcome.retry[event.project_id, model_id] = error
        except FatalError as error:
            log.exception("model cannot be synced", project=event.project_id, model=model_id)
            outcome.retry[event.project_id, model_id] = RetryableError(str(error))

    async def _sync(
        self, event: Event, row: Row, model: Model, cursor: Cursor, outcome: Outcome, *, full: bool
    ) -> None:
        followed = is_followed(model.name, row["model_globs"])
        await self._database.do(
            "record_model",
            project_id=event.project_id,
            model_id=model.id,
            name=model.name,
            description=model.description,
            state="active" if followed else "excluded",
        )
        if not followed:
            return
        separate = tuple(row["separate_models"])
        task = Task(
            event.project_id,
            model,
            event.cause,
            event.at,
            separate,
            row["attributes"],
            full=full,
            every=row["every_version"],
            cursor=cursor,
        )
        applied = await self._models.sync(task)
        if applied is not None:
            outcome.applied[model.id] = applied

    async def _record_ok(self, listing: ProjectListing, *, is_whole: bool) -> None:
        says = _says(listing.id, "ok", name=listing.name, description=listing.description, is_whole=is_whole)
        await self._database.do("record_project", **says)

    async def _record_state(self, row: Row, outcome: Outcome, state: str, reason: str) -> None:
        outcome.state = state
        if (row["state"], row["state_reason"]) != (state, reason):
            log.warning("project cannot be read", project=row["id"], state=state, reason=reason)
        await self._database.do("record_project", **_says(row["id"], state, reason=reason))


def _says(
    project_id: str,
    state: str,
    *,
    name: str | None = None,
    description: str | None = None,
    reason: str | None = None,
    is_whole: bool = False,
) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "state": state,
        "reason": reason,
        "name": name,
        "description": description,
        "is_whole": is_whole,
    }

"""What people ask of a running daemon, whoever carries the question: HTTP now, other channels later."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from speckle2pg.aio.guard import wait_set
from speckle2pg.errors import (
    GoneError,
    NotNewestError,
    NotReadableError,
    RequestError,
    RetryableError,
    Speckle2pgError,
    UnknownProjectError,
    UnreadableError,
)
from speckle2pg.events import Event
from speckle2pg.pipeline.plan import is_followed, newest
from speckle2pg.sources.admin import AdminSource

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from speckle2pg.health import Health
    from speckle2pg.pipeline.project import Outcome
    from speckle2pg.speckle.queries import ProjectListing, SpeckleQueries
    from speckle2pg.store.database import Database, Row

_GREETING_PATIENCE = 3.0
_DATABASE_PATIENCE = 2.0
"""Seconds: nobody who asks waits for ever."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync on request came to: elements present afterwards, and seconds."""

    elements: int
    seconds: float


class Control:
    """Answers requests.

    Args:
        database: Registry and rows.
        direct_url: A connection that carries LISTEN.
        queries: The server.
        ask: Posts an event and waits for its look.
        health: The daemon's own state.
    """

    def __init__(
        self,
        database: Database,
        direct_url: str,
        queries: SpeckleQueries,
        ask: Callable[[Event], Awaitable[Any]],
        health: Health,
    ) -> None:
        self._database = database
        self._queries = queries
        self._ask = ask
        self.health = health
        self._requests = AdminSource(database, direct_url, ask)

    async def sync(self, project_id: str, object_id: str | None = None) -> SyncResult:
        """Looks at a project, or at the models whose newest version has a root object, and waits for it.

        Raises:
            UnknownProjectError: Not registered.
            NotNewestError: No model's newest version has that object; the newest ones are named.
            NotReadableError: The server does not let us read it, or does not know it.
            RequestError: The newest version of a model failed, or is held for a person.
            RetryableError: It failed in passing; the daemon goes on trying.
        """
        started = time.perf_counter()
        await self._greeted()
        if self._requests.closed:
            raise RetryableError("the daemon is being stopped")
        row = await self._registered(project_id)
        chosen = await self._models_of(row, object_id) if object_id else None
        outcome: Outcome = await self._ask(Event(project_id, _single(chosen), "admin", datetime.now(UTC)))
        if outcome.state in ("unreadable", "gone"):
            raise NotReadableError(f"project {project_id} is {outcome.state} on the server")
        if outcome.retry:
            raise next(iter(outcome.retry.values()))
        await self._nothing_waits(project_id, chosen)
        models = await self._database.all("model_summary", project_id=project_id)
        shown = [row for row in models if row["state"] == "active" and (chosen is None or row["id"] in chosen)]
        return SyncResult(sum(row["element_count"] for row in shown), time.perf_counter() - started)

    async def request_sync(self, project_id: str, object_id: str | None, actor: str) -> int:
        """Accepts a sync to be done soon and gives its number; it survives the daemon.

        Raises:
            UnknownProjectError, NotNewestError, NotReadableError: As `sync`.
            RetryableError: Database or server could not be asked, so nothing was accepted.
        """
        row = await self._registered(project_id)
        chosen = await self._models_of(row, object_id) if object_id else None
        return await self._requests.accept(project_id, _single(chosen), actor)

    async def run(self) -> None:
        """Works on requests that were accepted: those from before the daemon last ended, new ones, and others' ones."""
        await self._requests.run()

    async def add_project(self, project_id: str, name: str | None, actor: str) -> tuple[Row, bool]:
        """Registers a project that exists on the server; the registry's notification starts its first sync.

        Returns:
            Its row, and whether it is new. A row that was there is left as it is, even if it is paused.

        Raises:
            NotReadableError: The server does not know it or does not let us read it; nothing is registered.
            RetryableError: Database or server could not be asked; nothing is registered.
        """
        known = await self._database.one("show_project", project_id=project_id)
        if known is not None:
            return known, False
        await self._greeted()
        try:
            listing = await self._queries.project(project_id)
        except (GoneError, UnreadableError) as error:
            raise NotReadableError(str(error)) from error
        async with self._database.transaction() as tx:
            inserted = await tx.do("register_project", project_id=project_id, name=name or listing.name)
            if inserted:
                details = {"name": name}
                await tx.do(
                    "log_admin",
                    actor=actor,
                    action="projects add",
                    project_id=project_id,
                    subject=None,
                    details=details,
                )
            row = await tx.one("show_project", project_id=project_id)
        assert row is not None  # noqa: S101  (just inserted, or there before)
        return row, bool(inserted)

    async def status(self) -> dict[str, Any]:
        """Projects, unfinished versions and the daemon's parts, for /health and `status`."""
        projects = await self._database.all("project_summary")
        versions = await self._database.all("unfinished_versions")
        feed = await self._database.one("feed_stall") or {"seconds": 0.0}
        return {
            "projects": projects,
            "versions": versions,
            "feed": {"stall_seconds": feed["seconds"]},
            **self.parts(),
        }

    def parts(self) -> dict[str, Any]:
        """What the daemon knows without asking anybody."""
        sockets = [
            {"projects": n, "connected": up, "reason": None if up else why} for n, up, why in self.health.sockets
        ]
        return {
            "parts": self.health.parts(),
            "speckle": {"token_accepted": self.health.token_accepted, "reason": self.health.speckle_reason},
            "subscriptions": sockets,
        }

    async def database_answers(self) -> str | None:
        """None when the database answers, else why not."""
        try:
            async with asyncio.timeout(_DATABASE_PATIENCE):
                await self._database.one("ping")
        except TimeoutError:
            return f"the database did not answer within {_DATABASE_PATIENCE:.0f} seconds"
        except Speckle2pgError as error:
            return str(error)
        return None

    async def _registered(self, project_id: str) -> Row:
        row = await self._database.one("get_project", project_id=project_id)
        if row is None or not row["enabled"]:
            cure = (
                "is not registered: add it with `speckle2pg projects add` or POST /projects"
                if row is None
                else f"is paused: `speckle2pg projects resume {project_id}` first"
            )
            raise UnknownProjectError(f"project {project_id} {cure}")
        return row

    async def _greeted(self) -> None:
        """Until the server was greeted it might be another one, whose answers must change nothing.

        Raises:
            RetryableError: It was not greeted within a few seconds.
        """
        if not await wait_set(self.health.greeted, _GREETING_PATIENCE):
            raise RetryableError(f"Speckle was not reached yet: {self.health.speckle_reason}")

    async def _models_of(self, row: Row, object_id: str) -> frozenset[str]:
        """Followed models whose newest version has a root object."""
        await self._greeted()
        try:
            listing = await self._queries.project(row["id"])
        except (GoneError, UnreadableError) as error:
            raise NotReadableError(str(error)) from error
        shown = _newest_objects(listing, row["model_globs"])
        found = frozenset(model_id for model_id, root in shown.items() if root == object_id)
        if not found:
            newest = ", ".join(sorted(set(shown.values()))) or "none: no followed model has a version"
            raise NotNewestError(
                f"object {object_id} is not the newest of any followed model of project {row['id']}; "
                f"the newest: {newest}"
            )
        return found

    async def _nothing_waits(self, project_id: str, chosen: frozenset[str] | None) -> None:
        """Raises a `RequestError` if a model's newest version could not be applied: success would be a lie."""
        for row in await self._database.all("stuck_versions", project_id=project_id):
            if chosen is None or row["model_id"] in chosen:
                raise RequestError(f"version {row['id']} of model {row['model_id']} is {row['state']}: {row['error']}")


def _single(models: frozenset[str] | None) -> str | None:
    """The model to look at, or None for the whole project."""
    return next(iter(models)) if models is not None and len(models) == 1 else None


def _newest_objects(listing: ProjectListing, globs: list[str]) -> dict[str, str]:
    """Per followed model the root object of its newest version."""
    shown: dict[str, str] = {}
    for model in listing.models:
        version = newest(model.versions.items)
        if version is not None and version.referenced_object and is_followed(model.name, globs):
            shown[model.id] = version.referenced_object
    return shown

"""`/metrics`: counters as they are, lag and states computed at the moment of the scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from prometheus_client import generate_latest

from speckle2pg import metrics
from speckle2pg.errors import Speckle2pgError

if TYPE_CHECKING:
    from collections.abc import Callable

    from speckle2pg.http.backend import Backend

log = structlog.get_logger()

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsRoute:
    """Answers scrapes.

    Args:
        backend: Gives the projects' state.
        refresh: Sets the gauges that need no database.
        project_limit: Projects beyond which there are no series per project.
    """

    def __init__(self, backend: Backend, refresh: Callable[[], None], project_limit: int) -> None:
        self._backend = backend
        self._refresh = refresh
        self._project_limit = project_limit
        self._shown: set[str] = set()

    async def metrics(self, _request: web.Request) -> web.Response:
        """Everything, also when the database is away: what comes from it is left as it was."""
        self._refresh()
        try:
            if await self._backend.database_answers() is None:
                self._show(await self._backend.status())
        except Speckle2pgError as error:
            log.warning("scrape without the database", reason=str(error))
        return web.Response(body=generate_latest(metrics.REGISTRY), headers={"Content-Type": CONTENT_TYPE})

    def _show(self, status: dict[str, Any]) -> None:
        projects = status["projects"]
        metrics.LAG_MAX.set(max((row["lag_seconds"] for row in projects), default=0))
        self._show_projects(projects if len(projects) <= self._project_limit else [])
        for state in ("new", "ok", "unreadable", "gone"):
            metrics.PROJECTS.labels(state).set(sum(row["state"] == state for row in projects))
        for state, column in (("pending", "waiting"), ("failed", "failed"), ("held", "held")):
            metrics.VERSIONS.labels(state).set(sum(row[column] for row in projects))
        metrics.OLDEST_PENDING.set(max((row["oldest_pending_seconds"] for row in projects), default=0))
        metrics.FEED_STALL.set(status["feed"]["stall_seconds"])
        reconciled = [row["last_reconciled_at"] for row in projects if row["enabled"] and row["state"] == "ok"]
        if reconciled and None not in reconciled:
            metrics.RECONCILE_SUCCESS.set(min(at.timestamp() for at in reconciled))

    def _show_projects(self, projects: list[Any]) -> None:
        for gone in self._shown - {row["id"] for row in projects}:
            metrics.forget_project(gone)
        self._shown = {row["id"] for row in projects}
        for row in projects:
            metrics.LAG.labels(row["id"]).set(row["lag_seconds"])
            metrics.PROJECT_STATE.labels(row["id"]).set(row["state"] in ("ok", "new"))

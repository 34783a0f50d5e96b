"""The aiohttp application and its socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from speckle2pg.errors import ConfigurationError
from speckle2pg.http.auth import Guard
from speckle2pg.http.health import HealthRoutes
from speckle2pg.http.metrics import MetricsRoute
from speckle2pg.http.problems import problems
from speckle2pg.http.requests import RequestRoutes

if TYPE_CHECKING:
    from collections.abc import Callable

    from speckle2pg.http.backend import Backend
    from speckle2pg.settings import Settings

log = structlog.get_logger()

_BODY_LIMIT = 64 * 1024


class HttpServer:
    """Listens on HTTP_HOST and HTTP_PORT.

    Args:
        settings: Address and tokens.
        backend: What the routes ask.
        refresh: Takes what changes from moment to moment, before a scrape and before /health.
    """

    def __init__(self, settings: Settings, backend: Backend, refresh: Callable[[], None]) -> None:
        self._host, self._port = settings.http_host, settings.http_port
        guard = Guard(settings)
        health, requests = HealthRoutes(backend, guard, refresh), RequestRoutes(backend, guard)
        scrape = MetricsRoute(backend, refresh, settings.project_metrics_limit)
        self.application = web.Application(middlewares=[problems], client_max_size=_BODY_LIMIT)
        self.application.add_routes(
            [
                web.get("/livez", health.livez),
                web.get("/readyz", health.readyz),
                web.get("/health", health.health),
                web.get("/metrics", scrape.metrics),
                web.post("/sync", requests.sync),
                web.post("/projects", requests.add_project),
            ]
        )
        self._runner = web.AppRunner(self.application, access_log=None, shutdown_timeout=5)
        self.url = ""

    async def start(self) -> None:
        """Opens the socket.

        Raises:
            ConfigurationError: The address cannot be listened on.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigurationError(
                f"cannot listen on HTTP_HOST {self._host}, HTTP_PORT {self._port}: {error.strerror}"
            ) from error
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        log.info("listening", url=self.url)

    async def run(self) -> None:
        """Serves until it is cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            await self._runner.cleanup()

    async def drain(self, _deadline: float) -> list[str]:
        """Takes no new connections; what is being answered is answered by `run`'s end."""
        for site in list(self._runner.sites):
            await site.stop()
        return []

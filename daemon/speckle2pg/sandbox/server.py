"""The sandbox: a Speckle server in this process, on a real socket of 127.0.0.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from aiohttp import web

from speckle2pg.sandbox.actions import Actions
from speckle2pg.sandbox.bundles import Bundles
from speckle2pg.sandbox.context import OLDER_VERSION, VERSION, Site
from speckle2pg.sandbox.counts import Counts
from speckle2pg.sandbox.execution import Executor
from speckle2pg.sandbox.faults import Faults
from speckle2pg.sandbox.front import Front
from speckle2pg.sandbox.graphql_http import GraphQLEndpoint
from speckle2pg.sandbox.limits import Limits
from speckle2pg.sandbox.publishing import Publishing
from speckle2pg.sandbox.routes import Routes
from speckle2pg.sandbox.schema import make_schema
from speckle2pg.sandbox.socket_pool import SocketPool
from speckle2pg.sandbox.webhooks import Webhooks
from speckle2pg.sandbox.world import World

if TYPE_CHECKING:
    from types import TracebackType

BODY_LIMIT = 100 * 2**20
SHUTDOWN_SECONDS = 1.0


class SandboxServer(Publishing):
    """A Speckle server for tests and demonstrations; use it as an async context manager.

    Args:
        canonical_url: The address the server states as its own; None for the one it listens at.
        port: The port to listen at; 0 for any that is free.
        older: Behave as a server that has only the subscriptions of the old API (`commitCreated` ...).
        object_stream: Have the v2 endpoint for objects; otherwise it answers 404 HTML.
        bundles: Have the v2 endpoint for the files of bundle versions; otherwise it answers 404 HTML.
        ka_interval: Seconds between two `ka` messages on a websocket.
        break_after_error: After an error reply break the connection that is kept alive.
        world: The content to start with; None for an empty server.

    Attributes:
        world: The content, in memory; changing it directly is heard by nobody.
        faults: What goes wrong, switched on by tests.
        limits: Rate limits, off by default.
        sockets: The open websockets.
        webhooks: The deliverer of webhooks.
        bundles: The files of bundle versions.
        counts: What the server has done.
    """

    def __init__(
        self,
        *,
        canonical_url: str | None = None,
        port: int = 0,
        older: bool = False,
        object_stream: bool = True,
        bundles: bool = False,
        ka_interval: float = 30.0,
        break_after_error: bool = False,
        world: World | None = None,
    ) -> None:
        self.world = World() if world is None else world
        self.counts = Counts()
        self.faults = Faults()
        self.limits = Limits()
        self._port = port
        self._canonical_url = canonical_url
        self.site = Site(self.world, version=OLDER_VERSION if older else VERSION)
        self.webhooks = Webhooks(self.site, self.counts)
        self.actions = Actions(self.site, self.webhooks.dispatch)
        executor = Executor(make_schema(older=older))
        self.sockets = SocketPool(self.actions, executor, self.counts, self.faults, ka_interval)
        self.front = Front(self.site, self.counts, self.faults, self.limits, break_after_error)
        graphql = GraphQLEndpoint(self.actions, executor, self.counts)
        self.bundles = Bundles(self.site)
        served = self.bundles if bundles else None
        self._routes = Routes(self.front, graphql, self.sockets, served, object_stream=object_stream)
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listens at the port; after a `stop` at the same one as before, with the same content."""
        application = web.Application(client_max_size=BODY_LIMIT)
        self._routes.add_to(application)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.site.address = self.url
        self.site.canonical_url = self._canonical_url or self.url
        self.webhooks.start()

    async def stop(self) -> None:
        """Drops all connections at once, as the real server does, and frees the port."""
        self.faults.clear()
        self.sockets.abort_all()
        await self.webhooks.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

"""The composition root: puts the parts together and runs them. The only module that knows them all."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from speckle2pg import __version__, metrics
from speckle2pg.control import Control
from speckle2pg.errors import ConfigurationError, RetryableError, Speckle2pgError, TokenRefusedError, WrongServerError
from speckle2pg.events import Event
from speckle2pg.health import Health
from speckle2pg.http.server import HttpServer
from speckle2pg.identity import bind_server
from speckle2pg.pipeline.extract import canonical
from speckle2pg.pipeline.gate import Limits
from speckle2pg.pipeline.load import Loader
from speckle2pg.pipeline.project import Outcome, ProjectSync
from speckle2pg.pipeline.retention import Keep, Retention
from speckle2pg.pipeline.staging import sweep
from speckle2pg.pipeline.sync import ModelSync
from speckle2pg.pipeline.versions import VersionList
from speckle2pg.sources.reconcile import ReconcileSource
from speckle2pg.sources.registry import RegistryChange, RegistrySource
from speckle2pg.sources.subscription import SubscriptionSource
from speckle2pg.speckle.http import SpeckleHTTP
from speckle2pg.speckle.objects import ObjectReader
from speckle2pg.speckle.queries import SpeckleQueries
from speckle2pg.speckle.token import TokenSource
from speckle2pg.store import migrations
from speckle2pg.store.address import DatabaseAddress, open_address
from speckle2pg.store.database import Database
from speckle2pg.streams.workers import Workers
from speckle2pg.supervisor import Lifetime, Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from speckle2pg.settings import Settings

log = structlog.get_logger()

UNREACHABLE_RETRY = 5.0
REFUSED_RETRY = 30.0
"""Seconds between tries to greet a server that does not answer, or that refuses the token."""


@dataclass(frozen=True, slots=True)
class Core:
    """What a command and the daemon share: the database, the server, and the sync between them."""

    settings: Settings
    address: DatabaseAddress
    database: Database
    http: SpeckleHTTP
    queries: SpeckleQueries
    models: ModelSync
    projects: ProjectSync
    token: TokenSource


def require_speckle(settings: Settings) -> str:
    """The server's address.

    Raises:
        ConfigurationError: Address or token is missing; says which, and how to try the program without them.
    """
    missing = [
        name
        for name, value in (
            ("SPECKLE_SERVER_URL", settings.speckle_server_url),
            ("SPECKLE_TOKEN", settings.speckle_token),
        )
        if value is None
    ]
    if missing or settings.speckle_server_url is None:
        raise ConfigurationError(
            f"{' and '.join(missing)} must be set in the environment or in .env "
            f"(to try speckle2pg without a Speckle server, run `speckle2pg demo`)"
        )
    return settings.speckle_server_url


@asynccontextmanager
async def open_core(
    settings: Settings, *, migrate: bool, progress: Callable[[str, int], None] | None = None
) -> AsyncIterator[Core]:
    """Opens database and server.

    Args:
        settings: With address and token of the server.
        migrate: Bring the schema up to date first; otherwise it is only checked.
        progress: Told of objects read, for a progress bar.

    Raises:
        ConfigurationError: Settings are missing or the database cannot be used.
    """
    url = require_speckle(settings)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(open_address(settings))
        await prepare_schema(settings, address, migrate=migrate)
        database = await stack.enter_async_context(open_database(settings, address))
        await check_login(settings, database)
        await database.one("rebase_feed")
        token = TokenSource(settings)
        http = await stack.enter_async_context(
            SpeckleHTTP(url, token.current, requests_per_second=settings.speckle_requests_per_second)
        )
        queries = SpeckleQueries(http)
        loader = Loader(database, history=settings.history)
        versions, limits = VersionList(database, queries), Limits.of(settings)
        models = ModelSync(database, ObjectReader(http), versions, loader, progress, limits)
        projects = ProjectSync(database, queries, models)
        yield Core(settings, address, database, http, queries, models, projects, token)


async def check_login(settings: Settings, database: Database) -> None:
    """A login without the daemon's role would see empty tables, and take that for the truth.

    Raises:
        ConfigurationError: The login may not do the daemon's work; says how to allow it.
    """
    row = await database.one("login_privileges", schema=settings.db_schema)
    if row is not None and not row["may_work"]:
        raise ConfigurationError(
            f"login {row['login']} may not do the daemon's work in schema {settings.db_schema}: as the owner of the "
            f"tables run GRANT speckle2pg TO {row['login']}"
        )


def open_database(settings: Settings, address: DatabaseAddress) -> Database:
    """The pool of the daemon's own login."""
    return Database(
        address.url, schema=settings.db_schema, min_size=settings.db_pool_min, max_size=settings.db_pool_max
    )


async def prepare_schema(settings: Settings, address: DatabaseAddress, *, migrate: bool) -> None:
    """Migrates the schema, or checks that it needs no migration.

    Raises:
        SchemaError: Foreign relations of our names, or a newer schema.
        ConfigurationError: Migrations are pending and may not be applied.
    """
    if migrate:
        state = await asyncio.to_thread(migrations.migrate, address.owner_url, settings.db_schema, canonical.NOISE)
        if state.pending:
            log.info("schema migrated", schema=settings.db_schema, applied=list(state.pending))
        return
    state = await asyncio.to_thread(migrations.inspect, address.owner_url, settings.db_schema)
    state.check(settings.db_schema)
    if state.pending:
        raise ConfigurationError(
            f"schema {settings.db_schema} lacks migrations ({', '.join(state.pending)}): run `speckle2pg migrate`"
        )


class Daemon:
    """`speckle2pg run`: every part, started in order and stopped in reverse.

    Args:
        core: Database and server.
    """

    def __init__(self, core: Core) -> None:
        settings = core.settings
        self._core = core
        self.health = Health()
        self.workers = Workers(self._look, concurrency=settings.sync_concurrency, mailbox_size=settings.mailbox_size)
        self._followed: frozenset[str] = frozenset()
        self.subscription = SubscriptionSource(
            core.http.url,
            core.token.current,
            core.queries,
            self.workers.post,
            per_socket=settings.projects_per_socket,
            refused=self._refused,
        )
        self.registry = RegistrySource(core.database, core.address.direct_url, self._registry_changed)
        self.reconcile = ReconcileSource(settings.reconcile_interval, lambda: self._followed, self.workers.post)
        self.retention = Retention(core.database, Keep.of(settings))
        self.control = Control(core.database, core.address.direct_url, core.queries, self.workers.ask, self.health)
        self.http = HttpServer(settings, self.control, self._refresh_gauges)
        self.supervisor = Supervisor(settings.shutdown_timeout)
        self.started = asyncio.Event()

    async def run(self) -> None:
        """Runs until a signal.

        Raises:
            ConfigurationError: The server is another one, or the HTTP port is taken.
            LifetimeEndedError: A part ended unexpectedly.
        """
        metrics.start_at_zero()
        metrics.BUILD.info({"version": __version__})
        # Outside the main thread, as in some tests, there are no signal handlers.
        with suppress(NotImplementedError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._core.token.reload)
        await self.http.start()
        self.health.parts = self.supervisor.parts
        self.started.set()
        await self.supervisor.run(
            [
                Lifetime("http", self.http.run, self.http.drain),
                Lifetime("streams", _for_ever, self.workers.drain),
                Lifetime("sources", self._follow),
            ]
        )
        log.info("stopped")

    async def _follow(self) -> None:
        """Greets the server until it answers, ties the schema to it, then follows the registry."""
        await self._greet()
        await self._sweep()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.control.run(), name="requests")
            group.create_task(self.registry.run(), name="registry")
            group.create_task(self.reconcile.run(), name="reconcile")
            group.create_task(self.retention.run(), name="retention")
            if self._core.settings.use_subscription:
                group.create_task(self.subscription.run(), name="subscriptions")

    async def _greet(self) -> None:
        while True:
            try:
                greeting = await bind_server(
                    self._core.database, self._core.queries, self._core.http.url, link=self._core.settings.link_url
                )
            except TokenRefusedError as error:
                self._refused(error)
                await asyncio.sleep(REFUSED_RETRY)
            except WrongServerError:
                raise
            except Speckle2pgError as error:
                self.health.speckle_reason = str(error)
                log.warning("Speckle cannot be reached; trying again", reason=str(error), seconds=UNREACHABLE_RETRY)
                await asyncio.sleep(UNREACHABLE_RETRY)
            else:
                self._accepted()
                log.info(
                    "Speckle greeted",
                    server=greeting.server.name,
                    version=greeting.server.version,
                    user=greeting.user,
                )
                return

    async def _sweep(self) -> None:
        """What a dead process left in the staging is no use to anybody."""
        try:
            swept = await sweep(self._core.database)
        except Speckle2pgError as error:
            log.warning("staging cannot be swept", reason=str(error))
            return
        if swept:
            log.info("staging swept", loads=swept)

    async def _look(self, event: Event) -> Outcome:
        outcome = await self._core.projects.look(event)
        refused = next((error for error in outcome.retry.values() if isinstance(error, TokenRefusedError)), None)
        if refused is not None:
            self._refused(refused)
        elif outcome.state == "ok":
            self._accepted()
        elif outcome.retry:
            self.health.speckle_reason = str(next(iter(outcome.retry.values())))
        return outcome

    def _refused(self, error: RetryableError) -> None:
        if self.health.token_accepted is not False:
            log.error("Speckle refuses the token", reason=str(error))
        self.health.token_accepted = False
        self.health.speckle_reason = str(error)
        metrics.TOKEN_ACCEPTED.set(0)
        self._core.token.reload()

    def _accepted(self) -> None:
        self.health.token_accepted = True
        self.health.speckle_reason = None
        metrics.TOKEN_ACCEPTED.set(1)

    def _registry_changed(self, change: RegistryChange) -> None:
        self._followed = change.followed
        for project_id in change.dropped:
            self.workers.drop(project_id)
            metrics.forget_project(project_id)
        for project_id in change.look:
            self.workers.post(Event(project_id, None, "registry", datetime.now(UTC)))
        if self._core.settings.use_subscription:
            self.subscription.follow(change.followed)

    def _refresh_gauges(self) -> None:
        keepers = self.subscription.keepers
        self.health.sockets = [(len(keeper.projects), keeper.connected, keeper.reason) for keeper in keepers]
        metrics.QUEUE_DEPTH.set(self.workers.depth())
        metrics.WORKERS.set(self.workers.alive())
        stats = self._core.database.pool_stats()
        metrics.DB_POOL["size"].set(stats["pool_size"])
        metrics.DB_POOL["available"].set(stats["pool_available"])
        metrics.DB_POOL["waiting"].set(stats["requests_waiting"])


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def run_daemon(settings: Settings) -> None:
    """`speckle2pg run`.

    Raises:
        ConfigurationError: See `open_core` and `Daemon.run`.
    """
    require_speckle(settings)
    async with open_core(settings, migrate=settings.migrate_on_start) as core:
        await Daemon(core).run()

"""One run of the demo: what it starts, publishes, waits for and shows."""

from __future__ import annotations

import asyncio
import secrets
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from speckle2pg.app import Daemon, open_core
from speckle2pg.cli.common import err, out
from speckle2pg.cli.demo_database import DemoDatabase, demo_database
from speckle2pg.cli.demo_tables import LEGEND, change_line, final_tables
from speckle2pg.cli.signals import EXIT_INTERRUPTED, TerminatedError, closing
from speckle2pg.errors import RequestError
from speckle2pg.sandbox import SandboxServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from speckle2pg.settings import Settings
    from speckle2pg.store.database import Database, Row

_PAUSE = 4.0
_PATIENCE = 600.0
_POLL = 0.02
_DONE = ("synced", "failed", "held", "rejected", "deleted")
_COUNTS = ("added", "modified", "removed", "restored", "unchanged", "lag_seconds")


@dataclass(frozen=True, slots=True)
class Publication:
    """A version to publish."""

    message: str
    root: str
    objects: dict[str, bytes]


class Demo:
    """Sandbox, database and daemon, and the versions that go through them.

    Args:
        settings: Of the daemon, as far as the demo does not fix them.
        publications: Versions to publish, each when the one before is in the tables.
        once: Publish without pauses and end.
        quiet: Print nothing on stdout.
        keep: Keep the database.
    """

    def __init__(
        self, settings: Settings, publications: list[Publication], *, once: bool, quiet: bool, keep: bool
    ) -> None:
        self._settings = settings
        self._publications = publications
        self._once = once
        self._quiet = quiet
        self._keep = keep

    async def run(self) -> dict[str, Any]:
        """Runs it and gives the report: `versions`, `elements`, `database_url`.

        Raises:
            TerminatedError: It was interrupted before the last version was in the tables.
            RequestError: A version did not get there in ten minutes.
        """
        async with AsyncExitStack() as stack:
            place = await stack.enter_async_context(demo_database(self._settings, keep=self._keep))
            sandbox = await stack.enter_async_context(SandboxServer())
            user = sandbox.world.add_user("Demo")
            settings = self._complete(place, sandbox.url, sandbox.world.add_token(user))
            core = await stack.enter_async_context(open_core(settings, migrate=True))
            daemon = Daemon(core)
            running = await stack.enter_async_context(_running(daemon))
            self._greet(place, sandbox.url, daemon.http.url, settings)
            project = sandbox.world.create_project(user, "Мост через реку / River bridge")
            await core.database.one("add_project", project_id=project.id, name=None, model_globs=None)
            rows = await self._publish(sandbox, project.id, core.database, running)
            report = await self._report(core.database, rows, place)
            await self._show(core.database, project.id, rows)
            await self._stay(running)
        if self._keep:
            (err if self._quiet else out).print(place.kept, markup=False, soft_wrap=True)
        return report

    def _complete(self, place: DemoDatabase, server: str, token: str) -> Settings:
        return self._settings.model_copy(
            update={
                "database_url": SecretStr(place.url),
                "migrate_database_url": SecretStr(place.owner_url),
                "database_direct_url": SecretStr(place.url),
                "speckle_server_url": server,
                "speckle_public_url": None,
                "speckle_token": SecretStr(token),
                "admin_token": self._settings.admin_token or SecretStr(secrets.token_urlsafe(16)),
                "use_subscription": True,
                "notify_urls": [],
            }
        )

    def _say(self, text: str) -> None:
        if not self._quiet:
            out.print(text, soft_wrap=True)

    def _greet(self, place: DemoDatabase, server: str, daemon: str, settings: Settings) -> None:
        self._say(f"[bold]speckle2pg demo[/]: a Speckle server at {server}, the daemon at {daemon}, a new database.")
        if self._stays() and settings.admin_token is not None:
            token = settings.admin_token.get_secret_value()
            self._say(f"  state:   curl -H 'Authorization: Bearer {token}' {daemon}/health")
            self._say(f"  metrics: curl {daemon}/metrics")
            self._say(f"  rows:    {place.psql} '{place.shown_url}'")
            if place.shown_owner_url != place.shown_url:
                self._say(f"  owner:   {place.psql} '{place.shown_owner_url}'")
        self._say(f"\nVersions of a model are published; the daemon follows.  {LEGEND}")

    async def _publish(
        self, sandbox: SandboxServer, project_id: str, database: Database, running: asyncio.Task[None]
    ) -> list[Row]:
        rows: list[Row] = []
        for number, publication in enumerate(self._publications):
            if number and not self._once:
                await asyncio.wait([running], timeout=_PAUSE)
            version = await sandbox.publish(
                project_id,
                "bridge",
                publication.root,
                message=publication.message,
                source_application="demo",
                objects=publication.objects,
            )
            rows.append(await self._finished(database, project_id, version.id, running))
            self._say(change_line(number + 1, publication.message, rows[-1]))
        return rows

    async def _finished(self, database: Database, project_id: str, version_id: str, running: asyncio.Task[None]) -> Row:
        """Waits until a version is applied or will not be, and says why it takes longer."""
        told, end = None, asyncio.get_running_loop().time() + _PATIENCE
        while asyncio.get_running_loop().time() < end:
            await asyncio.wait([running], timeout=_POLL)
            if running.done():
                await running
                raise TerminatedError(EXIT_INTERRUPTED)
            row = await database.one("version_report", project_id=project_id, version_id=version_id)
            if row is not None and row["state"] in _DONE:
                return row
            if row is not None and row["error"] not in (None, told):
                told = row["error"]
                err.print(f"speckle2pg: version {version_id} waits: {told}", markup=False, highlight=False)
        raise RequestError(f"version {version_id} was not in the tables after {_PATIENCE:.0f} s")

    async def _report(self, database: Database, rows: list[Row], place: DemoDatabase) -> dict[str, Any]:
        versions = [
            {"version": row["id"], "state": row["state"], **{name: row[name] for name in _COUNTS}} for row in rows
        ]
        models = await database.all("model_summary", project_id=None)
        return {
            "versions": versions,
            "elements": sum(row["element_count"] for row in models),
            "database_url": place.url if self._keep else place.shown_url,
        }

    async def _show(self, database: Database, project_id: str, rows: list[Row]) -> None:
        if not self._quiet:
            for part in await final_tables(database, project_id, all_synced=all(r["state"] == "synced" for r in rows)):
                out.print(part)

    def _stays(self) -> bool:
        """Whether there will be time to use the addresses."""
        return not self._once and not self._quiet and sys.stdout.isatty()

    async def _stay(self, running: asyncio.Task[None]) -> None:
        """On a terminal the demo stays until it is interrupted, so that one can look around."""
        if not self._stays():
            return
        self._say("\nLook around as long as you like (the addresses are above); Ctrl-C ends the demo.")
        await running


@asynccontextmanager
async def _running(daemon: Daemon) -> AsyncIterator[asyncio.Task[None]]:
    """Runs the daemon as a task and stops it in an orderly way."""
    task = asyncio.create_task(daemon.run(), name="daemon")
    listening = asyncio.create_task(daemon.started.wait())
    try:
        await asyncio.wait([listening, task], return_when="FIRST_COMPLETED")
        if task.done():
            await task
        yield task
    finally:
        listening.cancel()
        daemon.supervisor.stop()
        await asyncio.wait([task])
        closing()

"""The real daemon, as a task of the test's own event loop, against the sandbox."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from speckle2pg.app import Daemon, open_core
from speckle2pg.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ADMIN_TOKEN = "admin-token-of-the-tests"


def make_settings(database_url: str, server_url: str, token: str, **more: Any) -> Settings:
    """Settings of a daemon under test; nothing is read from the developer's `.env`."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "speckle_server_url": server_url,
        "speckle_token": token,
        "http_port": 0,
        "admin_token": ADMIN_TOKEN,
        "speckle_requests_per_second": 1000.0,
        "migrate_on_start": False,
        "shutdown_timeout": 10.0,
        **more,
    }
    return Settings.load(_env_file=None, **values)


@asynccontextmanager
async def running_daemon(settings: Settings) -> AsyncIterator[Daemon]:
    """Runs a daemon for the block and stops it in an orderly way; its own failure fails the test."""
    async with open_core(settings, migrate=settings.migrate_on_start) as core:
        daemon = Daemon(core)
        task = asyncio.create_task(daemon.run(), name="daemon under test")
        started = asyncio.create_task(daemon.started.wait())
        await asyncio.wait([started, task], return_when="FIRST_COMPLETED")
        started.cancel()
        if task.done():
            await task
        try:
            yield daemon
        finally:
            daemon.supervisor.stop()
            await task

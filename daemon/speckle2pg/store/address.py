"""Which PostgreSQL: the one of the settings, or an embedded one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from speckle2pg.store.embedded import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from speckle2pg.settings import Settings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """How to reach the database.

    Attributes:
        url: The daemon's login.
        owner_url: The owner's, for migrations.
        direct_url: Past a transaction pooler, for LISTEN.
        embedded: Whether it is an embedded server.
    """

    url: str
    owner_url: str
    direct_url: str
    embedded: bool = False


@asynccontextmanager
async def open_address(settings: Settings) -> AsyncIterator[DatabaseAddress]:
    """The database of the settings; without DATABASE_URL an embedded one runs while the block does.

    Raises:
        ConfigurationError: The embedded server cannot be started.
    """
    if settings.database_url is not None:
        yield _configured(settings, settings.database_url.get_secret_value())
        return
    log.info("DATABASE_URL is not set: starting an embedded PostgreSQL", data_dir=str(settings.data_dir))
    server = await asyncio.to_thread(EmbeddedServer.start, settings.data_dir)
    log.info(
        "the embedded PostgreSQL is up",
        look_with=f"{server.psql} '{server.url}'",
        own_it_with=f"{server.psql} '{server.owner_url}'",
    )
    try:
        yield DatabaseAddress(server.url, server.owner_url, server.url, embedded=True)
    finally:
        await asyncio.to_thread(server.stop)


def _configured(settings: Settings, url: str) -> DatabaseAddress:
    direct = settings.database_direct_url.get_secret_value() if settings.database_direct_url else url
    owner = settings.migrate_database_url.get_secret_value() if settings.migrate_database_url else direct
    return DatabaseAddress(url, owner, direct)

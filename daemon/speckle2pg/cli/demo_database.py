"""The demo's database: temporary, embedded or on the server of DATABASE_URL."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from speckle2pg.cli.signals import in_thread
from speckle2pg.store.embedded import EmbeddedServer, public_temporary_folder
from speckle2pg.store.scratch import create_database, drop_database, with_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from speckle2pg.settings import Settings


@dataclass(frozen=True, slots=True)
class DemoDatabase:
    """The demo's database.

    Attributes:
        url: The daemon's address of it.
        owner_url: The owner's.
        shown_url: The daemon's address without a password.
        shown_owner_url: The owner's, to write what people write.
        psql: The client to open them with.
        kept: What to say of it when it is kept.
    """

    url: str
    owner_url: str
    shown_url: str
    shown_owner_url: str
    psql: str
    kept: str


@asynccontextmanager
async def demo_database(settings: Settings, *, keep: bool) -> AsyncIterator[DemoDatabase]:
    """Makes a database for the block; unless `keep`, it is gone afterwards, however the block ends."""
    maker = _on_server(settings.database_url.get_secret_value(), keep) if settings.database_url else _embedded(keep)
    async with maker as database:
        yield database


@asynccontextmanager
async def _embedded(keep: bool) -> AsyncIterator[DemoDatabase]:
    folder = public_temporary_folder("speckle2pg-demo-")
    try:
        server = await in_thread(lambda: EmbeddedServer.start(folder), EmbeddedServer.stop)
        try:
            kept = (
                f"The database is kept in {folder}; to look into it: DATA_DIR={folder} speckle2pg status --watch, and "
                f"as long as that runs {server.psql} '{server.owner_url}'"
            )
            yield DemoDatabase(server.url, server.owner_url, server.url, server.owner_url, str(server.psql), kept)
        finally:
            await asyncio.to_thread(server.stop)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _on_server(url: str, keep: bool) -> AsyncIterator[DemoDatabase]:
    name = f"speckle2pg_demo_{secrets.token_hex(4)}"
    await in_thread(lambda: create_database(url, name), lambda _: drop_database(url, name))
    own = with_database(url, name)
    try:
        shown = without_password(own)
        yield DemoDatabase(own, own, shown, shown, "psql", f"The database is kept: {own}")
    finally:
        if not keep:
            await asyncio.to_thread(drop_database, url, name)


def without_password(url: str) -> str:
    """The address without its password: psql asks for it, or finds it in ~/.pgpass."""
    parts = urlsplit(url)
    user, colon, host = parts.netloc.rpartition("@")
    if not colon:
        return url
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{host}"))

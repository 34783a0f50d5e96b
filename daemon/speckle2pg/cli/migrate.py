"""`speckle2pg migrate`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from speckle2pg.app import open_core
from speckle2pg.cli.common import load_settings, out, run_async
from speckle2pg.errors import SchemaError
from speckle2pg.identity import bind_server
from speckle2pg.pipeline.extract import canonical
from speckle2pg.store import migrations
from speckle2pg.store.address import open_address

if TYPE_CHECKING:
    from speckle2pg.settings import Settings


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Only show what would be done; exit code 1 if anything.")
    ] = False,
    rebind: Annotated[
        bool, typer.Option("--rebind", help="Accept that the Speckle server has another address now.")
    ] = False,
) -> None:
    """Bring the database schema up to date."""
    settings = load_settings(quiet=True)
    if check:
        raise typer.Exit(run_async(_check(settings), settings))
    run_async(_rebind(settings) if rebind else _migrate(settings), settings)


async def _check(settings: Settings) -> int:
    async with open_address(settings) as address:
        state = await asyncio.to_thread(migrations.inspect, address.owner_url, settings.db_schema)
    for name in state.applied:
        out.print(f"applied  {name}")
    for name in state.pending:
        out.print(f"pending  {name}")
    try:
        state.check(settings.db_schema)
    except SchemaError as error:
        out.print(str(error), markup=False)
        return 1
    if not state.pending:
        out.print(f"Schema {settings.db_schema} is up to date.")
    return 1 if state.pending else 0


async def _migrate(settings: Settings) -> None:
    async with open_address(settings) as address:
        before = await asyncio.to_thread(migrations.migrate, address.owner_url, settings.db_schema, canonical.NOISE)
    for name in before.pending:
        out.print(f"applied  {name}")
    out.print(f"Schema {settings.db_schema} is up to date.")


async def _rebind(settings: Settings) -> None:
    async with open_core(settings, migrate=True) as core:
        greeting = await bind_server(core.database, core.queries, core.http.url, rebind=True)
    out.print(f"Schema {settings.db_schema} now belongs to {greeting.server.canonical_url or core.http.url}.")

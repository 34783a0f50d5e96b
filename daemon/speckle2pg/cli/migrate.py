"""`speckle2pg migrate`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from speckle2pg.app import open_core
from speckle2pg.cli.common import load_settings, out, run_async
from speckle2pg.cli.takeover import show_dependents, show_obstacles, show_outcome, show_preview
from speckle2pg.errors import SchemaError
from speckle2pg.identity import bind_server
from speckle2pg.pipeline.extract import canonical
from speckle2pg.store import migrations, takeover_report
from speckle2pg.store.address import open_address

if TYPE_CHECKING:
    from speckle2pg.settings import Settings


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Only show what would be done; exit code 1 if anything.")
    ] = False,
    takeover: Annotated[
        bool, typer.Option("--takeover", help="Take the tables of an earlier adapter over; nothing of them is dropped.")
    ] = False,
    rebind: Annotated[
        bool, typer.Option("--rebind", help="Accept that the Speckle server has another address now.")
    ] = False,
) -> None:
    """Bring the database schema up to date."""
    settings = load_settings(quiet=True)
    if check:
        raise typer.Exit(run_async(_check(settings, takeover=takeover), settings))
    if rebind and takeover:
        raise typer.BadParameter("--rebind and --takeover are two steps: give one")
    run_async(_rebind(settings) if rebind else _migrate(settings, takeover=takeover), settings)


async def _check(settings: Settings, *, takeover: bool) -> int:
    schema = settings.db_schema
    async with open_address(settings) as address:
        state = await asyncio.to_thread(migrations.inspect, address.owner_url, schema)
        if state.is_earlier or (takeover and not state.applied):
            preview = await asyncio.to_thread(takeover_report.preview, address.owner_url, schema)
            show_preview(preview, schema, settings.takeover_timezone)
            show_dependents(preview)
        outcome = await asyncio.to_thread(takeover_report.outcome, address.owner_url, schema)
        obstacles = (
            () if state.applied else await asyncio.to_thread(takeover_report.obstacles, address.owner_url, schema)
        )
    for name in state.applied:
        out.print(f"applied  {name}")
    for name in state.pending:
        out.print(f"pending  {name}")
    try:
        if not state.is_earlier:
            state.check(schema)
    except SchemaError as error:
        out.print(str(error), markup=False, soft_wrap=True)
        show_obstacles(obstacles)
        return 1
    if outcome is not None:
        show_outcome(outcome, schema)
    if not state.pending:
        out.print(f"Schema {schema} is up to date.")
    return 1 if state.pending else 0


async def _migrate(settings: Settings, *, takeover: bool) -> None:
    schema = settings.db_schema
    zone = settings.takeover_timezone if takeover else None
    preview = outcome = None
    async with open_address(settings) as address:
        url = address.owner_url
        if takeover and (await asyncio.to_thread(migrations.inspect, url, schema)).is_earlier:
            preview = await asyncio.to_thread(takeover_report.preview, url, schema)
        before = await asyncio.to_thread(migrations.migrate, url, schema, canonical.NOISE, takeover_zone=zone)
        if takeover:
            outcome = await asyncio.to_thread(takeover_report.outcome, url, schema)
    for name in before.pending:
        out.print(f"applied  {name}")
    if preview is not None:
        show_dependents(preview)
    if outcome is not None:
        show_outcome(outcome, schema, is_first=preview is not None)
    out.print(f"Schema {schema} is up to date.")


async def _rebind(settings: Settings) -> None:
    async with open_core(settings, migrate=True) as core:
        greeting = await bind_server(core.database, core.queries, core.http.url, link=settings.link_url, rebind=True)
    out.print(f"Schema {settings.db_schema} now belongs to {greeting.server.canonical_url or core.http.url}.")

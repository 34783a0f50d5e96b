"""`speckle2pg prune`: deletes what is older than it shall be kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from speckle2pg.app import open_database, prepare_schema
from speckle2pg.cli.common import actor, load_settings, out, print_json, run_async
from speckle2pg.pipeline.retention import Keep, Old, find_old
from speckle2pg.pipeline.retention import prune as prune_old
from speckle2pg.store.address import open_address

if TYPE_CHECKING:
    from speckle2pg.settings import Settings

_WORDS = {
    "images": "former images of elements",
    "requests": "handled requests",
    "notifications": "settled notifications",
    "log_entries": "entries of the administrators' log",
    "snapshots": "snapshots of the daemon's health",
}


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Delete what is older than HISTORY_KEEP_DAYS and EVENTS_KEEP_DAYS; the daemon does so once a day."""
    settings = load_settings(quiet=True)
    keep = Keep.of(settings)
    old = run_async(_prune(settings, keep, dry_run=dry_run), settings)
    if as_json:
        print_json({"dry_run": dry_run, **asdict(old)})
        return
    for name, days in (("HISTORY_KEEP_DAYS", keep.history), ("EVENTS_KEEP_DAYS", keep.events)):
        out.print(f"{name} is {days or '0: for ever'}.")
    for name, count in asdict(old).items():
        if count:
            out.print(f"{'Would delete' if dry_run else 'Deleted'} {count} {_WORDS[name]}.")
    if not old:
        out.print("Nothing is older.")


async def _prune(settings: Settings, keep: Keep, *, dry_run: bool) -> Old:
    async with open_address(settings) as address:
        await prepare_schema(settings, address, migrate=False)
        async with open_database(settings, address) as database:
            if dry_run:
                return await find_old(database, keep)
            old = await prune_old(database, keep)
            await database.do(
                "log_admin", actor=actor(), action="prune", project_id=None, subject=None, details=asdict(old)
            )
            return old

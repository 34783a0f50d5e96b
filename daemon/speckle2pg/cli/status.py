"""`speckle2pg status`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from speckle2pg.app import open_database, prepare_schema
from speckle2pg.cli.common import err, load_settings, out, print_json, run_async
from speckle2pg.cli.running import ask_daemon
from speckle2pg.cli.tables import plain_table
from speckle2pg.errors import ConfigurationError, Speckle2pgError
from speckle2pg.store.address import open_address

if TYPE_CHECKING:
    from rich.table import Table

    from speckle2pg.settings import Settings
    from speckle2pg.store.database import Database

CURRENT, BEHIND, UNREACHABLE, HELD = 0, 1, 2, 3
_WATCH_SECONDS = 2.0


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds until interrupted.")] = False,
) -> None:
    """Show projects, models, lag, channels, and versions that wait.

    Exit code 0: all current; 1: a lag over LAG_SLO, a failed version or an unreadable project; 3: only held versions;
    2: the database is unreachable.
    """
    settings = load_settings(quiet=True)
    raise typer.Exit(run_async(_status(settings, as_json=as_json, watch=watch), settings))


async def _status(settings: Settings, *, as_json: bool, watch: bool) -> int:
    try:
        async with open_address(settings) as address:
            await prepare_schema(settings, address, migrate=False)
            async with open_database(settings, address) as database:
                if watch:
                    await _watch(database, settings, as_json=as_json)
                report = await _read(database, settings)
    except ConfigurationError:
        raise
    except Speckle2pgError as error:
        err.print(f"speckle2pg: {error}", markup=False, highlight=False)
        return UNREACHABLE
    if as_json:
        print_json(report)
    else:
        for part in _parts(report):
            out.print(part, soft_wrap=isinstance(part, str))
    return int(report["exit_code"])


async def _read(database: Database, settings: Settings) -> dict[str, Any]:
    report = {
        "projects": await database.all("project_summary"),
        "models": await database.all("model_summary", project_id=None),
        "versions": await database.all("unfinished_versions"),
        "takeover": {row["outcome"]: row["statuses"] for row in await database.all("takeover_outcomes")},
        "daemon": await ask_daemon(settings),
    }
    return {**report, "exit_code": verdict(report, settings.lag_slo)}


def verdict(report: dict[str, Any], lag_slo: float) -> int:
    """The exit code that a report stands for."""
    projects = [row for row in report["projects"] if row["enabled"]]
    # How far an unreadable project is behind, nobody knows.
    if any(row["lag_seconds"] > lag_slo or row["failed"] or row["state"] == "unreadable" for row in projects):
        return BEHIND
    return HELD if any(row["held"] for row in projects) else CURRENT


async def _watch(database: Database, settings: Settings, *, as_json: bool) -> NoReturn:
    """Shows it again and again until it is interrupted; a database that is away for a while is waited for."""
    with Live(console=out, auto_refresh=False, screen=out.is_terminal and not as_json) as live:
        while True:
            try:
                report = await _read(database, settings)
            except Speckle2pgError as error:
                live.update(Text(str(error)), refresh=True)
            else:
                if as_json:
                    print_json(report)
                    sys.stdout.flush()
                else:
                    live.update(Group(*_parts(report)), refresh=True)
            await asyncio.sleep(_WATCH_SECONDS)


def _parts(report: dict[str, Any]) -> list[Any]:
    """What is shown: a sentence, then tables."""
    parts: list[Any] = [_headline(report), ""]
    if not report["projects"]:
        return [*parts, "No project is registered: `speckle2pg projects add ADDRESS-OF-A-PROJECT` follows one."]
    parts.append(_project_table(report))
    if report["models"]:
        parts.append(_model_table(report))
    if report["versions"]:
        parts.append(_version_table(report))
    return parts


def _headline(report: dict[str, Any]) -> str:
    lost = [row for row in report["projects"] if row["enabled"] and row["state"] in ("unreadable", "gone")]
    new = [row for row in report["projects"] if row["enabled"] and row["state"] == "new"]
    waiting = sum(row["waiting"] for row in report["projects"] if row["enabled"])
    words = {
        CURRENT: "[green]Current.[/]" if not waiting else f"Within LAG_SLO; {waiting} waiting.",
        BEHIND: "[red]Not everything is current.[/]",
        HELD: "[yellow]Versions wait for a person.[/]",
    }
    sentences = [] if new and report["exit_code"] == CURRENT else [words[report["exit_code"]]]
    if lost:
        sentences.append(f"[yellow]Projects that cannot be read: {', '.join(row['id'] for row in lost)}.[/]")
    if new:
        sentences.append(f"Projects not looked at yet: {', '.join(row['id'] for row in new)}.")
    if unmatched := sum(number for name, number in report["takeover"].items() if name != "found"):
        sentences.append(f"Taken-over statuses without their part: {unmatched} (`speckle2pg migrate --check`).")
    return " ".join([*sentences, _daemon_sentence(report["daemon"])])


def _daemon_sentence(daemon: dict[str, Any]) -> str:
    if not daemon["running"]:
        return f"[yellow]No daemon answers at {daemon['url']}: nothing new is noticed unless one runs elsewhere.[/]"
    if daemon["reasons"]:
        return "[red]The daemon is not ready:[/] " + escape("; ".join(map(str, daemon["reasons"].values()))) + "."
    sockets = daemon["subscriptions"]
    up = "" if sockets is None else f", {sum(item['connected'] for item in sockets)} of {len(sockets)} websockets up"
    return f"The daemon is ready{up}."


def _project_table(report: dict[str, Any]) -> Table:
    numbers = ("models", "elements", "lag")
    table = plain_table("project", "name", "state", *numbers, "versions", title="Projects", numbers=numbers)
    for row in report["projects"]:
        state = row["state"] if row["enabled"] else "paused"
        lag = f"{row['lag_seconds']:.0f} s"
        waiting = ", ".join(f"{row[name]} {name}" for name in ("waiting", "failed", "held") if row[name])
        table.add_row(row["id"], row["name"], state, row["models"], row["elements"], lag, waiting)
    reasons = [f"{row['id']} is {row['state']}: {row['state_reason']}" for row in report["projects"] if _is_lost(row)]
    if reasons:
        table.caption, table.caption_justify = Text("\n".join(reasons)), "left"
    return table


def _is_lost(row: dict[str, Any]) -> bool:
    return bool(row["enabled"] and row["state_reason"])


def _model_table(report: dict[str, Any]) -> Table:
    """Models; their state only where one is not followed or deleted, which is rare."""
    states = ["state"] if any(row["state"] != "active" for row in report["models"]) else []
    names = ("project", "model", *states, "version", "elements", "synced (UTC)")
    table = plain_table(*names, title="Models", numbers=("elements",))
    for row in report["models"]:
        synced = row["synced_at"].astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if row["synced_at"] else None
        state = [row["state"]] if states else []
        table.add_row(row["project_id"], row["name"], *state, row["version_id"], row["element_count"], synced)
    return table


def _version_table(report: dict[str, Any]) -> Table:
    table = plain_table(
        "project", "version", "state", "attempts", "why", title="Versions that wait", numbers=("attempts",)
    )
    for row in report["versions"]:
        table.add_row(row["project_id"], row["id"], row["state"], row["attempts"], row["error"])
    return table

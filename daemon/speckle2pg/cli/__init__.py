"""The commands. Each module holds one; what they share is in `common`."""

from __future__ import annotations

from typing import Annotated

import typer

from speckle2pg import __version__
from speckle2pg.cli import backfill, decide, demo, doctor, migrate, projects, prune, remap, run, status, sync

app = typer.Typer(
    name="speckle2pg",
    help="Keeps PostgreSQL equal to what a Speckle server shows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(demo.demo)
app.command()(migrate.migrate)
app.add_typer(projects.app, name="projects")
app.command()(sync.sync)
app.command()(backfill.backfill)
app.command()(remap.remap)
app.command()(status.status)
app.command()(decide.approve)
app.command()(decide.reject)
app.command()(decide.retry)
app.command()(prune.prune)
app.command()(doctor.doctor)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"speckle2pg {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Keeps PostgreSQL equal to what a Speckle server shows. Settings: the environment, `.env`, or NAME_FILE."""


def main() -> None:
    """Runs the command line."""
    app()

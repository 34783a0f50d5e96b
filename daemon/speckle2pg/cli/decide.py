"""`speckle2pg approve`, `reject` and `retry`: what a person decides of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from speckle2pg.app import open_database, prepare_schema
from speckle2pg.cli.addresses import project_id
from speckle2pg.cli.common import actor, errors_in_sentences, load_settings, out, print_json, run_async
from speckle2pg.cli.running import ask_daemon
from speckle2pg.pipeline.decide import Decided, Decision, Decisions
from speckle2pg.store.address import open_address

if TYPE_CHECKING:
    from speckle2pg.settings import Settings
    from speckle2pg.store.database import Database

Version = Annotated[str, typer.Argument(metavar="VERSION", help="Version id, as `speckle2pg status` shows it.")]
Project = Annotated[
    str | None, typer.Option("--project", metavar="ID-OR-URL", help="Needed where several projects have this version.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def approve(version: Version, project: Project = None, as_json: AsJson = False) -> None:
    """Apply a held or rejected version although it removes much."""
    _decide("approve", version, project, as_json=as_json)


def reject(version: Version, project: Project = None, as_json: AsJson = False) -> None:
    """Leave the model as it is, until another version is newest."""
    _decide("reject", version, project, as_json=as_json)


def retry(version: Version, project: Project = None, as_json: AsJson = False) -> None:
    """Try a failed version again."""
    _decide("retry", version, project, as_json=as_json)


def _decide(decision: Decision, version: str, project: str | None, *, as_json: bool) -> None:
    settings = load_settings(quiet=True)
    with errors_in_sentences(settings):
        key = project_id(project) if project else None
    done, next_ = run_async(_take(settings, decision, version.strip(), key), settings)
    if as_json:
        named = {"project": done.project_id, "model": done.model_id, "version": done.version_id}
        print_json({"decision": decision, **named, "next": next_})
    else:
        words = {"approve": "Approved", "reject": "Rejected", "retry": "To be tried again:"}
        text = f"{words[decision]} version {done.version_id}. {next_}"
        out.print(text, markup=False, highlight=False, soft_wrap=True)


async def _take(settings: Settings, decision: Decision, version: str, project: str | None) -> tuple[Decided, str]:
    async with open_address(settings) as address:
        await prepare_schema(settings, address, migrate=False)
        async with open_database(settings, address) as database:
            done = await Decisions(database).take(decision, version, actor(), project_id=project)
            return done, await _next(settings, database, done)


async def _next(settings: Settings, database: Database, done: Decided) -> str:
    """What happens now, in a sentence."""
    if done.decision == "reject":
        return "The model stays as it is until another version is newest."
    row = await database.one("get_project", project_id=done.project_id)
    if row is None:
        return f"It waits: project {done.project_id} is not registered (`speckle2pg projects add {done.project_id}`)."
    if not row["enabled"]:
        return f"It waits: project {done.project_id} is paused (`speckle2pg projects resume {done.project_id}`)."
    daemon: dict[str, Any] = await ask_daemon(settings)
    if daemon["running"]:
        return "The daemon applies it now."
    return (
        f"No daemon answers at {daemon['url']}: one that runs elsewhere applies it now, else the next one that starts, "
        f"or `speckle2pg sync {done.project_id}`."
    )

"""`speckle2pg projects`: the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from speckle2pg.app import open_core, open_database, prepare_schema
from speckle2pg.cli.addresses import origin, project_id
from speckle2pg.cli.common import actor, errors_in_sentences, load_settings, out, print_json, run_async
from speckle2pg.cli.tables import plain_table
from speckle2pg.errors import ConfigurationError, GoneError, RetryableError, UnknownProjectError, UnreadableError
from speckle2pg.identity import bind_server, canonical
from speckle2pg.pipeline.purge import purge_project
from speckle2pg.store.address import open_address

if TYPE_CHECKING:
    from speckle2pg.app import Core
    from speckle2pg.pipeline.purge import Purged
    from speckle2pg.settings import Settings
    from speckle2pg.speckle.queries import ProjectListing
    from speckle2pg.store.database import Database, Transaction

app = typer.Typer(help="The registry: which projects are followed.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(metavar="ID-OR-URL", help="Project id, or its address as pasted.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    project: Project,
    name: Annotated[str | None, typer.Option(help="Name until the server's is known.")] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(help="Follow models whose full name matches; ! excludes. May be repeated."),
    ] = None,
) -> None:
    """Follow a project, or follow it again."""
    settings = load_settings(quiet=True)
    run_async(_add(settings, project, name, models), settings)


async def _add(settings: Settings, project: str, name: str | None, models: list[str] | None) -> None:
    key = project_id(project)
    note = ""
    if settings.speckle_server_url is not None and settings.speckle_token is not None:
        async with open_core(settings, migrate=settings.migrate_on_start) as core:
            note, listing = await _look(core, key)
            await _refuse_other_servers(core.database, settings, project)
            await _insert(core.database, key, name or (listing.name if listing else None), models)
    else:
        async with open_address(settings) as address:
            await prepare_schema(settings, address, migrate=settings.migrate_on_start)
            async with open_database(settings, address) as database:
                await _refuse_other_servers(database, settings, project)
                await _insert(database, key, name, models)
    out.print(f"Following {key}{note}.", markup=False, highlight=False, soft_wrap=True)


async def _look(core: Core, key: str) -> tuple[str, ProjectListing | None]:
    """What to say of the project, and the project itself where it can be read now."""
    try:
        await bind_server(core.database, core.queries, core.http.url)
        listing = await core.queries.project(key)
    except (GoneError, UnreadableError, RetryableError) as error:
        return f", although it cannot be read now: {error}", None
    count = len(listing.models)
    return f" ({listing.name}, {count} {'model' if count == 1 else 'models'})", listing


async def _refuse_other_servers(database: Database, settings: Settings, project: str) -> None:
    """An address pasted from another server names a project that this one does not have, or worse, another one.

    Raises:
        ConfigurationError: The address is of no server that we know as ours.
    """
    pasted = origin(project)
    bound = await database.one("get_instance") or {}
    known = (bound.get("server_url"), settings.speckle_server_url, settings.speckle_public_url)
    ours = {canonical(origin(url) or url) for url in known if url is not None}
    if pasted is not None and ours and canonical(pasted) not in ours:
        raise ConfigurationError(
            f"{project} is on another server than {' or '.join(sorted(ours))}, which this database follows: "
            f"give the project's id if it is the same server under another address"
        )


async def _insert(database: Database, key: str, name: str | None, models: list[str] | None) -> None:
    async with database.transaction() as tx:
        await tx.one("add_project", project_id=key, name=name, model_globs=models)
        await _log(tx, "projects add", key, {"models": models})


@app.command()
def discover(as_json: AsJson = False) -> None:
    """List the projects that the token sees, and whether they are followed."""
    settings = load_settings(quiet=True)
    run_async(_discover(settings, as_json), settings)


async def _discover(settings: Settings, as_json: bool) -> None:
    async with open_core(settings, migrate=settings.migrate_on_start) as core:
        seen = await core.queries.user_projects()
        followed = {row["id"] for row in await core.database.all("list_projects") if row["enabled"]}
    rows = [{"id": item.id, "name": item.name, "role": item.role, "followed": item.id in followed} for item in seen]
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("The token's user takes part in no project.")
        return
    table = plain_table("id", "name", "role", "followed")
    for row in rows:
        role = str(row["role"] or "").removeprefix("stream:")
        table.add_row(str(row["id"]), str(row["name"]), role, "yes" if row["followed"] else "")
    out.print(table)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the registered projects."""
    settings = load_settings(quiet=True)
    rows = run_async(_summary(settings), settings)
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("No project is registered: `speckle2pg projects discover` lists what the token sees.", soft_wrap=True)
        return
    table = plain_table("id", "name", "state", "models", "elements", "reason", numbers=("models", "elements"))
    for row in rows:
        state = row["state"] if row["enabled"] else "paused"
        counts = (str(row["models"]), str(row["elements"]))
        table.add_row(row["id"], row["name"], state, *counts, row["state_reason"])
    out.print(table)


async def _summary(settings: Settings) -> list[dict[str, Any]]:
    async with open_address(settings) as address:
        await prepare_schema(settings, address, migrate=False)
        async with open_database(settings, address) as database:
            return await database.all("project_summary")


@app.command()
def pause(project: Project) -> None:
    """Stop following a project for a while; its rows stay."""
    _change(project, "projects pause", "enable_project", "Paused (its rows stay)", enabled=False)


@app.command()
def resume(project: Project) -> None:
    """Follow a paused project again."""
    _change(project, "projects resume", "enable_project", "Following", enabled=True)


@app.command()
def remove(
    project: Project,
    purge: Annotated[
        bool,
        typer.Option("--purge", help="Delete for good what the daemon wrote of it; parts and people's tables stay."),
    ] = False,
) -> None:
    """Take a project out of the registry; its rows stay."""
    if not purge:
        _change(project, "projects remove", "delete_project", "Removed (its rows stay)")
        return
    settings = load_settings(quiet=True)
    with errors_in_sentences(settings):
        key = project_id(project)
    gone = run_async(_purge(settings, key), settings)
    models = f"{gone.models} {'model' if gone.models == 1 else 'models'}"
    counts = f"{models}, {gone.versions} versions, {gone.elements} elements and {gone.images} former images"
    out.print(f"Removed {key} and deleted {counts}; parts and people's tables stay.", markup=False, soft_wrap=True)


async def _purge(settings: Settings, key: str) -> Purged:
    async with open_address(settings) as address:
        await prepare_schema(settings, address, migrate=False)
        async with open_database(settings, address) as database:
            return await purge_project(database, key, actor())


def _change(project: str, action: str, query: str, done: str, **parameters: Any) -> None:
    settings = load_settings(quiet=True)
    with errors_in_sentences(settings):
        key = project_id(project)
    run_async(_apply(settings, key, action, query, parameters), settings)
    out.print(f"{done} {key}.", markup=False, highlight=False)


async def _apply(settings: Settings, key: str, action: str, query: str, parameters: dict[str, Any]) -> None:
    async with open_address(settings) as address:
        await prepare_schema(settings, address, migrate=False)
        async with open_database(settings, address) as database, database.transaction() as tx:
            if await tx.one(query, project_id=key, **parameters) is None:
                raise UnknownProjectError(f"project {key} is not registered: see `speckle2pg projects list`")
            await _log(tx, action, key, {})


async def _log(tx: Transaction, action: str, key: str, details: dict[str, Any]) -> None:
    await tx.do("log_admin", actor=actor(), action=action, project_id=key, subject=None, details=details)

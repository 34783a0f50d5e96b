"""`speckle2pg backfill`: versions that were passed over are put into the history."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from speckle2pg.app import Core, open_core
from speckle2pg.cli.addresses import project_id
from speckle2pg.cli.common import actor, err, load_settings, out, print_json, run_async
from speckle2pg.errors import ConfigurationError, RequestError, UnknownProjectError
from speckle2pg.events import Event
from speckle2pg.identity import bind_server
from speckle2pg.pipeline.backfill import Backfill
from speckle2pg.pipeline.extract.attributes import compile_rules
from speckle2pg.pipeline.gate import Limits
from speckle2pg.pipeline.plan import is_followed
from speckle2pg.pipeline.side import SideDatabase
from speckle2pg.pipeline.task import Task
from speckle2pg.speckle.objects import ObjectReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from speckle2pg.pipeline.swap import Backfilled
    from speckle2pg.settings import Settings
    from speckle2pg.speckle.model import Model
    from speckle2pg.store.database import Row

    Shown = Callable[[str, int, int, int], None]
    Done = list[tuple[Model, Backfilled]]


def backfill(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Project id, or its address as pasted.")],
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Model id or name; all models without it.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="Leave versions created before it alone; UTC unless it says otherwise.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay older versions into history, oldest first, without notifications."""
    settings = load_settings(quiet=True)
    moment = since.replace(tzinfo=UTC) if since and since.tzinfo is None else since
    done: Done = []
    try:
        with _progress_bar() as shown:
            run_async(_backfill(settings, project, model, moment, shown, done), settings)
    finally:
        # What was done before a fault is said all the same.
        _print(done, as_json=as_json)


def _print(done: Done, *, as_json: bool) -> None:
    if as_json:
        print_json([{"id": model.id, "name": model.name, **asdict(result)} for model, result in done])
        return
    for model, result in done:
        out.print(f"{model.name}: {_sentence(result)}", markup=False, highlight=False, soft_wrap=True)
        for version, reason in result.left_out.items():
            out.print(f"  version {version} left out: {reason}", markup=False, highlight=False, soft_wrap=True)


def _sentence(done: Backfilled) -> str:
    if not done.replayed:
        return "nothing to replay"
    versions = "1 version" if len(done.replayed) == 1 else f"{len(done.replayed)} versions"
    images = "1 former image" if done.former_images == 1 else f"{done.former_images} former images"
    return f"{versions} replayed, {images}"


@contextmanager
def _progress_bar() -> Iterator[Shown | None]:
    """A line per model on a terminal; nothing elsewhere."""
    if not err.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("versions, {task.fields[objects]} objects of this one"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        lines = {}

        def shown(name: str, place: int, total: int, objects: int) -> None:
            if name not in lines:
                lines[name] = bar.add_task(name, objects=0)
            bar.update(lines[name], total=total, completed=place, objects=objects)

        yield shown


async def _backfill(
    settings: Settings, project: str, wanted: str | None, since: datetime | None, shown: Shown | None, done: Done
) -> None:
    key = project_id(project)
    if not settings.history:
        raise ConfigurationError("HISTORY is false, so no former images are kept: set HISTORY=true to replay versions")
    async with open_core(settings, migrate=settings.migrate_on_start) as core:
        await bind_server(core.database, core.queries, core.http.url)
        row = await core.database.one("get_project", project_id=key)
        if row is None or not row["enabled"]:
            add = f"`speckle2pg projects {'resume' if row else 'add'} {key}` first"
            raise UnknownProjectError(f"project {key} is {'paused' if row else 'not registered'}: {add}")
        models = await _choose(core, row, wanted)
        rules = compile_rules(await core.database.all("attribute_rules", project_id=key))
        async with SideDatabase(core.address.direct_url, schema=settings.db_schema) as side:
            for model in models:
                # The versions on record are then those of the server, and the rows made by the rules of now.
                outcome = await core.projects.look(Event(key, model.id, "admin", datetime.now(UTC)))
                if outcome.state not in ("ok", None):
                    raise RequestError(f"project {key} is {outcome.state}: see `speckle2pg status`")
                tell, limits = _of(shown, model), Limits.of(core.settings)
                work = Backfill(side, ObjectReader(core.http), core.queries, tell, limits=limits)
                task = Task(key, model, "admin", datetime.now(UTC), tuple(row["separate_models"]), rules)
                done.append((model, await work.run(task, since=since, actor=actor())))


def _of(shown: Shown | None, model: Model) -> Callable[[int, int, int], None] | None:
    if shown is None:
        return None
    return lambda place, total, objects: shown(model.name, place, total, objects)


async def _choose(core: Core, row: Row, wanted: str | None) -> list[Model]:
    models = (await core.queries.project(row["id"])).models
    if wanted is None:
        return [model for model in models if is_followed(model.name, row["model_globs"])]
    found = [model for model in models if wanted == model.id or wanted.casefold() == model.name.casefold()]
    if not found:
        names = ", ".join(sorted(model.name for model in models)) or "none"
        raise ConfigurationError(f"project {row['id']} has no model {wanted!r}; it has: {names}")
    return found[:1]

"""`speckle2pg sync`."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from speckle2pg.app import Core, open_core
from speckle2pg.cli.addresses import project_id
from speckle2pg.cli.common import err, load_settings, out, print_json, run_async
from speckle2pg.cli.plan import ModelDone, ModelPlan
from speckle2pg.errors import ConfigurationError, FatalError, RequestError, StalePlanError, UnknownProjectError
from speckle2pg.events import Event
from speckle2pg.identity import bind_server
from speckle2pg.pipeline.extract.attributes import compile_rules
from speckle2pg.pipeline.extract.model import UnfoldingError
from speckle2pg.pipeline.plan import is_followed
from speckle2pg.pipeline.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from speckle2pg.pipeline.load import Preview
    from speckle2pg.pipeline.project import Outcome
    from speckle2pg.settings import Settings
    from speckle2pg.speckle.model import Model
    from speckle2pg.store.database import Row

_RACES = 5


def sync(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Project id, or its address as pasted.")],
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Model id or name; all models without it.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again; ignore what is known.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would change; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Sync a project, or one model of it, now."""
    settings = load_settings(quiet=True)
    with _progress_bar() as progress:
        report = run_async(_sync(settings, project, model, full, dry_run, progress), settings)
    if as_json:
        print_json({"models": [item.as_json() for item in report]})
        return
    for line in [line for item in report for line in item.lines()]:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _progress_bar() -> Iterator[Callable[[str, int], None] | None]:
    """A line per model on a terminal; nothing elsewhere."""
    if not err.is_terminal:
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed} objects"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        tasks: dict[str, object] = {}

        def report(name: str, count: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=None)
            bar.update(tasks[name], completed=count)  # type: ignore[arg-type]

        yield report


async def _sync(
    settings: Settings,
    project: str,
    model: str | None,
    full: bool,
    dry_run: bool,
    progress: Callable[[str, int], None] | None,
) -> Sequence[ModelPlan | ModelDone]:
    key = project_id(project)
    async with open_core(settings, migrate=settings.migrate_on_start, progress=progress) as core:
        await bind_server(core.database, core.queries, core.http.url, link=settings.link_url)
        row = await core.database.one("get_project", project_id=key)
        if row is None:
            raise UnknownProjectError(f"project {key} is not registered: `speckle2pg projects add {key}` first")
        if not row["enabled"]:
            raise UnknownProjectError(f"project {key} is paused: `speckle2pg projects resume {key}` first")
        chosen = await _choose(core, key, model) if model else None
        if dry_run:
            return await _preview(core, row, chosen, full=full)
        event = Event(key, chosen.id if chosen else None, "admin", datetime.now(UTC))
        outcome = await _look(core, event, full=full)
        return await _report(core, key, outcome)


async def _look(core: Core, event: Event, *, full: bool) -> Outcome:
    """Looks, again at once where a daemon was faster with the same model."""
    for _ in range(_RACES):
        outcome = await core.projects.look(event, full=full)
        if not any(isinstance(error, StalePlanError) for error in outcome.retry.values()):
            break
    return outcome


async def _choose(core: Core, key: str, wanted: str) -> Model:
    listing = await core.queries.project(key)
    found = [item for item in listing.models if wanted == item.id or wanted.casefold() == item.name.casefold()]
    if not found:
        names = ", ".join(sorted(item.name for item in listing.models)) or "none"
        raise ConfigurationError(f"project {key} has no model {wanted!r}; it has: {names}")
    return found[0]


async def _preview(core: Core, row: Row, chosen: Model | None, *, full: bool) -> list[ModelPlan]:
    models = [chosen] if chosen else (await core.queries.project(row["id"])).models
    attributes = compile_rules(await core.database.all("attribute_rules", project_id=row["id"]))
    plans: list[ModelPlan] = []
    for model in models:
        if not is_followed(model.name, row["model_globs"]):
            plans.append(ModelPlan(model, None, ("not followed",)))
            continue
        task = Task(
            row["id"],
            model,
            "admin",
            datetime.now(UTC),
            tuple(row["separate_models"]),
            attributes,
            full=full,
            every=row["every_version"],
        )
        try:
            found = await core.models.preview(task)
        except (FatalError, UnfoldingError) as error:
            plans.append(ModelPlan(model, None, (str(error),)))
        else:
            plans.append(ModelPlan(model, found, await _notes(core, row["id"], found, full=full)))
    return plans


async def _notes(core: Core, key: str, found: Preview, *, full: bool) -> tuple[str, ...]:
    """What keeps the newest version from being applied, or is applied before it."""
    notes = [f"{found.waiting} versions would be applied, one after the other"] if found.waiting > 1 else []
    known = await core.database.one("version_state", project_id=key, version_id=found.version_id)
    state = known["state"] if known else None
    if state == "rejected" or (state == "failed" and not full):
        cure = "approve" if state == "rejected" else "retry"
        notes.append(
            f"version {found.version_id} is {state}: nothing is done until `speckle2pg {cure} {found.version_id}`"
        )
    return tuple(notes)


async def _report(core: Core, key: str, outcome: Outcome) -> list[ModelDone]:
    """What came of each model; a fault that passes or a state that is not ok ends the command with an error.

    Raises:
        RequestError: The project cannot be read, or a version failed.
        RetryableError: What failed in passing.
    """
    if outcome.retry:
        raise next(iter(outcome.retry.values()))
    if outcome.state != "ok":
        row = await core.database.one("get_project", project_id=key)
        raise RequestError(f"project {key} is {outcome.state}: {row['state_reason'] if row else ''}")
    failed = await core.database.all("stuck_versions", project_id=key)
    if failed:
        raise RequestError("\n".join(f"version {item['id']} is {item['state']}: {item['error']}" for item in failed))
    models = await core.database.all("model_summary", project_id=key)
    return [ModelDone(row, outcome.applied.get(row["id"])) for row in models]

"""`speckle2pg remap`: columns and attributes derived again from what is stored."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speckle2pg.app import open_database, prepare_schema
from speckle2pg.cli.addresses import project_id
from speckle2pg.cli.common import actor, errors_in_sentences, load_settings, out, print_json, run_async
from speckle2pg.errors import UnknownProjectError
from speckle2pg.pipeline.extract.attributes import compile_rules
from speckle2pg.pipeline.remap import remap as remap_model
from speckle2pg.store.address import open_address

if TYPE_CHECKING:
    from speckle2pg.settings import Settings


def remap(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Project id or address.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Derive columns and attributes again from what is stored; needs no Speckle and counts as no modification."""
    settings = load_settings(quiet=True)
    with errors_in_sentences(settings):
        key = project_id(project)
    done = run_async(_remap(settings, key), settings)
    if as_json:
        print_json(done)
        return
    for model in done:
        text = f"{model['name']}: {model['rows']} rows derived again, {model['changed']} changed"
        out.print(text, markup=False, highlight=False, soft_wrap=True)


async def _remap(settings: Settings, key: str) -> list[dict[str, Any]]:
    async with open_address(settings) as address:
        await prepare_schema(settings, address, migrate=settings.migrate_on_start)
        async with open_database(settings, address) as database:
            models = await database.all("model_summary", project_id=key)
            if not models:
                raise UnknownProjectError(f"project {key} has no rows here: see `speckle2pg projects list`")
            attributes = compile_rules(await database.all("attribute_rules", project_id=key))
            done = [
                {
                    "id": row["id"],
                    "name": row["name"],
                    **asdict(await remap_model(database, key, row["id"], attributes)),
                }
                for row in models
            ]
            log = {"models": len(done), "changed": sum(row["changed"] for row in done)}
            await database.do("log_admin", actor=actor(), action="remap", project_id=key, subject=None, details=log)
            return done

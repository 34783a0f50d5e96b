"""`speckle2pg demo`: sandbox, PostgreSQL and the real daemon in one process."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speckle2pg.cli.common import EXIT_FAILED, errors_in_sentences, load_settings, print_json, run_async
from speckle2pg.cli.demo_run import Demo, Publication
from speckle2pg.errors import ConfigurationError
from speckle2pg.sandbox.bridge import sample_bridge
from speckle2pg.sandbox.graphs import GraphFileError, load_graph

if TYPE_CHECKING:
    from speckle2pg.settings import Settings

VERSIONS_ONCE = 3
_UNHURRIED = 1000.0


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Publish three versions (or those given), print, and exit.")
    ] = False,
    graph: Annotated[
        list[Path] | None,
        typer.Option("--graph", help="Object graph (.ndjson, .ndjson.gz); repeated: successive versions of one model."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object at the end and nothing else on stdout.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the database afterwards and print its address.")] = False,
) -> None:
    """Show versions of a model turning into rows, with nothing but this program."""
    settings = _settings(load_settings(quiet=True), once=once)
    with errors_in_sentences(settings):
        publications = _given(graph) if graph else _sample(VERSIONS_ONCE if once else None)
    run = Demo(settings, publications, once=once, quiet=as_json, keep=keep)
    report = run_async(run.run(), settings)
    if as_json:
        print_json(report)
    if any(version["state"] != "synced" for version in report["versions"]):
        raise typer.Exit(EXIT_FAILED)


def _settings(settings: Settings, *, once: bool) -> Settings:
    """What the demo does otherwise than `run`, where nobody asked for it: no gate, no hurry, any free port."""
    defaults: dict[str, Any] = {
        "hold_removed_share": 1.0,
        # The server is the demo's own and needs no sparing.
        "speckle_requests_per_second": _UNHURRIED,
        "http_port": 0 if once or not _is_free(settings.http_host, settings.http_port) else settings.http_port,
    }
    unset = {name: value for name, value in defaults.items() if name not in settings.model_fields_set}
    return settings.model_copy(update=unset)


def _is_free(host: str, port: int) -> bool:
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        return False
    return True


def _given(paths: list[Path]) -> list[Publication]:
    faults: list[str] = []
    publications: list[Publication] = []
    for path in paths:
        try:
            publications.append(_read(path))
        except (GraphFileError, ConfigurationError) as error:
            faults.append(f"--graph: {error}")
    if faults:
        raise ConfigurationError("\n".join(faults))
    return publications


def _read(path: Path) -> Publication:
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder: bundles cannot be read yet; give object graphs (.ndjson.gz)")
    root, objects = load_graph(path)
    # Faults further down are the daemon's to deal with; without a root there is nothing to publish.
    try:
        is_object = isinstance(json.loads(objects[root]), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise ConfigurationError(f"{path}: its first line, which should be the root, holds no JSON object")
    return Publication(path.name, root, objects)


def _sample(count: int | None) -> list[Publication]:
    return [Publication(item.message, item.root_id, item.objects) for item in sample_bridge()[:count]]

"""Says what the database should hold, by reading the sandbox's state directly and by other code than the daemon's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from speckle2pg.sandbox import SandboxServer

_DEADLINE = 60.0


def newest_versions(server: SandboxServer, project_ids: Iterable[str]) -> dict[tuple[str, str], str]:
    """Per (project, model) with versions the id of the newest version that the server shows."""
    found: dict[tuple[str, str], str] = {}
    for project_id in project_ids:
        for model in server.world.models_of(project_id):
            versions = server.world.versions_of(model.id)
            if versions:
                found[project_id, model.id] = max(versions, key=lambda item: (item.created_at, item.id)).id
    return found


def rows(url: str, query: str, *parameters: Any) -> list[dict[str, Any]]:
    """Runs a query of a test, which fails rather than wait for a daemon whose loop it holds up."""
    with psycopg.connect(url, row_factory=dict_row, autocommit=True, options="-c lock_timeout=30s") as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def shown_versions(url: str) -> dict[tuple[str, str], str]:
    """Per (project, model) the version that its rows show."""
    query = "SELECT project_id, id, version_id FROM models WHERE version_id IS NOT NULL"
    return {(row["project_id"], row["id"]): row["version_id"] for row in rows(url, query)}


async def until_current(url: str, server: SandboxServer, project_ids: Iterable[str]) -> None:
    """Waits until every model shows its newest version; the test fails with the difference if that never comes."""
    wanted: dict[tuple[str, str], str] = {}
    shown: dict[tuple[str, str], str] = {}
    ids = list(project_ids)
    try:
        async with asyncio.timeout(_DEADLINE):
            while True:
                wanted = newest_versions(server, ids)
                shown = await asyncio.to_thread(shown_versions, url)
                if wanted == shown:
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        differing = {key: (value, shown.get(key)) for key, value in wanted.items() if shown.get(key) != value}
        raise AssertionError(f"not current (wanted, shown): {differing}") from None

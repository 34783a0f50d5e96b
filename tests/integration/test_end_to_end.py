"""From a published version to rows, through the real daemon."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from speckle2pg.sandbox.bridge import sample_bridge
from support.daemon import make_settings, running_daemon
from support.oracle import newest_versions, rows, until_current

if TYPE_CHECKING:
    from speckle2pg.sandbox import SandboxServer


async def test_versions_published_while_the_websocket_is_cut_every_second_all_arrive(
    owner_url: str, database_url: str, sandbox: SandboxServer
) -> None:
    """200 versions over 20 projects: every model ends at its newest version, with no row of an older one."""
    user = sandbox.world.add_user("Anna")
    token = sandbox.world.add_token(user)
    bridge = sample_bridge()
    projects = [sandbox.world.create_project(user, f"Bridge {number}") for number in range(20)]
    models = {project.id: sandbox.world.create_model(project.id, "main structure") for project in projects}
    for project in projects:
        rows(owner_url, "INSERT INTO projects (id) VALUES (%s) RETURNING id", project.id)
        for version in bridge:
            sandbox.world.add_objects(project.id, version.objects)
    order = random.Random(7)
    async with running_daemon(make_settings(database_url, sandbox.url, token)), asyncio.TaskGroup() as group:
        cutting = group.create_task(_cut_every_second(sandbox), name="cutting")
        for number in range(200):
            project = projects[order.randrange(20)] if number >= 20 else projects[number]
            root = bridge[order.randrange(len(bridge))].root_id
            await sandbox.publish(project.id, models[project.id].id, root, message=f"version {number}")
            await asyncio.sleep(order.random() * 0.04)
        await until_current(owner_url, sandbox, [project.id for project in projects])
        cutting.cancel()
    listed = rows(owner_url, "SELECT count(*) AS n FROM versions WHERE state IN ('synced', 'superseded')")
    assert listed[0]["n"] == 200
    newest = newest_versions(sandbox, [project.id for project in projects])
    for (project_id, model_id), version_id in newest.items():
        root_id = sandbox.world.version(project_id, version_id).referenced_object
        expected = next(item.elements for item in bridge if item.root_id == root_id)
        present = rows(
            owner_url,
            "SELECT count(*) AS n FROM model_elements WHERE project_id = %s AND model_id = %s AND removed_at IS NULL",
            project_id,
            model_id,
        )
        assert present[0]["n"] == expected


async def _cut_every_second(sandbox: SandboxServer) -> None:
    while True:
        await asyncio.sleep(1.0)
        sandbox.sockets.abort_all()

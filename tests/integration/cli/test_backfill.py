"""`speckle2pg backfill` on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.bridge import sample_bridge
from support.oracle import rows

if TYPE_CHECKING:
    from speckle2pg.sandbox import SandboxServer
    from support.programs import Program

BRIDGE = sample_bridge()


async def test_versions_that_were_passed_over_are_replayed(
    speckle2pg: Program, project: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    await speckle2pg("projects", "add", project.id)
    for revision in BRIDGE[1:3]:
        await sandbox.publish(project.id, "main [/x]", revision.root_id, objects=revision.objects)
    await speckle2pg("sync", project.id)
    done = await speckle2pg("backfill", project.id, "MAIN [/x]")
    assert (done.code, done.err) == (0, "")
    images = rows(owner_url, "SELECT count(*) AS n FROM element_history")[0]["n"]
    assert done.out == f"main [/x]: 2 versions replayed, {images} former images\n"
    assert images > 0
    again = json.loads((await speckle2pg("backfill", project.id, "--json")).out)
    assert [(item["name"], item["replayed"]) for item in again] == [("main [/x]", [])]
    assert (await speckle2pg("backfill", project.id, "--since", "2020-01-01")).out == "main [/x]: nothing to replay\n"
    log = rows(owner_url, "SELECT details FROM admin_log WHERE action = 'backfill'")
    assert [len(row["details"]["replayed"]) for row in log] == [2]


async def test_without_history_there_is_nothing_to_replay_into(speckle2pg: Program, project: Any) -> None:
    await speckle2pg("projects", "add", project.id)
    refused = await speckle2pg("backfill", project.id, HISTORY="false")
    assert refused.code == 2
    assert "HISTORY" in refused.err


async def test_what_is_not_there_is_named(speckle2pg: Program, project: Any) -> None:
    unknown = await speckle2pg("backfill", project.id)
    assert unknown.code == 1
    assert "projects add" in unknown.err
    await speckle2pg("projects", "add", project.id)
    model = await speckle2pg("backfill", project.id, "no such model")
    assert model.code == 2
    assert "main [/x]" in model.err

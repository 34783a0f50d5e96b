"""The registry, sync and status on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.bridge import sample_bridge
from support.oracle import rows

if TYPE_CHECKING:
    from speckle2pg.sandbox import SandboxServer
    from support.programs import Program

BRIDGE = sample_bridge()


async def test_a_project_from_discovery_to_removal(
    speckle2pg: Program, project: Any, sandbox: SandboxServer, owner_url: str, token: str
) -> None:
    found = json.loads((await speckle2pg("projects", "discover", "--json")).out)
    assert [(item["id"], item["followed"]) for item in found] == [(project.id, False)]

    added = await speckle2pg("projects", "add", f"{sandbox.url}/projects/{project.id}/models/all")
    assert (added.code, added.err) == (0, "")
    assert project.id in added.out
    assert project.name in added.out

    waiting = json.loads((await speckle2pg("status", "--json")).out)
    assert waiting["projects"][0]["lag_seconds"] > 0, "a project that nobody looked at is not current"

    preview = await speckle2pg("sync", project.id, "--dry-run")
    assert preview.out.splitlines()[0] == f"main [/x]: +{BRIDGE[0].elements} ~0 -0 =0"
    assert rows(owner_url, "SELECT count(*) AS n FROM model_elements")[0]["n"] == 0
    assert rows(owner_url, "SELECT count(*) AS n FROM versions")[0]["n"] == 0

    done = await speckle2pg("sync", project.id)
    assert done.out == f"main [/x]: +{BRIDGE[0].elements} ~0 -0 =0, {BRIDGE[0].elements} elements\n"
    again = await speckle2pg("sync", project.id, "MAIN [/x]")
    assert again.out == f"main [/x]: current, {BRIDGE[0].elements} elements\n"
    full = await speckle2pg("sync", project.id, "--full")
    assert f"={BRIDGE[0].elements}" in full.out

    listed = await speckle2pg("projects", "list")
    assert project.name in listed.out
    assert json.loads((await speckle2pg("projects", "list", "--json")).out)[0]["elements"] == BRIDGE[0].elements
    shown = await speckle2pg("status")
    assert (shown.code, shown.err) == (0, "")
    assert project.name in shown.out
    assert "main [/x]" in shown.out
    report = json.loads((await speckle2pg("status", "--json")).out)
    assert report["exit_code"] == 0
    assert report["models"][0]["element_count"] == BRIDGE[0].elements
    assert report["daemon"]["running"] is False

    assert (await speckle2pg("projects", "pause", project.id)).code == 0
    assert rows(owner_url, "SELECT enabled FROM projects") == [{"enabled": False}]
    refused = await speckle2pg("sync", project.id)
    assert refused.code == 1
    assert "projects resume" in refused.err
    assert (await speckle2pg("projects", "resume", project.id)).code == 0
    assert (await speckle2pg("projects", "remove", project.id)).code == 0
    assert rows(owner_url, "SELECT id FROM projects") == []
    kept = rows(owner_url, "SELECT count(*) AS n FROM model_elements WHERE removed_at IS NULL")
    assert kept[0]["n"] == BRIDGE[0].elements
    missing = await speckle2pg("projects", "remove", project.id)
    assert missing.code == 1
    assert project.id in missing.err
    actions = [row["action"] for row in rows(owner_url, "SELECT action FROM admin_log ORDER BY id")]
    assert actions == ["projects add", "projects pause", "projects resume", "projects remove"]
    everything = (added, waiting, preview, done, listed, shown, report, refused, missing)
    assert token not in str(everything)


async def test_addresses_of_other_servers_and_nonsense_are_refused(speckle2pg: Program, owner_url: str) -> None:
    other = await speckle2pg("projects", "add", "https://app.speckle.systems/projects/0123456789")
    assert other.code == 2
    assert "another server" in other.err
    nonsense = await speckle2pg("projects", "add", "https://app.speckle.systems/about")
    assert nonsense.code == 2
    assert rows(owner_url, "SELECT id FROM projects") == []


async def test_a_project_that_cannot_be_read_now_may_be_registered_and_syncs_with_a_sentence(
    speckle2pg: Program, owner_url: str
) -> None:
    added = await speckle2pg("projects", "add", "0123456789")
    assert added.code == 0
    assert "cannot be read now" in added.out
    synced = await speckle2pg("sync", "0123456789")
    assert synced.code == 1
    assert "gone" in synced.err
    assert "Traceback" not in synced.err
    assert rows(owner_url, "SELECT state FROM projects") == [{"state": "gone"}]
    shown = await speckle2pg("status")
    assert "cannot be read" in shown.out
    assert "0123456789 is gone" in shown.out


async def test_sync_names_the_models_there_are(speckle2pg: Program, project: Any) -> None:
    await speckle2pg("projects", "add", project.id)
    answer = await speckle2pg("sync", project.id, "no such model")
    assert answer.code == 2
    assert "main [/x]" in answer.err


async def test_status_tells_a_failed_version(speckle2pg: Program, project: Any, sandbox: SandboxServer) -> None:
    await speckle2pg("projects", "add", project.id)
    version = await sandbox.publish(project.id, "main [/x]", None)
    synced = await speckle2pg("sync", project.id)
    assert synced.code == 1
    assert version.id in synced.err
    shown = await speckle2pg("status")
    assert shown.code == 1
    assert version.id in shown.out


async def test_status_does_not_call_a_project_current_that_nobody_can_read(
    speckle2pg: Program, project: Any, sandbox: SandboxServer
) -> None:
    await speckle2pg("projects", "add", project.id)
    await speckle2pg("sync", project.id)
    assert (await speckle2pg("status")).code == 0
    anna = next(user for user in sandbox.world.users.values() if user.name == "Anna")
    sandbox.world.set_role(project.id, sandbox.world.add_user("Boris").id, "stream:owner")
    sandbox.world.set_role(project.id, anna.id, None)
    await speckle2pg("sync", project.id)
    shown = await speckle2pg("status")
    assert shown.code == 1
    assert f"Projects that cannot be read: {project.id}" in shown.out
    assert "Current." not in shown.out

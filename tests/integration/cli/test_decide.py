"""Held and failed versions on the command line: what is shown of them, and what a person decides."""

from __future__ import annotations

import json
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest

from integration.pipeline.bench import collection, element, graph
from speckle2pg.sandbox.bridge import sample_bridge
from support.oracle import rows
from support.programs import Program
from support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.sandbox.entities import Version
    from support.databases import Cluster

BRIDGE = sample_bridge()
MODEL = "main [/x]"


async def publish_little(sandbox: SandboxServer, project: Any) -> Version:
    """A version that lacks nearly all of the bridge."""
    left = [element("stray", name="Stray beam", ifcType="IfcBeam"), element("other", name="Plate\x1b[31m")]
    root, objects = graph(collection("Root", *left))
    return await sandbox.publish(project.id, MODEL, root, objects=objects)


def state(owner_url: str, version: Version) -> str:
    return str(rows(owner_url, "SELECT state FROM versions WHERE id = %s", version.id)[0]["state"])


def present(owner_url: str) -> int:
    return int(rows(owner_url, "SELECT count(*) AS n FROM model_elements WHERE removed_at IS NULL")[0]["n"])


async def test_held_version_is_shown_and_approved(
    speckle2pg: Program, project: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    await speckle2pg("projects", "add", project.id)
    assert (await speckle2pg("sync", project.id)).code == 0
    version = await publish_little(sandbox, project)

    planned = await speckle2pg("sync", project.id, "--dry-run")
    assert planned.code == 0
    lines = planned.out.splitlines()
    assert lines[0] == f"{MODEL}: +2 ~0 -{BRIDGE[0].elements} =0"
    assert "  + IfcBeam Stray beam" in lines
    assert "  + DataObject Plate [31m" in lines, "what other people wrote cannot steer a terminal"
    assert len([line for line in lines if line.startswith("  - ")]) == 6
    assert f"  - and {BRIDGE[0].elements - 5} more" in lines
    assert f"would be held: it would remove {BRIDGE[0].elements} of {BRIDGE[0].elements} elements" in lines[-1]
    assert rows(owner_url, "SELECT state FROM versions WHERE id = %s", version.id) == []

    synced = await speckle2pg("sync", project.id)
    assert synced.code == 1
    assert f"version {version.id} is held: it would remove" in synced.err
    shown = await speckle2pg("status", COLUMNS="400")
    assert shown.code == 3
    assert f"speckle2pg approve {version.id}" in shown.out
    assert present(owner_url) == BRIDGE[0].elements

    approved = await speckle2pg("approve", version.id)
    assert (approved.code, approved.err) == (0, "")
    assert f"Approved version {version.id}. No daemon answers" in approved.out
    assert f"speckle2pg sync {project.id}" in approved.out
    assert "held" not in (await speckle2pg("sync", project.id, "--dry-run")).out
    done = await speckle2pg("sync", project.id, "--json")
    assert done.code == 0
    assert json.loads(done.out)["models"][0]["counts"]["removed"] == BRIDGE[0].elements
    assert (await speckle2pg("status")).code == 0
    assert present(owner_url) == 2
    again = await speckle2pg("approve", version.id)
    assert again.code == 1
    assert f"version {version.id} is synced" in again.err


async def test_rejected_version_leaves_the_model_and_a_superseded_one_names_the_newest(
    speckle2pg: Program, project: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    await speckle2pg("projects", "add", project.id)
    await speckle2pg("sync", project.id)
    version = await publish_little(sandbox, project)
    await speckle2pg("sync", project.id)
    rejected = await speckle2pg("reject", version.id, "--json")
    assert rejected.code == 0
    assert json.loads(rejected.out)["decision"] == "reject"
    assert (await speckle2pg("sync", project.id)).out == f"{MODEL}: current, {BRIDGE[0].elements} elements\n"
    assert (await speckle2pg("status")).code == 0
    assert f"version {version.id} is rejected" in (await speckle2pg("sync", project.id, "--dry-run")).out
    newer = await sandbox.publish(project.id, MODEL, BRIDGE[1].root_id, objects=BRIDGE[1].objects)
    assert (await speckle2pg("sync", project.id)).code == 0
    refused = await speckle2pg("approve", version.id, "--project", f"{sandbox.url}/projects/{project.id}")
    assert refused.code == 1
    assert "is superseded" in refused.err
    assert newer.id in refused.err
    assert "Traceback" not in refused.err
    assert state(owner_url, version) == "superseded"


async def test_failed_version_is_retried_and_nonsense_is_a_sentence(
    speckle2pg: Program, project: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    await speckle2pg("projects", "add", project.id)
    version = await sandbox.publish(project.id, MODEL, None)
    assert (await speckle2pg("sync", project.id)).code == 1
    planned = json.loads((await speckle2pg("sync", project.id, "--dry-run", "--json")).out)
    assert planned["models"][0]["counts"] is None
    assert "names no root object" in planned["models"][0]["notes"][0]
    wrong = await speckle2pg("reject", version.id)
    assert wrong.code == 1
    assert "is failed: only a held version can be rejected" in wrong.err
    retried = await speckle2pg("retry", version.id)
    assert retried.code == 0
    assert state(owner_url, version) == "pending"
    await speckle2pg("projects", "pause", project.id)
    rows(owner_url, "UPDATE versions SET state = 'failed' RETURNING id")
    assert "is paused" in (await speckle2pg("retry", version.id)).out
    unknown = await speckle2pg("retry", "nosuchversion")
    assert unknown.code == 1
    assert "no version nosuchversion is on record" in unknown.err
    actions = [row["action"] for row in rows(owner_url, "SELECT action FROM admin_log ORDER BY id")]
    assert actions == ["projects add", "retry", "projects pause", "retry"]


async def test_running_daemon_applies_an_approved_version_at_once(
    speckle2pg: Program, project: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    await speckle2pg("projects", "add", project.id)
    # With the other ways closed it is the request alone that makes the daemon look.
    closed = {"USE_SUBSCRIPTION": "false", "RECONCILE_INTERVAL": "3600", "HTTP_PORT": port}
    async with speckle2pg.running("run", **closed) as daemon:
        await until(lambda: present(owner_url) == BRIDGE[0].elements)
        version = await publish_little(sandbox, project)
        held = await speckle2pg("sync", project.id)
        assert held.code == 1
        approved = await speckle2pg("approve", version.id, HTTP_PORT=port)
        assert "The daemon applies it now." in approved.out
        await until(lambda: state(owner_url, version) == "synced")
        assert present(owner_url) == 2
        await until(lambda: not rows(owner_url, "SELECT id FROM sync_requests WHERE handled_at IS NULL"))
        await daemon.ends(signal.SIGTERM)
    result = rows(owner_url, "SELECT result FROM sync_requests")[0]["result"]
    assert list(result["applied"].values()) == [version.id]


async def test_dry_run_tells_of_each_waiting_version_and_of_models_not_followed(
    speckle2pg: Program, project: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    await speckle2pg("projects", "add", project.id)
    await speckle2pg("sync", project.id)
    rows(owner_url, "UPDATE projects SET every_version = true, model_globs = '{main*}' RETURNING id")
    for number in (1, 2):
        await sandbox.publish(project.id, MODEL, BRIDGE[number].root_id, objects=BRIDGE[number].objects)
    await sandbox.publish(project.id, "sketches", BRIDGE[0].root_id)
    before = [rows(owner_url, f"SELECT * FROM {table}") for table in ("versions", "models", "staged_tree", "loads")]  # noqa: S608
    answer = await speckle2pg("sync", project.id, "--dry-run", "--json")
    found = {item["name"]: item for item in json.loads(answer.out)["models"]}
    assert found["sketches"]["notes"] == ["not followed"]
    plan = found[MODEL]
    assert plan["notes"] == ["2 versions would be applied, one after the other"]
    assert plan["held"] is None
    for operation in ("added", "modified", "removed"):
        assert len(plan["first"][operation]) == min(5, plan["counts"][operation])
    assert all(set(item) == {"type", "name", "mark"} for items in plan["first"].values() for item in items)
    tables = ("versions", "models", "staged_tree", "loads")
    assert [rows(owner_url, f"SELECT * FROM {table}") for table in tables] == before  # noqa: S608
    assert (await speckle2pg("sync", project.id)).code == 0
    assert len(rows(owner_url, "SELECT seq FROM model_syncs")) == 3


@pytest.mark.parametrize(("share", "state"), [("", "synced"), ("0.5", "held")])
async def test_demo_holds_nothing_unless_it_is_told_to(
    tmp_path: Path, cluster: Cluster, share: str, state: str
) -> None:
    root, objects = graph(collection("Root", element("stray")))
    little = {root: objects.pop(root), **objects}
    versions = (BRIDGE[0].objects, {key: json.dumps(value).encode() for key, value in little.items()})
    given: list[str] = []
    for number, texts in enumerate(versions):
        path = tmp_path / f"v{number}.ndjson"
        path.write_bytes(b"".join(key.encode() + b"\t" + text + b"\n" for key, text in texts.items()))
        given += ["--graph", str(path)]
    program = Program(tmp_path, DATABASE_URL=cluster.admin_url, HOLD_REMOVED_SHARE=share)
    answer = await program("demo", "--once", "--json", *given)
    report = json.loads(answer.out)
    assert [version["state"] for version in report["versions"]] == ["synced", state]
    assert report["elements"] == (1 if state == "synced" else BRIDGE[0].elements)
    assert answer.code == (0 if state == "synced" else 1)

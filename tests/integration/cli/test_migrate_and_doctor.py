"""`migrate` and `doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg

from speckle2pg.sandbox import SandboxServer
from speckle2pg.sandbox.bridge import sample_bridge
from speckle2pg.sandbox.faults import Fault
from support.oracle import rows
from support.programs import Program

if TYPE_CHECKING:
    from pathlib import Path


async def test_migrate_shows_applies_and_is_done(tmp_path: Path, empty_url: str) -> None:
    program = Program(tmp_path, DATABASE_URL=empty_url)
    pending = await program("migrate", "--check")
    assert pending.code == 1
    assert "pending  0001" in pending.out
    assert rows(empty_url, "SELECT to_regclass('projects') AS found") == [{"found": None}]
    behind = await program("status")
    assert behind.code == 2
    assert "speckle2pg migrate" in behind.err
    assert (await program("migrate")).code == 0
    current = await program("migrate", "--check")
    assert current.code == 0
    assert "up to date" in current.out


async def test_relations_of_our_names_that_are_not_ours_are_left_alone(tmp_path: Path, empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute("CREATE TABLE projects (id int)")
    program = Program(tmp_path, DATABASE_URL=empty_url)
    for command in (("migrate",), ("status",)):
        answer = await program(*command)
        assert answer.code == 2
        assert "projects" in answer.err
        assert "Traceback" not in answer.err
    assert rows(empty_url, "SELECT to_regclass('models') AS found") == [{"found": None}]


async def test_another_server_is_refused_until_rebind(
    speckle2pg: Program, sandbox: SandboxServer, owner_url: str
) -> None:
    assert (await speckle2pg("projects", "add", "0123456789")).code == 0
    async with SandboxServer() as other:
        token = other.world.add_token(other.world.add_user("Boris"))
        moved = {"SPECKLE_SERVER_URL": other.url, "SPECKLE_TOKEN": token}
        for command in (("sync", "0123456789"), ("run",), ("projects", "add", "abcdef0123")):
            answer = await speckle2pg(*command, **moved)
            assert answer.code == 2, command
            assert sandbox.url in answer.err
            assert other.url in answer.err
            assert token not in answer.err
        examined = await speckle2pg("doctor", "--json", **moved)
        assert examined.code == 1
        assert [item["check"] for item in json.loads(examined.out) if item["ok"] is False] == ["server"]
        assert (await speckle2pg("migrate", "--rebind", **moved)).code == 0
    assert rows(owner_url, "SELECT server_url FROM instance") == [{"server_url": other.url}]
    assert rows(owner_url, "SELECT id, state FROM projects") == [{"id": "0123456789", "state": "new"}]


async def test_doctor_finds_everything_right_and_writes_nothing(
    speckle2pg: Program, owner_url: str, token: str
) -> None:
    answer = await speckle2pg("doctor", "--json")
    assert answer.code == 0, answer.out
    checks = {item["check"]: item["ok"] for item in json.loads(answer.out)}
    right = ("database", "encoding", "schema", "Speckle", "token", "server", "websocket")
    assert all(checks[name] is True for name in right), checks
    assert rows(owner_url, "SELECT server_url FROM instance") == [{"server_url": None}]
    assert token not in answer.out + answer.err


async def test_doctor_names_each_thing_that_is_wrong(speckle2pg: Program) -> None:
    wrong = {"SPECKLE_TOKEN": "no-such-token", "DATABASE_URL": "postgresql://nobody:hush@127.0.0.1:1/none"}
    answer = await speckle2pg("doctor", **wrong, MIGRATE_DATABASE_URL="")
    assert answer.code == 1
    assert "FAIL database" in answer.out
    assert "FAIL token" in answer.out
    assert "hush" not in answer.out + answer.err
    assert "no-such-token" not in answer.out + answer.err
    assert "Traceback" not in answer.err


async def test_doctor_does_not_doubt_the_address_of_a_server_that_asks_to_wait(
    speckle2pg: Program, sandbox: SandboxServer
) -> None:
    sandbox.faults.add(Fault(path="/graphql", status=429, retry_after="120"))
    answer = await speckle2pg("doctor")
    assert answer.code == 1
    assert "rate limit is reached (HTTP 429); try again later" in answer.out
    assert "check SPECKLE_SERVER_URL" not in answer.out


async def test_doctor_warns_of_models_that_claim_the_same_parts(
    speckle2pg: Program, project: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    bridge = sample_bridge()[0]
    await sandbox.publish(project.id, "copied", bridge.root_id, objects=bridge.objects)
    await speckle2pg("projects", "add", project.id)
    await speckle2pg("sync", project.id)
    twins = [item for item in json.loads((await speckle2pg("doctor", "--json")).out) if item["check"] == "twins"]
    assert [item["ok"] for item in twins] == [None]
    assert "'copied' and 'main [/x]'" in twins[0]["text"]
    assert "100%" in twins[0]["text"]

    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("UPDATE projects SET separate_models = '{copied}'")
    await speckle2pg("sync", project.id, "--full")
    twins = [item for item in json.loads((await speckle2pg("doctor", "--json")).out) if item["check"] == "twins"]
    assert [item["ok"] for item in twins] == [True]


async def test_doctor_says_whether_front_ends_see_anything(speckle2pg: Program, owner_url: str) -> None:
    async def front_ends() -> dict[str, Any]:
        found = json.loads((await speckle2pg("doctor", "--json")).out)
        return next(item for item in found if item["check"] == "front ends")

    said = await front_ends()
    assert said["ok"] is None
    assert "project_members" in said["text"]
    rows(owner_url, "INSERT INTO project_members (project_id, subject) VALUES ('abc', '*') RETURNING subject")
    assert (await front_ends())["ok"] is True


async def test_links_lead_to_the_address_for_browsers(
    speckle2pg: Program, project: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    await speckle2pg("projects", "add", project.id)
    for address, link in (("", sandbox.url), ("https://models.example.org/", "https://models.example.org")):
        await speckle2pg("sync", project.id, SPECKLE_PUBLIC_URL=address)
        (row,) = rows(owner_url, "SELECT viewer_url, object_id FROM elements LIMIT 1")
        assert row["viewer_url"] == f"{link}/projects/{project.id}/models/{row['object_id']}"

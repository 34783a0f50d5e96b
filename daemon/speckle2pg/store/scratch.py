"""Databases made for a while, on a server where the login may make them: the demo's and the tests'."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

from speckle2pg.store.faults import FOREIGN, translate
from speckle2pg.store.queries import compose


def with_database(url: str, name: str) -> str:
    """The same address with another database."""
    parts = urlsplit(url)
    # A unix socket has no network part; urlunsplit would drop the slashes then.
    rebuilt = urlunsplit(parts._replace(path=f"/{quote(name)}"))
    return rebuilt if "://" in rebuilt else rebuilt.replace(":/", ":///", 1)


def create_database(url: str, name: str) -> None:
    """Makes a database on the server of an address. Blocks.

    Raises:
        ConfigurationError: The login may not make databases.
    """
    _execute(url, "create_database", name)


def drop_database(url: str, name: str) -> None:
    """Drops a database, whoever is connected. Blocks."""
    _execute(url, "drop_database", name)


def _execute(url: str, query: str, name: str) -> None:
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(compose(query, name=name))
    except FOREIGN as error:
        raise translate(error) from error

"""Logins of a test's own, and what a database holds."""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER = itertools.count(1)


def run(url: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Runs a statement of a test and gives its rows, if it has any."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


def as_login(url: str, login: str, password: str = "") -> str:
    """The same database for another login."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login}:{password}@{place}"))


@contextmanager
def new_login(admin_url: str, *, member: bool = False, options: str = "") -> Iterator[tuple[str, str]]:
    """A login for the block: its name and the address of the admin's database for it.

    Args:
        admin_url: A superuser, in the database that the login is for.
        member: Makes it a member of the daemon's role.
        options: Further words of CREATE ROLE.
    """
    name = f"login_{os.getpid()}_{next(_NUMBER)}"
    run(
        admin_url,
        f"CREATE ROLE {name} LOGIN PASSWORD 'of-the-tests' {'IN ROLE speckle2pg' if member else ''} {options}",
    )
    try:
        yield name, as_login(admin_url, name, "of-the-tests")
    finally:
        quoted = sql.Identifier(name).as_string()
        run(admin_url, f"DROP OWNED BY {quoted} CASCADE")
        run(admin_url, f"DROP ROLE {quoted}")


# What people and programs made, and by which transaction: nothing can change without showing here.
_EVERYTHING = """
SELECT 'relation', n.nspname, c.relname, c.relkind::text, c.xmin::text FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information_schema)'
UNION ALL
SELECT 'function', n.nspname, p.proname, p.prokind::text, p.xmin::text FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname !~ '^(pg_|information_schema)'
UNION ALL
SELECT 'type', n.nspname, t.typname, t.typtype::text, t.xmin::text FROM pg_type AS t
    JOIN pg_namespace AS n ON n.oid = t.typnamespace WHERE n.nspname !~ '^(pg_|information_schema)'
UNION ALL
SELECT 'schema', nspname, '', '', xmin::text FROM pg_namespace WHERE nspname !~ '^(pg_toast|pg_temp)'
ORDER BY 1, 2, 3, 4
"""


def everything(url: str) -> list[tuple[Any, ...]]:
    """All schemas, relations, functions and types of a database, each with the transaction that wrote it last."""
    return run(url, _EVERYTHING)

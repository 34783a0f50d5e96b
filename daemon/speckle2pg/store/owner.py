"""What the migrator does its work with: the owner's connection, named statements on it, and faults in words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import structlog
from psycopg.rows import DictRow, dict_row

from speckle2pg.errors import ConfigurationError, SchemaError
from speckle2pg.store.faults import FOREIGN, first_line, translate
from speckle2pg.store.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger()


@contextmanager
def faults_named(connection: psycopg.Connection[DictRow], schema: str) -> Iterator[None]:
    """Says what a migrator's reader has to do about a missing privilege or a name that is taken."""
    login = connection.info.user
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"login {login} may not migrate schema {schema}: {first_line(error)}. Nothing was changed. Set "
            f"MIGRATE_DATABASE_URL to the owner's login, or let an administrator run CREATE SCHEMA {schema} "
            f"AUTHORIZATION {login}"
        ) from error
    except (
        psycopg.errors.DuplicateTable,
        psycopg.errors.DuplicateObject,
        psycopg.errors.DuplicateFunction,
    ) as error:
        raise SchemaError(
            f"schema {schema} already has something of our names that speckle2pg did not create: "
            f"{first_line(error)}. Nothing was changed. Set DB_SCHEMA to a schema of its own, or rename it."
        ) from error


def run(connection: psycopg.Connection[Any], name: str, /, **parameters: Any) -> list[Any]:
    """Runs a named statement and gives its rows, if it has any."""
    cursor = connection.execute(load_queries()[name].text.encode(), parameters)
    return cursor.fetchall() if cursor.description else []


@contextmanager
def open_connection(url: str) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection of the migrator's, whose faults are ours."""
    try:
        with psycopg.connect(
            url, autocommit=True, row_factory=dict_row, application_name="speckle2pg migrate"
        ) as connection:
            connection.add_notice_handler(_tell)
            yield connection
    except FOREIGN as error:
        raise translate(error) from error


def _tell(notice: psycopg.errors.Diagnostic) -> None:
    log.warning("the database warns the migrator", warning=notice.message_primary)

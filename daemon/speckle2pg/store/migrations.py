"""Brings a schema up to date: plain SQL files, applied by yoyo, all in one transaction under an advisory lock."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias
from uuid import uuid4

import psycopg
import structlog
from psycopg import sql
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg.types.json import Jsonb
from yoyo import internalmigrations, read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri

from speckle2pg.errors import ConfigurationError, SchemaError
from speckle2pg.store.faults import FOREIGN, first_line, translate
from speckle2pg.store.queries import compose, load_queries, sql_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger()

NoiseRules: TypeAlias = Sequence[tuple[Sequence[str], str]]
"""Paths into properties, and why what is there is noise."""

_MARKER = "speckle2pg_migrations"
OUR_RELATIONS = (
    *("instance", "projects", "models", "versions", "model_syncs", "model_objects", "model_elements"),
    *("element_history", "parts", "sync_requests", "leases", "replicas", "outbound_notifications"),
    *("monitoring_snapshots", "admin_log", "loads", "staged_facts", "staged_tree", "load_ids"),
    *("noise_rules", "purges", "attribute_map", "element_status"),
    # Later migrations' names, refused from the first day so that an upgrade never meets a foreign one.
    *("status_values", "project_members", "monitoring_alert_rules"),
    *("elements", "elements_all", "parts_current", "status_counts", "progress"),
)


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What a schema holds and lacks.

    Attributes:
        applied: Migrations that were applied, by name, in order.
        pending: Migrations that `migrate` would apply.
        foreign: Relations of our names in a schema that we did not make, as `name (kind)`.
        unknown: Applied migrations that this program does not know: the schema is newer.
    """

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    foreign: tuple[str, ...]
    unknown: tuple[str, ...]

    def check(self, schema: str) -> None:
        """Raises SchemaError if the schema must not be touched by this program."""
        if self.foreign:
            raise SchemaError(
                f"schema {schema} already has relations of our names that speckle2pg did not create: "
                f"{', '.join(self.foreign)}. Nothing was changed. Set DB_SCHEMA to a schema of its own, or rename them."
            )
        if self.unknown:
            raise SchemaError(
                f"schema {schema} is newer than this program (it has {', '.join(self.unknown)}): "
                f"upgrade speckle2pg. Nothing was changed."
            )


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo inside a transaction of ours: what it does and what it notes of it is one commit.

    By itself yoyo applies a migration on one connection and marks it on another, so that a kill in between leaves a
    migration applied and unmarked; and it locks with a row, which a kill leaves behind.
    """

    bound: ClassVar[psycopg.Connection[Any]]
    # Names of our own, so that another program in the same schema may use yoyo as well.
    log_table = f"{_MARKER}_log"
    lock_table = f"{_MARKER}_lock"
    version_table = f"{_MARKER}_version"

    def connect(self, _dburi: Any) -> psycopg.Connection[Any]:
        """The connection that already holds the lock and resolves names in DB_SCHEMA."""
        return self.bound

    def cursor(self) -> psycopg.Cursor[Any]:
        """A cursor as yoyo expects it."""
        return self.bound.cursor(row_factory=tuple_row)

    def apply_one(self, migration: Any, force: bool = False, mark: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 (yoyo's signature)
        """A migration and its mark, in the transaction that is open."""
        migration.process_steps(self, "apply")
        self.log_migration(migration, "apply")
        self.mark_one(migration, log=False)

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        """Who migrated, as the database knows it; a container's user often has no name on its own system."""
        return {
            "id": str(uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": self.bound.info.user,
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


def inspect(url: str, schema: str) -> SchemaState:
    """Reads what a schema holds and lacks, and changes nothing. Blocks.

    Raises:
        DatabaseUnavailableError: The database cannot be reached.
        ConfigurationError: It refuses the login.
    """
    with _connection(url) as connection, connection.transaction(), _migrations() as (_, names):
        return _state(connection, schema, names)


def migrate(url: str, schema: str, noise: NoiseRules | None = None) -> SchemaState:
    """Applies what is pending and gives the state found before. Blocks.

    Everything is one transaction under an advisory lock that ends with it: whatever happens to the migrator, nothing
    stays locked or half done. A login that owns nothing may call it too where nothing is pending.

    Args:
        url: The owner's login.
        schema: DB_SCHEMA; made if it does not exist.
        noise: The program's rules of what is noise, for the functions that compare content in the database; None
            leaves those that are there.

    Raises:
        SchemaError: Something of our names that we did not create, or a schema newer than this program; nothing was
            changed.
        ConfigurationError: The login may not do it.
    """
    with _connection(url) as connection, _migrations() as (migrations, names), _faults_named(connection, schema):
        backend = type("_BoundBackend", (_Backend,), {"bound": connection})(
            parse_uri("postgresql+psycopg:///"), _MARKER
        )
        with backend.transaction():
            _lock(connection, schema)
            state = _state(connection, schema, names)
            state.check(schema)
            if state.pending:
                _apply(connection, schema, backend, migrations)
            if state.pending or _run(connection, "owned_relations", schema=schema):
                if noise is not None:
                    _record_noise(connection, noise)
                for folder in ("views", "roles"):
                    _apply_again(connection, schema, folder)
                _run(connection, "record_schema_version", version=len(names))
    return state


def _lock(connection: psycopg.Connection[DictRow], schema: str) -> None:
    """One migrator per schema at a time; what the one before committed is seen after the wait."""
    digest = hashlib.sha256(f"speckle2pg migrate {schema}".encode()).digest()
    _run(connection, "see_what_others_commit")
    connection.execute(compose("use_schema_locally", schema=schema))
    _run(connection, "hush_notices")
    _run(connection, "lock_migrations", key=int.from_bytes(digest[:8], "big", signed=True))


def _apply(connection: psycopg.Connection[DictRow], schema: str, backend: Any, migrations: Any) -> None:
    if not _run(connection, "find_schema", schema=schema):
        connection.execute(compose("create_schema", schema=schema))
    if internalmigrations.needs_upgrading(backend):
        internalmigrations.upgrade(backend)
    for migration in backend.to_apply(migrations):
        backend.apply_one(migration)


@contextmanager
def _faults_named(connection: psycopg.Connection[DictRow], schema: str) -> Iterator[None]:
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


def _run(connection: psycopg.Connection[Any], name: str, **parameters: Any) -> list[Any]:
    cursor = connection.execute(load_queries()[name].text.encode(), parameters)
    return cursor.fetchall() if cursor.description else []


@contextmanager
def _connection(url: str) -> Iterator[psycopg.Connection[DictRow]]:
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


@contextmanager
def _migrations() -> Iterator[tuple[Any, tuple[str, ...]]]:
    with as_file(sql_folder() / "migrations") as folder:
        migrations = read_migrations(str(folder))
        yield migrations, tuple(migration.id for migration in migrations)


def _state(connection: psycopg.Connection[DictRow], schema: str, names: tuple[str, ...]) -> SchemaState:
    if not _run(connection, "find_marker", schema=schema, marker=_MARKER)[0]["found"]:
        return SchemaState((), names, _foreign(connection, schema), ())
    rows = connection.execute(compose("applied_migrations", marker=(schema, _MARKER))).fetchall()
    applied = tuple(row["migration_id"] for row in rows)
    pending = tuple(name for name in names if name not in applied)
    foreign = () if applied else _foreign(connection, schema)
    return SchemaState(applied, pending, foreign, tuple(name for name in applied if name not in names))


def _foreign(connection: psycopg.Connection[DictRow], schema: str) -> tuple[str, ...]:
    kinds = {
        "i": "index",
        "c": "type",
        "r": "table",
        "p": "table",
        "v": "view",
        "m": "materialized view",
        "f": "foreign table",
        "S": "sequence",
    }
    rows = _run(connection, "relations_named", schema=schema, names=list(OUR_RELATIONS))
    return tuple(f"{row['name']} ({kinds.get(row['kind'], row['kind'])})" for row in rows)


def _record_noise(connection: psycopg.Connection[DictRow], noise: NoiseRules) -> None:
    rules = Jsonb([{"path": path, "reason": reason} for path, reason in noise])
    _run(connection, "forget_noise_rules", rules=rules)
    _run(connection, "record_noise_rules", rules=rules)


def _apply_again(connection: psycopg.Connection[DictRow], schema: str, folder: str) -> None:
    """What is made anew at each migration: views and functions, and grants, so that a new table is never forgotten."""
    for entry in sorted((sql_folder() / folder).iterdir(), key=lambda item: item.name):
        text = entry.read_text(encoding="utf-8")
        connection.execute(text.replace("{schema}", sql.Identifier(schema).as_string(connection)).encode())

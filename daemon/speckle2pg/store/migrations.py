"""Brings a schema up to date: plain SQL files, applied by yoyo, all in one transaction under an advisory lock."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file
from typing import TYPE_CHECKING, Any, TypeAlias

from psycopg import sql
from psycopg.types.json import Jsonb
from yoyo import internalmigrations, read_migrations

from speckle2pg.errors import SchemaError
from speckle2pg.store import takeover
from speckle2pg.store.ledger import MARKER, open_ledger
from speckle2pg.store.owner import faults_named, open_connection, run
from speckle2pg.store.queries import compose, sql_folder
from speckle2pg.store.takeover_shape import EARLIER_TABLES, read_shape, set_aside_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    import psycopg
    from psycopg.rows import DictRow

NoiseRules: TypeAlias = Sequence[tuple[Sequence[str], str]]
"""Paths into properties, and why what is there is noise."""

OUR_RELATIONS = (
    *("instance", "projects", "models", "versions", "model_syncs", "model_objects", "model_elements"),
    *("element_history", "parts", "sync_requests", "leases", "replicas", "outbound_notifications"),
    *("monitoring_snapshots", "admin_log", "loads", "staged_facts", "staged_tree", "load_ids"),
    *("noise_rules", "purges", "attribute_map", "element_status", "element_status_log", "status_values"),
    *("project_members", "taken_over", "takeover_report"),
    *("elements", "elements_all", "parts_current", "status_counts", "progress", "status_conflicts"),
    # A later migration's name, refused from the first day so that an upgrade never meets a foreign one.
    "monitoring_alert_rules",
)

_FUNCTION = re.compile(r"^CREATE OR REPLACE FUNCTION \{schema\}\.(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What a schema holds and lacks.

    Attributes:
        applied: Migrations that were applied, by name, in order.
        pending: Migrations that `migrate` would apply.
        foreign: Relations of our names in a schema that we did not make, as `name (kind)`.
        unknown: Applied migrations that this program does not know: the schema is newer.
        is_earlier: Foreign are the tables of an earlier adapter, and nothing else.
    """

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    foreign: tuple[str, ...]
    unknown: tuple[str, ...]
    is_earlier: bool = False

    def check(self, schema: str) -> None:
        """Raises SchemaError if the schema must not be touched by this program."""
        if self.is_earlier:
            raise SchemaError(
                f"schema {schema} holds the tables of an earlier adapter ({', '.join(self.foreign)}). Nothing was "
                f"changed. `speckle2pg migrate --takeover` takes them over, `speckle2pg migrate --check` says how; or "
                f"set DB_SCHEMA to a schema of its own."
            )
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


def inspect(url: str, schema: str) -> SchemaState:
    """Reads what a schema holds and lacks, and changes nothing. Blocks.

    Raises:
        DatabaseUnavailableError: The database cannot be reached.
        ConfigurationError: It refuses the login.
    """
    with open_connection(url) as connection, connection.transaction(), _migrations() as (_, names):
        return _state(connection, schema, names)


def migrate(url: str, schema: str, noise: NoiseRules | None = None, *, takeover_zone: str | None = None) -> SchemaState:
    """Applies what is pending and gives the state found before. Blocks.

    Everything is one transaction under an advisory lock that ends with it: whatever happens to the migrator, nothing
    stays locked or half done. A login that owns nothing may call it too where nothing is pending.

    Args:
        url: The owner's login.
        schema: DB_SCHEMA; made if it does not exist.
        noise: The program's rules of what is noise, for the functions that compare content in the database; None
            leaves those that are there.
        takeover_zone: Take an earlier adapter's tables over, whose times without a zone are of this one; None: do not.

    Raises:
        SchemaError: Something of our names that we did not create, or a schema newer than this program; nothing was
            changed.
        ConfigurationError: The login may not do it.
    """
    with open_connection(url) as connection, _migrations() as (migrations, names), faults_named(connection, schema):
        backend = open_ledger(connection)
        with backend.transaction():
            _lock(connection, schema)
            state = _state(connection, schema, names)
            aside = _put_aside(connection, schema, state) if takeover_zone is not None else None
            if aside is None:
                state.check(schema)
            if state.pending:
                _apply(connection, schema, backend, migrations)
            if state.pending or run(connection, "owned_relations", schema=schema):
                if noise is not None:
                    _record_noise(connection, noise)
                is_new = _define(connection, schema)
                _apply_again(connection, schema, "roles")
                if state.pending or is_new:
                    run(connection, "reload_postgrest")
                run(connection, "record_schema_version", version=len(names))
            if aside is not None and takeover_zone is not None:
                takeover.bring_over(connection, schema, aside, takeover_zone)
    return state


def _put_aside(connection: psycopg.Connection[DictRow], schema: str, state: SchemaState) -> takeover.Aside | None:
    """The earlier tables, renamed; None where that was done before."""
    if not state.applied:
        return takeover.put_aside(connection, schema, _unknown_to_takeover(connection, schema))
    if not run(connection, "names_taken", schema=schema, names=[set_aside_name("elements")]):
        raise SchemaError(
            f"schema {schema} is speckle2pg's own already, and holds nothing of an earlier adapter. Nothing was changed"
        )
    return None


def _lock(connection: psycopg.Connection[DictRow], schema: str) -> None:
    """One migrator per schema at a time; what the one before committed is seen after the wait."""
    digest = hashlib.sha256(f"speckle2pg migrate {schema}".encode()).digest()
    run(connection, "see_what_others_commit")
    connection.execute(compose("use_schema_locally", schema=schema))
    run(connection, "hush_notices")
    run(connection, "lock_migrations", key=int.from_bytes(digest[:8], "big", signed=True))


def _apply(connection: psycopg.Connection[DictRow], schema: str, backend: Any, migrations: Any) -> None:
    if not run(connection, "find_schema", schema=schema):
        connection.execute(compose("create_schema", schema=schema))
    if internalmigrations.needs_upgrading(backend):
        internalmigrations.upgrade(backend)
    for migration in backend.to_apply(migrations):
        backend.apply_one(migration)


@contextmanager
def _migrations() -> Iterator[tuple[Any, tuple[str, ...]]]:
    with as_file(sql_folder() / "migrations") as folder:
        migrations = read_migrations(str(folder))
        yield migrations, tuple(migration.id for migration in migrations)


def _state(connection: psycopg.Connection[DictRow], schema: str, names: tuple[str, ...]) -> SchemaState:
    if not run(connection, "find_marker", schema=schema, marker=MARKER)[0]["found"]:
        return SchemaState((), names, _foreign(connection, schema), (), _is_earlier(connection, schema))
    rows = connection.execute(compose("applied_migrations", marker=(schema, MARKER))).fetchall()
    applied = tuple(row["migration_id"] for row in rows)
    pending = tuple(name for name in names if name not in applied)
    foreign = () if applied else _foreign(connection, schema)
    return SchemaState(applied, pending, foreign, tuple(name for name in applied if name not in names))


def _is_earlier(connection: psycopg.Connection[DictRow], schema: str) -> bool:
    return not read_shape(connection, schema, _unknown_to_takeover(connection, schema)).faults


def _unknown_to_takeover(connection: psycopg.Connection[DictRow], schema: str) -> tuple[str, ...]:
    names = [name for name in OUR_RELATIONS if name not in EARLIER_TABLES]
    return _foreign(connection, schema, names)


def _foreign(
    connection: psycopg.Connection[DictRow], schema: str, names: Sequence[str] = OUR_RELATIONS
) -> tuple[str, ...]:
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
    rows = run(connection, "relations_named", schema=schema, names=list(names))
    relations = [f"{row['name']} ({kinds.get(row['kind'], row['kind'])})" for row in rows]
    # These would not be refused but replaced.
    functions = {name for entry in _scripts("views") for name in _FUNCTION.findall(entry.read_text(encoding="utf-8"))}
    rows = run(connection, "functions_named", schema=schema, names=sorted(functions))
    return (*relations, *(f"{row['name']} (function)" for row in rows))


def _record_noise(connection: psycopg.Connection[DictRow], noise: NoiseRules) -> None:
    rules = Jsonb([{"path": path, "reason": reason} for path, reason in noise])
    run(connection, "forget_noise_rules", rules=rules)
    run(connection, "record_noise_rules", rules=rules)


def _define(connection: psycopg.Connection[DictRow], schema: str) -> bool:
    """Views and functions, where the program's are others than those that are there: making them locks them."""
    texts = [entry.read_bytes() for entry in _scripts("views")]
    digest = hashlib.sha256(b"\0".join(texts)).hexdigest()
    is_new = bool(run(connection, "record_definitions", digest=digest))
    if is_new:
        _apply_again(connection, schema, "views")
    return is_new


def _scripts(folder: str) -> list[Traversable]:
    return sorted((sql_folder() / folder).iterdir(), key=lambda item: item.name)


def _apply_again(connection: psycopg.Connection[DictRow], schema: str, folder: str) -> None:
    """Scripts that may be run again: views and functions, and grants, so that a new role is never forgotten."""
    for entry in _scripts(folder):
        text = entry.read_text(encoding="utf-8")
        connection.execute(text.replace("{schema}", sql.Identifier(schema).as_string(connection)).encode())

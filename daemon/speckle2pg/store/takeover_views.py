"""Live views of the shape that an earlier adapter's tables had, and what stood on these tables put onto them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from speckle2pg.errors import ConfigurationError, SchemaError
from speckle2pg.store.faults import first_line
from speckle2pg.store.owner import run
from speckle2pg.store.queries import compose
from speckle2pg.store.takeover_dependents import WAY_OUT
from speckle2pg.store.takeover_shape import earlier_schema, owners_schema, set_aside_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg.rows import DictRow

    from speckle2pg.store.takeover_dependents import DependentView


def make_live_views(
    connection: psycopg.Connection[DictRow],
    schema: str,
    tables: Iterable[str],
    zone: str,
    views: Iterable[DependentView],
) -> None:
    """Makes a view under each old name in the schema beside DB_SCHEMA.

    They read the daemon's tables, not its views, so that later migrations can make those anew. For views that read with
    their owner's rights there is a second set, in a schema that is closed to everybody else: PostgreSQL checks views of
    the asker's rights against the asker wherever they are read.

    Args:
        connection: The owner's, in the transaction of the takeover.
        schema: DB_SCHEMA.
        tables: Old names; the tables were renamed already.
        zone: Time zone of times without one.
        views: Views that will be put onto them.
    """
    names = list(tables)
    closed = owners_schema(schema)
    places = [earlier_schema(schema), *([closed] if any(view.beside == closed for view in views) else [])]
    _make_schemas(connection, places)
    for beside in places:
        _make_set(connection, schema, names, zone, beside, is_invoker=beside != closed)
    if closed in places:
        _execute(connection, run(connection, "comment_earlier_schema", earlier=closed))
        _execute(connection, run(connection, "write_revocations", earlier=closed, names=names))


def _make_set(
    connection: psycopg.Connection[DictRow],
    schema: str,
    tables: Iterable[str],
    zone: str,
    beside: str,
    *,
    is_invoker: bool,
) -> None:
    for name in tables:
        aside = set_aside_name(name)
        place = {"earlier": beside, "schema": schema, "name": aside, "table": aside, "zone": zone}
        if name == "elements":
            statements = run(connection, "write_earlier_elements", is_invoker=is_invoker, **place)
        else:
            statements = run(connection, "write_earlier_projects", old_name=name, is_invoker=is_invoker, **place)
        _execute(connection, statements)
        comment = run(connection, "comment_earlier_view", earlier=beside, name=name, is_invoker=is_invoker)
        _execute(connection, comment)
    connection.execute(
        compose("let_earlier_status_be_updated", view=(beside, "elements"), function=(schema, "update_earlier_status"))
    )


def put_views_over(
    connection: psycopg.Connection[DictRow], schema: str, tables: Iterable[str], views: Iterable[DependentView]
) -> None:
    """Puts views that read the tables onto the live views, and lets those read them who could read the tables.

    Raises:
        SchemaError: A view cannot be made the same over another relation.
    """
    names = list(tables)
    beside = earlier_schema(schema)
    grants = run(
        connection,
        "write_earlier_grants",
        earlier=beside,
        names=names,
        tables=[set_aside_name(name) for name in names],
    )
    _execute(connection, grants)
    for view in views:
        connection.execute(compose("use_earlier_schema", earlier=view.beside, schema=schema))
        statement = run(
            connection,
            "write_dependent",
            schema=view.schema,
            name=view.name,
            options=view.options,
            definition=view.definition,
        )
        try:
            _execute(connection, statement)
        except (psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
            raise SchemaError(
                f"view {view.schema}.{view.name} cannot be put onto the live views of the old shape: "
                f"{first_line(error)}. Nothing was changed. {WAY_OUT.format(beside=beside)}"
            ) from error
    connection.execute(compose("use_schema_locally", schema=schema))


def _make_schemas(connection: psycopg.Connection[DictRow], names: Iterable[str]) -> None:
    missing = [name for name in names if not run(connection, "find_schema", schema=name)]
    login = connection.info.user
    try:
        for name in missing:
            connection.execute(compose("create_earlier_schema", schema=name))
    except psycopg.errors.InsufficientPrivilege as error:
        statements = "; ".join(f"CREATE SCHEMA {name} AUTHORIZATION {login}" for name in missing)
        raise ConfigurationError(
            f"login {login} may not make the schema {missing[0]}, where the old shape is shown: {first_line(error)}. "
            f"Nothing was changed. Let an administrator run {statements}"
        ) from error


def _execute(connection: psycopg.Connection[DictRow], statements: list[DictRow]) -> None:
    for row in statements:
        connection.execute(row["statement"].encode())

"""Whether the views on an earlier adapter's tables could follow: tried, and taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from speckle2pg.store.faults import first_line
from speckle2pg.store.owner import run
from speckle2pg.store.queries import compose
from speckle2pg.store.takeover_dependents import WAY_OUT, Dependent, DependentView
from speckle2pg.store.takeover_shape import earlier_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg.rows import DictRow

# No definition names it.
_REHEARSED = "speckle2pg rehearses"


def rehearse(
    connection: psycopg.Connection[DictRow],
    schema: str,
    tables: Iterable[str],
    dependents: Iterable[Dependent],
    views: Iterable[DependentView],
) -> tuple[Dependent, ...]:
    """Says of each view that cannot be put onto live views of the old shape why that is.

    Empty temporary views stand for the live ones: only the earlier tables' columns are read, and nobody is kept from
    the tables.

    Args:
        connection: The owner's, in a transaction that resolves names in DB_SCHEMA.
        schema: DB_SCHEMA.
        tables: The earlier tables.
        dependents: What hangs on them.
        views: Views that have to follow.
    """
    with connection.transaction(force_rollback=True):
        run(connection, "hush_notices")
        try:
            with connection.transaction():
                for name in tables:
                    _make_empty(connection, (schema, name), name)
        except psycopg.errors.InsufficientPrivilege as error:
            untried = f"may follow or not, which could not be tried: {first_line(error)}"
            return tuple(replace(item, effect=untried) if item.kind == "view" else item for item in dependents)
        connection.execute(compose("use_temporary_shape", schema=schema))
        by_name = {f"{view.schema}.{view.name}": view for view in views}
        return tuple(_tried(connection, schema, item, by_name.get(item.name)) for item in dependents)


def _tried(
    connection: psycopg.Connection[DictRow], schema: str, item: Dependent, view: DependentView | None
) -> Dependent:
    if item.kind == "view" and view and (fault := _fault(connection, view.definition, view)):
        return replace(item, effect=f"cannot follow: {fault}. {WAY_OUT.format(beside=earlier_schema(schema))}")
    if item.kind == "materialized view" and item.definition and (fault := _fault(connection, item.definition)):
        effect = f"goes on reading the tables that were put aside, and cannot be made from the live views: {fault}"
        return replace(item, effect=f"{effect}. Make it anew, naming every column", statement=None)
    return item


def _fault(connection: psycopg.Connection[DictRow], definition: str, view: DependentView | None = None) -> str | None:
    try:
        with connection.transaction(force_rollback=True):
            # Of the same columns, so that what CREATE OR REPLACE refuses is refused here.
            if view:
                _make_empty(connection, (view.schema, view.name), _REHEARSED)
            place = {"schema": "pg_temp", "name": _REHEARSED, "options": view.options if view else ""}
            for row in run(connection, "write_dependent", definition=definition, **place):
                connection.execute(row["statement"].encode())
    except (psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
        return first_line(error)
    return None


def _make_empty(connection: psycopg.Connection[DictRow], like: tuple[str, str], name: str) -> None:
    for row in run(connection, "write_empty_view", schema=like[0], relation=like[1], name=name):
        connection.execute(row["statement"].encode())

"""Takes an earlier adapter's tables over: they are put aside with all that is in them, and what they say is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from speckle2pg.errors import DatabaseUnavailableError
from speckle2pg.store.owner import run
from speckle2pg.store.queries import compose
from speckle2pg.store.takeover_dependents import Dependent, DependentView, read_dependents
from speckle2pg.store.takeover_rights import close_tables
from speckle2pg.store.takeover_shape import Shape, read_shape, set_aside_name
from speckle2pg.store.takeover_views import make_live_views, put_views_over

if TYPE_CHECKING:
    from psycopg.rows import DictRow


@dataclass(frozen=True, slots=True)
class Aside:
    """Tables that were put aside, and what hung on them.

    Attributes:
        shape: The tables.
        dependents: What hangs on them, for people.
        views: Views that have to follow.
    """

    shape: Shape
    dependents: tuple[Dependent, ...]
    views: tuple[DependentView, ...]


def put_aside(connection: psycopg.Connection[DictRow], schema: str, others: tuple[str, ...]) -> Aside:
    """Locks the earlier tables and renames them, with their indexes and sequences; nothing of them is dropped.

    Args:
        connection: The owner's, in the migrator's transaction, which resolves names in DB_SCHEMA.
        schema: DB_SCHEMA.
        others: Further things of our names in it.

    Raises:
        SchemaError: They are not what is known.
        DatabaseUnavailableError: Somebody holds one of them.
    """
    shape = read_shape(connection, schema, others)
    shape.check(schema)
    run(connection, "wait_briefly_for_locks")
    run(connection, "see_every_row")
    # Views before what they read, in the order in which readers lock them.
    for view in read_dependents(connection, schema)[1]:
        _lock(connection, (view.schema, view.name))
    for name in sorted(shape.columns):
        _lock(connection, (schema, name))
    # Once more: until now somebody could change them.
    shape = read_shape(connection, schema, others)
    shape.check(schema)
    dependents, views = read_dependents(connection, schema)
    _rename(connection, schema, sorted(shape.columns))
    return Aside(shape, dependents, views)


def bring_over(connection: psycopg.Connection[DictRow], schema: str, aside: Aside, zone: str) -> None:
    """Fills our tables from those put aside, and makes what stands in for them.

    Args:
        connection: As in put_aside; our tables, views and roles are there.
        schema: DB_SCHEMA.
        aside: What was put aside.
        zone: Time zone of times without one.
    """
    run(connection, "read_times_in", zone=zone)
    run(connection, "keep_statuses")
    names = {name: set_aside_name(name) for name in ("elements", "projects")}
    for query in ("take_projects_over", "take_elements_over"):
        connection.execute(compose(query, project=aside.shape.project_column, **names))
    run(connection, "take_parts_over")
    run(connection, "take_statuses_over")
    run(connection, "analyze_taken_over")
    tables = sorted(aside.shape.columns)
    make_live_views(connection, schema, tables, zone, aside.views)
    put_views_over(connection, schema, tables, aside.views)
    close_tables(connection, schema, tables)


def _lock(connection: psycopg.Connection[DictRow], relation: tuple[str, str]) -> None:
    try:
        with connection.transaction():
            connection.execute(compose("lock_earlier", table=relation))
    except psycopg.errors.LockNotAvailable as error:
        place, name = relation
        rows = run(connection, "earlier_holders", place=place, name=name)
        holders = [
            f"{row['relations']} is in use by {row['program'] or 'a program'} of {row['login']} (process {row['pid']})"
            for row in rows
        ]
        raise DatabaseUnavailableError(
            f"{'; '.join(holders) or f'{place}.{name} is in use'}. Nothing was changed. Stop the earlier adapter and "
            f"what reads its tables, and try again"
        ) from error


def _rename(connection: psycopg.Connection[DictRow], schema: str, tables: list[str]) -> None:
    belongings = run(connection, "earlier_belongings", schema=schema, tables=tables)
    for name in tables:
        connection.execute(compose("rename_table", old=(schema, name), new=set_aside_name(name)))
    queries = {"index": "rename_index", "sequence": "rename_sequence"}
    for row in belongings:
        number = 1
        while run(connection, "names_taken", schema=schema, names=[set_aside_name(row["name"], number)]):
            number += 1
        new = set_aside_name(row["name"], number)
        connection.execute(compose(queries[row["kind"]], old=(schema, row["name"]), new=new))

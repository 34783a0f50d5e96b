"""Who may do what with the tables that a takeover put aside: nobody writes them, and front ends see their projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from speckle2pg.store.owner import run
from speckle2pg.store.takeover_shape import set_aside_name

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow


def close_tables(connection: psycopg.Connection[DictRow], schema: str, tables: list[str]) -> None:
    """Takes away what could lose or show rows that are kept in the tables put aside.

    Args:
        connection: The owner's, in the migrator's transaction; our tables, roles and functions are there.
        schema: DB_SCHEMA.
        tables: The names that the tables had.
    """
    names = [sql.Identifier(schema, set_aside_name(name)).as_string(connection) for name in tables]
    elements = sql.Identifier(schema, set_aside_name("elements")).as_string(connection)
    statements = run(connection, "write_earlier_revocations", tables=names)
    statements += run(connection, "write_earlier_policies", tables=names, elements=elements, schema=schema)
    for row in statements:
        connection.execute(row["statement"].encode())

"""What hangs on an earlier adapter's tables, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from speckle2pg.errors import SchemaError
from speckle2pg.store.owner import run
from speckle2pg.store.takeover_shape import EARLIER_TABLES, earlier_schema, owners_schema

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

WAY_OUT = (
    "Rewrite it before, naming every column that it shows or groups by; or drop it, and make it anew afterwards from "
    "{beside}.elements"
)
"""What to do about a view that cannot be put onto the live views."""

# Per kind: what becomes of it, and whether the statement that comes with it is to be run by a person.
_EFFECTS = {
    "view": ("is put onto the live views in {beside}; its columns, grants and comments stay{who}", False),
    "materialized view": ("goes on reading the tables that were put aside, which stand still; it is live with", True),
    "rule": ("stays with the tables that were put aside; write it anew where it is needed", False),
    "foreign key": ("goes on referencing the table that was put aside, which gets no new rows; it follows with", True),
    "trigger": ("stays on the table that was put aside, where nothing is written any more", False),
    "policy": ("stays, with the tables that were put aside; who sees what now is in project_members", False),
    "publication": ("goes on publishing the table that was put aside", False),
    "function": ("uses the tables; if it looks them up by name it finds ours, or the old shape with", True),
    "reader": ("sees in the live views what project_members says, never what has no project; all projects with", True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dependent:
    """Something that hangs on the earlier tables.

    Attributes:
        kind: view, materialized view, rule, foreign key, trigger, policy, publication, function or reader.
        name: Its name, with the schema where it has one.
        tables: What it hangs on.
        effect: What becomes of it.
        statement: SQL for a person to run; None where there is none.
        definition: Query of a view or materialized view.
    """

    kind: str
    name: str
    tables: str
    effect: str
    statement: str | None
    definition: str | None = None


@dataclass(frozen=True, slots=True)
class DependentView:
    """A view that is put onto the live views: all that is needed to make it the same again.

    Attributes:
        schema: Where it is.
        name: Its name there.
        definition: Its query.
        options: What stands in its WITH.
        beside: The schema of the live views that it is put onto.
    """

    schema: str
    name: str
    definition: str
    options: str
    beside: str


def read_dependents(
    connection: psycopg.Connection[DictRow], schema: str
) -> tuple[tuple[Dependent, ...], tuple[DependentView, ...]]:
    """Reads what hangs on the tables, in a transaction that resolves names in DB_SCHEMA alone.

    Raises:
        SchemaError: A view of somebody else's: it reads with its owner's rights.
    """
    earlier = earlier_schema(schema)
    rows = run(connection, "earlier_dependents", schema=schema, earlier=earlier, names=list(EARLIER_TABLES))
    return tuple(_dependent(row, schema) for row in rows), tuple(
        DependentView(row["schema"], row["name"], row["definition"], row["statement"] or "", _beside(row, schema))
        for row in rows
        if row["kind"] == "view"
    )


def _beside(row: DictRow, schema: str) -> str:
    """PostgreSQL checks what a view of the asker's rights reads against the asker, also inside one of its owner's."""
    return earlier_schema(schema) if row["is_invoker"] else owners_schema(schema)


def _dependent(row: DictRow, schema: str) -> Dependent:
    effect, is_to_run = _EFFECTS[row["kind"]]
    if row["kind"] == "view" and not row["is_ours"]:
        raise SchemaError(
            f"view {row['schema']}.{row['name']} reads these and belongs to {row['owner']}, who cannot read ours. "
            f"Nothing was changed. Give it to the login that migrates (ALTER VIEW ... OWNER TO), or drop it"
        )
    name = f"{row['schema']}.{row['name']}" if row["schema"] else row["name"]
    who = "" if row["is_invoker"] else ", and whoever may read it sees all projects in it"
    effect = effect.format(beside=_beside(row, schema), who=who)
    return Dependent(
        row["kind"], name, row["tables"], effect, row["statement"] if is_to_run else None, row["definition"]
    )

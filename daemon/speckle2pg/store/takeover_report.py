"""What a takeover would do, and what became of the statuses afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from speckle2pg.store.owner import open_connection, run
from speckle2pg.store.queries import compose
from speckle2pg.store.takeover_dependents import Dependent, read_dependents
from speckle2pg.store.takeover_rehearsal import rehearse
from speckle2pg.store.takeover_shape import read_shape, set_aside_name

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

FIRST = 20
"""How many statuses that were not found are named."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a takeover would find.

    Attributes:
        tables: The earlier tables.
        further_columns: Columns that people added, by table.
        projects: Projects that would be registered.
        unlisted_projects: Those of them that only elements name.
        wrong_projects: Some of what elements name as their project and that cannot be the id of one.
        counts: elements, statuses, and as `..._unassigned` those whose project is not known.
        dependents: What hangs on the tables.
    """

    tables: tuple[str, ...]
    further_columns: dict[str, tuple[str, ...]]
    projects: tuple[str, ...]
    unlisted_projects: tuple[str, ...]
    wrong_projects: tuple[str, ...]
    counts: dict[str, int]
    dependents: tuple[Dependent, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of what was taken over.

    Attributes:
        counts: As in Preview.
        outcomes: Statuses by outcome, as `takeover_report` names them; the sum is `statuses`.
        unmatched: The first that were not found: outcome, project_id, guid, status.
        unreachable: Projects that keep statuses from being found: project_id, reason, statuses.
        unread: Projects without which no status that came without a project gets one.
    """

    counts: dict[str, int]
    outcomes: dict[str, int] = field(default_factory=dict)
    unmatched: tuple[dict[str, Any], ...] = ()
    unreachable: tuple[dict[str, Any], ...] = ()
    unread: tuple[str, ...] = ()


def preview(url: str, schema: str) -> Preview:
    """Says what a takeover would find, and changes nothing. Blocks.

    Raises:
        SchemaError: What is there cannot be taken over.
    """
    with open_connection(url) as connection, connection.transaction():
        connection.execute(compose("use_schema_locally", schema=schema))
        shape = read_shape(connection, schema, ())
        shape.check(schema)
        run(connection, "see_every_row")
        query = compose("count_earlier", elements="elements", projects="projects", project=shape.project_column)
        (found,) = connection.execute(query).fetchall()
        dependents = rehearse(connection, schema, shape.columns, *read_dependents(connection, schema))
    return Preview(
        tuple(shape.columns),
        {name: shape.further_columns(name) for name in shape.columns if shape.further_columns(name)},
        tuple(found["projects"]),
        tuple(found["unlisted_projects"]),
        tuple(found["wrong_projects"] or ()),
        {name: number for name, number in found.items() if isinstance(number, int)},
        dependents,
    )


def obstacles(url: str, schema: str) -> tuple[str, ...]:
    """Why tables that resemble an earlier adapter's cannot be taken over; empty where nothing does. Blocks."""
    with open_connection(url) as connection, connection.transaction():
        shape = read_shape(connection, schema, ())
    return shape.faults if shape.is_similar else ()


def outcome(url: str, schema: str) -> Outcome | None:
    """Says what became of the statuses; None where nothing was taken over. Blocks."""
    with open_connection(url) as connection, connection.transaction():
        if not run(connection, "names_taken", schema=schema, names=[set_aside_name("elements"), "takeover_report"])[1:]:
            return None
        connection.execute(compose("use_schema_locally", schema=schema))
        return _read_outcome(connection)


def _read_outcome(connection: psycopg.Connection[DictRow]) -> Outcome:
    (counts,) = run(connection, "count_taken_over")
    outcomes = {row["outcome"]: row["statuses"] for row in run(connection, "takeover_outcomes")}
    return Outcome(
        dict(counts),
        outcomes,
        tuple(run(connection, "takeover_unmatched", most=FIRST)),
        tuple(run(connection, "takeover_unreachable")),
        tuple(row["id"] for row in run(connection, "takeover_unread")),
    )

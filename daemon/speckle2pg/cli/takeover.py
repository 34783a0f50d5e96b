"""What `migrate` says of an earlier adapter's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speckle2pg.cli.common import out
from speckle2pg.cli.tables import plain_table
from speckle2pg.store.takeover_shape import earlier_schema, set_aside_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from speckle2pg.store.takeover_report import Outcome, Preview

MOST_PROJECTS = 50
"""How many projects are named."""

_MEANINGS = {
    "found": "the part is in its project",
    "removed": "the part was in its project and is not any more",
    "missing": "its project was read and has no such part",
    "waiting": "what could have the part was not read yet",
    "unreachable": "its project is gone, unreadable or not followed",
    "unassigned": "it came without a project, and no project has the part",
    "ambiguous": "it came without a project, and several have the part",
}


def show_preview(preview: Preview, schema: str, zone: str) -> None:
    """Says what `migrate --takeover` would do."""
    _say(f"Schema {schema} holds the tables of an earlier adapter. `speckle2pg migrate --takeover` takes them over:")
    _say(f"  {_counts(preview.counts)}")
    _say(f"  projects to be registered and followed: {len(preview.projects)}{_names(preview.projects)}")
    if preview.unlisted_projects:
        _say(f"  of these only elements name: {len(preview.unlisted_projects)}{_names(preview.unlisted_projects)}")
    if preview.wrong_projects:
        _say(f"  taken as without a project, because these are no ids of projects: {', '.join(preview.wrong_projects)}")
    _say(f"  times without a zone are read as {zone} (TAKEOVER_TIMEZONE)")
    renamed = ", ".join(f"{name} -> {set_aside_name(name)}" for name in preview.tables)
    _say(f"  put aside, with all that is in them: {renamed}")
    for table, columns in preview.further_columns.items():
        _say(f"  further columns, kept in {set_aside_name(table)}: {', '.join(columns)}")
    live = ", ".join(f"{earlier_schema(schema)}.{name}" for name in preview.tables)
    _say(f"  live views of the old shape: {live}")


def show_obstacles(obstacles: Sequence[str]) -> None:
    """Says why tables that resemble an earlier adapter's cannot be taken over."""
    if not obstacles:
        return
    _say(
        "They resemble an earlier adapter's tables. `speckle2pg migrate --takeover` would take them over but for this:"
    )
    for fault in obstacles:
        _say(f"  {fault}")


def show_dependents(preview: Preview) -> None:
    """Says what hangs on the tables, and what becomes of each."""
    if not preview.dependents:
        _say("Nothing in the database hangs on the tables.")
        return
    _say("What hangs on the tables:")
    for item in preview.dependents:
        _say(f"  {item.kind} {item.name} ({item.tables}) {item.effect}{':' if item.statement else ''}")
        for line in (item.statement or "").splitlines():
            _say(f"      {line}")
    if stubborn := [item.name for item in preview.dependents if item.effect.startswith("cannot follow")]:
        _say(f"`speckle2pg migrate --takeover` refuses until these can follow: {', '.join(stubborn)}")


def show_outcome(outcome: Outcome, schema: str, *, is_first: bool = False) -> None:
    """Says how many statuses were found again, how many not, and which.

    Args:
        outcome: What became of them.
        schema: DB_SCHEMA.
        is_first: They were taken over just now, so that nothing can have been found.
    """
    _say(f"Taken over: {_counts(outcome.counts, '' if is_first else 'now ')}")
    if is_first:
        _say("Once the daemon has read the projects, `speckle2pg migrate --takeover` says what became of each status.")
        return
    total, found = sum(outcome.outcomes.values()), outcome.outcomes.get("found", 0)
    _say(f"{found} of {total} statuses were found again, {total - found} were not:")
    for name, number in outcome.outcomes.items():
        _say(f"  {number:>7} {name}: {_MEANINGS[name]}")
    if not outcome.unmatched:
        return
    names = ("outcome", "project_id", "guid", "status")
    table = plain_table(*names, title="Statuses that were not found")
    for row in outcome.unmatched:
        table.add_row(*(row[name] for name in names))
    out.print(table)
    more = total - found - len(outcome.unmatched)
    further = f"{more} more. " if more else ""
    _say(f"{further}All of them are in the view {schema}.takeover_report, where outcome is not 'found'.")
    for project in outcome.unreachable:
        _say(
            f"Project {project['project_id']} is {project['reason']}; statuses that hang on it: {project['statuses']}."
        )
    if outcome.unread:
        _say(f"Statuses without a project wait until these were read, or are paused: {', '.join(outcome.unread)}.")


def _names(projects: Sequence[str]) -> str:
    more = len(projects) - MOST_PROJECTS
    named = ", ".join(projects[:MOST_PROJECTS]) + (f", and {more} more" if more > 0 else "")
    return f" ({named})" if projects else ""


def _counts(counts: dict[str, int], when: str = "") -> str:
    return (
        f"{counts['elements']} elements ({when}{counts['elements_unassigned']} without a project), "
        f"{counts['statuses']} statuses ({when}{counts['statuses_unassigned']} without a project)"
    )


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)

"""What the demo shows: a line per version, and at the end what is in the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from speckle2pg.store.database import Database, Row

LEGEND = "([green]+[/] added, [yellow]~[/] modified, [red]-[/] removed, = unchanged)"

_NEXT = """To follow a real server:
  1. set SPECKLE_SERVER_URL and SPECKLE_TOKEN; [bold]speckle2pg doctor[/] checks them
  2. [bold]speckle2pg projects add ADDRESS-OF-A-PROJECT[/]
  3. [bold]speckle2pg run[/]"""


def change_line(number: int, message: str, row: Row) -> str:
    """One version: what changed and how long it took from publication to commit."""
    head = f"[bold]{number}[/] {escape(message)}\n   "
    if row["state"] != "synced":
        return f"{head}[red]{row['state']}[/]: {escape(row['error'] or '')}"
    counts = f"[green]+{row['added']}[/] [yellow]~{row['modified']}[/] [red]-{row['removed']}[/] ={row['unchanged']}"
    return f"{head}{counts} elements, in the tables after [bold]{row['lag_seconds']:.2f} s[/]"


async def final_tables(database: Database, project_id: str, *, all_synced: bool) -> list[Any]:
    """What the tables hold: counts by kind and type, the last changes, and what to do next."""
    parts: list[Any] = ["", _kinds(await database.all("elements_by_type", project_id=project_id))]
    changed = await database.all("latest_changes", project_id=project_id)
    if changed:
        parts += ["", _changes(changed)]
    verdict = (
        "[green]Everything is current:[/] each version above is in the tables, with what it changed."
        if all_synced
        else "[red]Not everything is in the tables:[/] the versions marked above are not."
    )
    return [*parts, "", verdict, "", _NEXT]


def _table(title: str, caption: str) -> Table:
    return Table(title=title, caption=caption, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD)


def _kinds(rows: list[Row]) -> Table:
    table = _table(
        "Table model_elements, by kind and type",
        "present: as in the newest version; removed: rows kept with the time of removal",
    )
    table.add_column("kind")
    table.add_column("type")
    for name in ("present", "removed", "weight, t"):
        table.add_column(name, justify="right")
    for row in rows:
        weight = f"{row['weight_kg'] / 1000:.1f}" if row["weight_kg"] else ""
        table.add_row(row["kind"], escape(row["element_type"] or ""), str(row["present"]), str(row["removed"]), weight)
    present, removed = (str(sum(row[name] for row in rows)) for name in ("present", "removed"))
    table.add_section()
    table.add_row("all", "", present, removed, "")
    return table


def _changes(rows: list[Row]) -> Table:
    table = _table("The last changes (some of each sort)", "in: the collection that holds the element")
    table.add_column("change")
    for name in ("element", "mark", "type", "in"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    colors = {"added": "green", "modified": "yellow", "removed": "red"}
    for row in rows:
        where = row["path"][-1] if row["path"] else ""
        texts = (row["element_name"], row["mark"], row["element_type"], where)
        operation = row["operation"]
        table.add_row(f"[{colors[operation]}]{operation}[/]", *(escape(text or "") for text in texts))
    return table

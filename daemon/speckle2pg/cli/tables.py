"""Tables on a terminal, for text that other people wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection


class PlainTable(Table):
    """A table whose cells are text as it is: what looks like markup in a project's name is part of the name."""

    def add_row(self, *cells: object, **options: object) -> None:
        """Adds a row; None is an empty cell."""
        texts = ("" if cell is None else str(cell) for cell in cells)
        shown = (Text("".join(letter if letter.isprintable() else " " for letter in text)) for text in texts)
        super().add_row(*shown, **options)  # type: ignore[arg-type]


def plain_table(*headers: str, title: str | None = None, numbers: Collection[str] = ()) -> PlainTable:
    """A table without lines between its cells, numbers to the right, ids whole."""
    table = PlainTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in headers:
        whole = name not in ("name", "model", "reason", "why")
        table.add_column(name, justify="right" if name in numbers else "left", no_wrap=whole, overflow="fold")
    return table

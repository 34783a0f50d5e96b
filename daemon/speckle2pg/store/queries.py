"""Named SQL statements, read once from `sql/queries/*.sql`.

A statement begins with `-- name: NAME`; the comment lines after it describe it, and it ends with the next name or
the file. Parameters are psycopg's `%(name)s`. Names are unique over all files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """One statement.

    Attributes:
        name: Its name.
        description: What its comment says.
        text: The SQL, without comment and semicolon.
    """

    name: str
    description: str
    text: str


def sql_folder() -> Traversable:
    """The folder `sql/`: inside the installed package, or beside `daemon/` in a checkout."""
    packaged = files("speckle2pg") / "sql"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "sql"


def parse(source: str) -> dict[str, Query]:
    """Splits a file into its statements.

    Raises:
        ValueError: A statement without a description, or two of one name.
    """
    pieces = _NAME.split(source)
    found: dict[str, Query] = {}
    for name, body in zip(pieces[1::2], pieces[2::2], strict=True):
        lines = body.strip().splitlines()
        comment = [line for line in lines if line.startswith("--")]
        if not comment or name in found:
            raise ValueError(f"query {name} is described by no comment, or named twice")
        text = "\n".join(line for line in lines if not line.startswith("--")).strip().removesuffix(";")
        found[name] = Query(name, " ".join(line[2:].strip() for line in comment), text)
    return found


@cache
def load_queries() -> dict[str, Query]:
    """All statements by name; read at the first call."""
    queries: dict[str, Query] = {}
    for entry in sorted((sql_folder() / "queries").iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".sql"):
            continue
        for name, query in parse(entry.read_text(encoding="utf-8")).items():
            if name in queries:
                raise ValueError(f"query {name} stands in two files")
            queries[name] = query
    return queries


def compose(query: str, /, **identifiers: str | tuple[str, ...]) -> sql.Composed:
    """A statement whose `{names}` are replaced by quoted identifiers."""
    quoted = {
        key: sql.Identifier(*([value] if isinstance(value, str) else value)) for key, value in identifiers.items()
    }
    return sql.SQL(load_queries()[query].text).format(**quoted)

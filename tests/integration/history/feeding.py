"""Writers that change elements as a load does, and a consumer of the feed that keeps a copy of the table."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = tuple[str, str, uuid.UUID]

_WRITE = """
INSERT INTO model_elements AS m (project_id, model_id, guid, object_id, content_hash, canonical_version, kind,
    element_name, version_id, from_seq, created_at, updated_at, removed_at, change_pos)
VALUES (%(project)s, 'm', %(guid)s, 'o', '', 1, 'part', %(name)s, 'v', 1, now(), now(),
    CASE WHEN %(removed)s THEN now() END, next_position())
ON CONFLICT (project_id, model_id, guid) DO UPDATE
    SET element_name = EXCLUDED.element_name, removed_at = EXCLUDED.removed_at, change_pos = EXCLUDED.change_pos
"""
_APPLY = """
INSERT INTO model_syncs (project_id, model_id, seq, version_id, synced_at, change_pos)
SELECT 'p', 'm', (SELECT count(*) + 1 FROM model_syncs), 'v', clock_timestamp() - %s::interval,
    next_position()
"""
_TABLE = """
SELECT project_id, model_id, guid, to_jsonb(m) - '{content_hash,canonical_version,change_pos}'::text[] AS element
FROM model_elements AS m
"""


def guid(number: int) -> uuid.UUID:
    """The guid of the test's n-th element."""
    return uuid.UUID(int=number)


def write(connection: psycopg.Connection[Any], number: int, name: str = "", *, removed: bool = False) -> None:
    """Changes one element, at the position of the connection's transaction."""
    values = {"project": "p", "guid": guid(number), "name": name, "removed": removed}
    connection.execute(_WRITE.encode(), values)


def record_application(connection: psycopg.Connection[Any], age: str = "0") -> None:
    """Notes an application, as the last statement of a load does; `age` is how long ago it shall have been."""
    connection.execute(_APPLY.encode(), (age,))


def table(url: str) -> dict[Key, Any]:
    """What the table holds."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        rows = connection.execute(_TABLE.encode()).fetchall()
    return {(row["project_id"], row["model_id"], row["guid"]): row["element"] for row in rows}


class Consumer:
    """Follows the feed from wherever it is told, and keeps what it says.

    Attributes:
        held: Elements by key, as the feed told them last.
        told: Every row that came, in order.
    """

    def __init__(self, url: str, cursor: str | None = None, rows: int = 1000) -> None:
        self._url = url
        self._rows = rows
        self.cursor = cursor
        self.held: dict[Key, Any] = {}
        self.told: list[dict[str, Any]] = []

    def page(self) -> list[dict[str, Any]]:
        """Reads one page."""
        with psycopg.connect(self._url, row_factory=dict_row, autocommit=True) as connection:
            query = b"SELECT * FROM changes_since(%s, %s)"
            rows = connection.execute(query, (self.cursor, self._rows)).fetchall()
        for row in rows:
            self._take(row)
        return rows

    def follow(self) -> list[dict[str, Any]]:
        """Reads pages until there is nothing new, and gives what came."""
        before = len(self.told)
        while self.page():
            pass
        return self.told[before:]

    def _take(self, row: dict[str, Any]) -> None:
        self.cursor = row["cursor"]
        self.told.append(row)
        if row["operation"] == "purge":
            self.held = {key: held for key, held in self.held.items() if key[0] != row["project_id"]}
        else:
            self.held[row["project_id"], row["model_id"], row["guid"]] = row["element"]


def names(rows: Iterable[dict[str, Any]]) -> list[str]:
    """What rows of the feed say, in short: the operation and the element's name."""
    signs = {"upsert": "+", "remove": "-", "purge": "x"}
    return [signs[row["operation"]] + ((row["element"] or {}).get("element_name") or "") for row in rows]

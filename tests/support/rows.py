"""Rows as a load leaves them, written straight into the tables: for views and functions that only read them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def guid(number: int) -> uuid.UUID:
    """A guid for a number."""
    return uuid.UUID(int=number)


@dataclass(frozen=True, slots=True)
class Twin:
    """A project with its models in the tables, as the owner writes them.

    Attributes:
        owner_url: The owner's address of the database.
        project_id: The project.
    """

    owner_url: str
    project_id: str = "p1"

    def model(self, model_id: str = "m1", *, name: str | None = None, state: str = "active") -> None:
        """A model that one version was applied to, an hour ago; the project as well if it is not there."""
        synced = datetime.now(UTC) - timedelta(hours=1)
        with psycopg.connect(self.owner_url) as connection:
            connection.execute(
                "INSERT INTO projects (id, name, state, last_reconciled_at) VALUES (%s, %s, 'ok', now())"
                " ON CONFLICT DO NOTHING",
                (self.project_id, f"Project {self.project_id}"),
            )
            connection.execute(
                "INSERT INTO models (project_id, id, name, state, seq, version_id, version_created_at, synced_at)"
                " VALUES (%s, %s, %s, %s, 1, %s, %s, %s)",
                (self.project_id, model_id, name or f"model {model_id}", state, f"v-{model_id}", BEGIN, synced),
            )
            connection.execute(
                "INSERT INTO versions (project_id, id, model_id, created_at, state, seq, synced_at)"
                " VALUES (%s, %s, %s, %s, 'synced', 1, %s)",
                (self.project_id, f"v-{model_id}", model_id, BEGIN, synced),
            )
            connection.execute(
                "INSERT INTO model_syncs (project_id, model_id, seq, version_id, synced_at) VALUES (%s, %s, 1, %s, %s)",
                (self.project_id, model_id, f"v-{model_id}", synced),
            )

    def element(self, number: int, model_id: str = "m1", *, kind: str = "part", **columns: Any) -> uuid.UUID:
        """An element of a model, with its part and its place in the tree; further columns by name."""
        key = guid(number)
        values: dict[str, Any] = {
            "project_id": self.project_id,
            "model_id": model_id,
            "guid": key,
            "application_id": str(key),
            "object_id": f"object-{number}",
            "content_hash": number.to_bytes(32, "big"),
            "canonical_version": 1,
            "kind": kind,
            "version_id": f"v-{model_id}",
            "from_seq": 1,
            "created_at": BEGIN,
            "updated_at": BEGIN,
            "change_pos": 1,
            **columns,
        }
        values = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in values.items()}
        with psycopg.connect(self.owner_url) as connection:
            connection.execute(
                f"INSERT INTO model_elements ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})".encode(),  # noqa: S608
                list(values.values()),
            )
            connection.execute(
                "INSERT INTO parts VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", (self.project_id, key, BEGIN, BEGIN)
            )
            if values.get("removed_at") is None:
                connection.execute(
                    "INSERT INTO model_objects"
                    " (project_id, model_id, parent_object_id, position, object_id, kind, guid, is_row)"
                    " VALUES (%s, %s, '', %s, %s, %s, %s, true)",
                    (self.project_id, model_id, number, values["object_id"], kind, key),
                )
        return key

    def status_values(self, *codes: str, done: str | None = None, common: bool = False) -> None:
        """Statuses of the project, or of all projects; `done` is the one that is done."""
        with psycopg.connect(self.owner_url) as connection:
            connection.cursor().executemany(
                "INSERT INTO status_values (project_id, code, sort, is_done) VALUES (%s, %s, %s, %s)",
                [(None if common else self.project_id, code, place, code == done) for place, code in enumerate(codes)],
            )

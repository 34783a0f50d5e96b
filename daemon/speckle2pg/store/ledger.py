"""yoyo, which keeps the ledger of applied migrations, inside a transaction of ours."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from psycopg.rows import tuple_row
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import parse_uri

if TYPE_CHECKING:
    import psycopg

MARKER = "speckle2pg_migrations"


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo inside a transaction of ours: what it does and what it notes of it is one commit.

    By itself yoyo applies a migration on one connection and marks it on another, so that a kill in between leaves a
    migration applied and unmarked; and it locks with a row, which a kill leaves behind.
    """

    bound: ClassVar[psycopg.Connection[Any]]
    # Names of our own, so that another program in the same schema may use yoyo as well.
    log_table = f"{MARKER}_log"
    lock_table = f"{MARKER}_lock"
    version_table = f"{MARKER}_version"

    def connect(self, _dburi: Any) -> psycopg.Connection[Any]:
        """The connection that already holds the lock and resolves names in DB_SCHEMA."""
        return self.bound

    def cursor(self) -> psycopg.Cursor[Any]:
        """A cursor as yoyo expects it."""
        return self.bound.cursor(row_factory=tuple_row)

    def apply_one(self, migration: Any, force: bool = False, mark: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 (yoyo's signature)
        """A migration and its mark, in the transaction that is open."""
        migration.process_steps(self, "apply")
        self.log_migration(migration, "apply")
        self.mark_one(migration, log=False)

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        """Who migrated, as the database knows it; a container's user often has no name on its own system."""
        return {
            "id": str(uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": self.bound.info.user,
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


def open_ledger(connection: psycopg.Connection[Any]) -> Any:
    """A backend of yoyo that works on a connection."""
    return type("_BoundBackend", (_Backend,), {"bound": connection})(parse_uri("postgresql+psycopg:///"), MARKER)

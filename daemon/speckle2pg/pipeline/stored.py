"""What the database holds of a model: where it stands, and the tree of the version that it shows."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from speckle2pg.errors import StalePlanError
from speckle2pg.pipeline.extract.model import Node
from speckle2pg.pipeline.plan import Cursor

if TYPE_CHECKING:
    from speckle2pg.store.database import Database, Row, Transaction


async def read_cursor(database: Database, project_id: str, model_id: str) -> Cursor:
    """Where a model stands; a model that was never met stands at the beginning."""
    row = await database.one("stored_cursor", project_id=project_id, model_id=model_id)
    return cursor_of(row) if row else Cursor()


def cursor_of(row: Row) -> Cursor:
    """The cursor in a row of `models`."""
    return Cursor(row["seq"], row["version_id"], row["element_count"], row["version_created_at"], row["derivation"])


async def lock_model(tx: Transaction, project_id: str, model_id: str, cursor: Cursor) -> None:
    """Holds a model until the transaction ends, if it still stands where it was planned from.

    Raises:
        StalePlanError: Somebody applied a version since.
    """
    row = await tx.one("lock_model", project_id=project_id, model_id=model_id)
    planned = (cursor.seq, cursor.version_id, cursor.derivation)
    if row is None or (row["seq"], row["version_id"], row["derivation"]) != planned:
        raise StalePlanError(f"model {model_id} of project {project_id} changed since it was planned")


async def read_tree(database: Database, project_id: str, model_id: str) -> dict[str, Node]:
    """The nodes of the version that a model shows, by object id."""
    return nodes_from_rows(await database.all("stored_tree", project_id=project_id, model_id=model_id))


def nodes_from_rows(rows: list[Row]) -> dict[str, Node]:
    """The skeleton of the applied version from its stored tree, ordered by parent and position.

    An object below two parents without an applicationId has an edge per guid at one position: the first one counts.
    """
    children: dict[str, dict[int, str]] = defaultdict(dict)
    objects: dict[str, Row] = {}
    for row in rows:
        children[row["parent_object_id"]].setdefault(row["position"], row["object_id"])
        objects.setdefault(row["object_id"], row)
    return {object_id: _node(row, tuple(children[object_id].values())) for object_id, row in objects.items()}


def _node(row: Row, children: tuple[str, ...]) -> Node:
    return Node(
        object_id=row["object_id"],
        kind=row["kind"],
        application_id=row["application_id"],
        element_id=row["element_id"],
        name=row["name"],
        category=row["own_category"],
        level=row["own_level"],
        own_hash=row["own_hash"],
        children=children,
    )

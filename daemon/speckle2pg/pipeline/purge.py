"""Deletes what the daemon wrote of a project. Statuses and parts stay: they are people's, and what theirs refers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from speckle2pg.errors import UnknownProjectError

if TYPE_CHECKING:
    from speckle2pg.store.database import Database


@dataclass(frozen=True, slots=True)
class Purged:
    """Rows that were deleted for good."""

    models: int
    versions: int
    elements: int
    images: int


async def purge_project(database: Database, project_id: str, actor: str) -> Purged:
    """Takes a project out of the registry and deletes its rows, in one transaction with the feed's record of it.

    It waits for loads of the project that are under way, and they cannot begin meanwhile: see `lock_model`.

    Raises:
        UnknownProjectError: It is not registered and has no rows.
    """
    async with database.transaction() as tx:
        registered = await tx.one("delete_project", project_id=project_id)
        elements = await tx.do("purge_elements", project_id=project_id)
        images = await tx.do("purge_history", project_id=project_id)
        await tx.do("purge_tree", project_id=project_id)
        await tx.do("purge_applications", project_id=project_id)
        versions = await tx.do("purge_versions", project_id=project_id)
        models = await tx.do("purge_models", project_id=project_id)
        await tx.do("purge_requests", project_id=project_id)
        await tx.do("purge_notifications", project_id=project_id)
        if registered is None and not models:
            raise UnknownProjectError(
                f"project {project_id} is not registered and has no rows here: see `speckle2pg projects list`"
            )
        await tx.do("record_purge", project_id=project_id, purged_by=actor)
        details = {"models": models, "versions": versions, "elements": elements, "images": images}
        await tx.do(
            "log_admin",
            actor=actor,
            action="projects purge",
            project_id=project_id,
            subject=None,
            details=details,
        )
    return Purged(**details)

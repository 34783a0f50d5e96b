"""The Python API to the server's content: the same changes as over GraphQL, heard in the same way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.bundles import bundle_reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from speckle2pg.sandbox.actions import Actions
    from speckle2pg.sandbox.bundles import Bundles
    from speckle2pg.sandbox.entities import Model, Project, Version
    from speckle2pg.sandbox.world import World


class Publishing:
    """What people and their programs do on a server, as coroutines that let the events go out."""

    world: World
    actions: Actions
    bundles: Bundles

    async def publish(
        self,
        project_id: str,
        model: str,
        root_id: str | None,
        *,
        message: str | None = None,
        source_application: str | None = "sandbox",
        created_at: datetime | None = None,
        objects: Mapping[str, Mapping[str, Any] | bytes] | None = None,
        author_id: str | None = None,
    ) -> Version:
        """Publishes a version.

        Args:
            project_id: The project.
            model: The model's id or name; a model of that name is made where there is none.
            root_id: The root object, which need not be there.
            message: What the author says.
            source_application: Where it comes from.
            created_at: The time the server gives it; now unless given, so that tests can make times tie.
            objects: Objects to store first, by id.
            author_id: Who publishes; an owner of the project unless given.
        """
        self.world.add_objects(project_id, objects or {})
        found = self.world.find_model(project_id, model)
        target = found or self.actions.create_model(project_id, model, author_id=author_id)
        version = self.actions.create_version(
            project_id,
            target.id,
            root_id,
            message=message,
            source_application=source_application,
            created_at=created_at,
            author_id=author_id,
        )
        await asyncio.sleep(0)
        return version

    async def publish_bundle(self, project_id: str, model: str, files: Mapping[str, bytes], **details: Any) -> Version:
        """Publishes a version whose data is a bundle of files, by name; `details` as for `publish`."""
        found = self.world.find_model(project_id, model)
        target = found or self.actions.create_model(project_id, model)
        version_id = self.world.new_id()
        self.bundles.add(version_id, files)
        reference = bundle_reference(project_id, target.id, version_id)
        version = self.actions.create_version(project_id, target.id, reference, version_id=version_id, **details)
        await asyncio.sleep(0)
        return version

    async def update_version(self, project_id: str, version_id: str, message: str) -> Version:
        """Gives a version another message."""
        version = self.actions.update_version(project_id, version_id, message)
        await asyncio.sleep(0)
        return version

    async def delete_version(self, project_id: str, *version_ids: str) -> None:
        """Deletes versions."""
        self.actions.delete_versions(project_id, version_ids)
        await asyncio.sleep(0)

    async def move_version(self, project_id: str, version_ids: str | Sequence[str], target: str) -> Model:
        """Moves one version or several to the model with this id or name, which is made if need be."""
        ids = [version_ids] if isinstance(version_ids, str) else list(version_ids)
        model = self.actions.move_versions(project_id, ids, target)
        await asyncio.sleep(0)
        return model

    async def create_model(self, project_id: str, name: str) -> Model:
        """Makes a model."""
        model = self.actions.create_model(project_id, name)
        await asyncio.sleep(0)
        return model

    async def rename_model(self, project_id: str, model_id: str, name: str) -> Model:
        """Gives a model another name."""
        model = self.actions.update_model(project_id, model_id, name=name)
        await asyncio.sleep(0)
        return model

    async def delete_model(self, project_id: str, model_id: str) -> None:
        """Deletes a model with its versions."""
        self.actions.delete_model(project_id, model_id)
        await asyncio.sleep(0)

    async def update_project(self, project_id: str, **changes: Any) -> Project:
        """Changes a project: `name`, `description`, `visibility` (in capitals)."""
        project = self.actions.update_project(project_id, changes)
        await asyncio.sleep(0)
        return project

    async def delete_project(self, project_id: str) -> None:
        """Deletes a project."""
        self.actions.delete_project(project_id)
        await asyncio.sleep(0)

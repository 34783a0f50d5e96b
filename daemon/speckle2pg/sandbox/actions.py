"""The one path on which the server's content changes: the world, then events, then webhooks.

GraphQL mutations and the Python API both go through here, so both are heard alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from speckle2pg.sandbox.errors import (
    BadRequestError,
    ModelUpdateError,
    VersionBatchError,
    VersionNotFoundError,
)
from speckle2pg.sandbox.events import Event
from speckle2pg.sandbox.records import creation_record, model_record, project_record, version_in_model
from speckle2pg.sandbox.world import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from speckle2pg.sandbox.context import Site
    from speckle2pg.sandbox.entities import Model, Project, User, Version
    from speckle2pg.sandbox.events import Hub
    from speckle2pg.sandbox.world import World


class Dispatch(Protocol):
    """Tells the webhooks of a project what happened."""

    def __call__(
        self, project_id: str, trigger: str, data: dict[str, Any], *, user_id: str | None, message: str
    ) -> None:
        """Takes note of one happening."""


@dataclass(slots=True)
class Actions:
    """Changes with their announcements. `user_id` is who did it; None stands for the project's owner."""

    site: Site
    dispatch: Dispatch

    @property
    def world(self) -> World:
        """What is changed."""
        return self.site.world

    @property
    def hub(self) -> Hub:
        """Where the changes are announced."""
        return self.site.hub

    def create_project(self, owner: User, name: str, **details: Any) -> Project:
        """Makes a project and tells its owner's sockets."""
        project = self.world.create_project(owner, name, **details)
        payload = {"id": project.id, "type": "ADDED", "project": project}
        # The real server says it twice: for the creation, and for the owner's role.
        for _ in range(2):
            self.hub.publish(Event("userProjectsUpdated", owner.id, payload))
        return project

    def update_project(self, project_id: str, changes: dict[str, Any], user_id: str | None = None) -> Project:
        """Sets fields of a project by their Python names."""
        project = self.world.project(project_id)
        old = project_record(project)
        for name, value in changes.items():
            setattr(project, name, value)
        project.updated_at = self.world.now()
        self.hub.publish(Event("projectUpdated", project_id, {"id": project_id, "type": "UPDATED", "project": project}))
        data = {"old": old, "new": {"id": project_id, **changes}}
        self._tell(project_id, "stream_update", data, user_id, "Stream metadata changed")
        return project

    def delete_project(self, project_id: str, user_id: str | None = None) -> None:
        """Deletes a project: no socket hears of it, the webhooks do."""
        user_id = user_id or self.world.owner_id(project_id)
        self.world.delete_project(project_id)
        self.dispatch(project_id, "stream_delete", {}, user_id=user_id, message="Stream deleted")

    def create_model(
        self, project_id: str, name: str, *, author_id: str | None = None, description: str | None = None
    ) -> Model:
        """Makes a model."""
        model = self.world.create_model(project_id, name, author_id=author_id, description=description)
        self._models_updated(model, "CREATED")
        self.hub.publish(Event("branchCreated", project_id, model_record(model)))
        data = {"branch": model_record(model)}
        message = f"Branch created: {model.name} ({model.id})"
        self._tell(project_id, "branch_create", data, model.author_id, message)
        return model

    def update_model(
        self,
        project_id: str,
        model_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        user_id: str | None = None,
    ) -> Model:
        """Renames or describes a model; None leaves as it is."""
        model = self.world.model(project_id, model_id)
        if not name and description is None:
            raise ModelUpdateError("Please specify a property to update")
        old = model_record(model)
        if name:
            self.world.rename_model(project_id, model_id, name)
        model.description = model.description if description is None else description
        update = {"id": model_id, "name": name, "description": description, "projectId": project_id}
        self._models_updated(model, "UPDATED")
        self.hub.publish(Event("branchUpdated", project_id, update, model_id))
        message = f"Branch metadata changed for branch {model_id}"
        self._tell(project_id, "branch_update", {"old": old, "new": update}, user_id, message)
        return model

    def delete_model(self, project_id: str, model_id: str, user_id: str | None = None) -> None:
        """Deletes a model with its versions: no version event is heard."""
        if self.world.model(project_id, model_id).name == DEFAULT_MODEL:
            raise BadRequestError("The 'main' model cannot be deleted")
        model = self.world.delete_model(project_id, model_id)
        gone = {"id": model_id, "projectId": project_id}
        self._models_updated(model, "DELETED")
        self.hub.publish(Event("branchDeleted", project_id, gone))
        message = f"Branch deleted: '{model.name}' ({model_id})"
        self._tell(project_id, "branch_delete", {"branch": {**gone, "name": model.name}}, user_id, message)

    def create_version(self, project_id: str, model_id: str, root_id: str | None, **details: Any) -> Version:
        """Adds a version; `details` are further fields of `Version`."""
        version = self.world.add_version(project_id, model_id, root_id, **details)
        model = self.world.model(project_id, model_id)
        record = creation_record(version, model)
        self.hub.publish(Event("commitCreated", project_id, {**record, "id": version.id}))
        self._versions_updated(version, "CREATED")
        names = {"projectId": project_id, "modelId": model_id, "versionId": version.id}
        message = f"Commit created on branch {model.name}: {version.id} ({version.message})"
        data = {"id": version.id, "commit": {**record, **names}}
        self._tell(project_id, "commit_create", data, version.author_id, message)
        return version

    def update_version(self, project_id: str, version_id: str, message: str, user_id: str | None = None) -> Version:
        """Gives a version another message."""
        version = self.world.version(project_id, version_id)
        model = self.world.model(project_id, version.model_id)
        old = version_in_model(version, model)
        version.message = message
        now = self.world.now()
        model.updated_at = now
        self.world.project(project_id).updated_at = now
        self._versions_updated(version, "UPDATED")
        update = {"id": version_id, "message": message, "streamId": project_id}
        self.hub.publish(Event("commitUpdated", project_id, update, version_id))
        new = {"projectId": project_id, "versionId": version_id, "message": message}
        data = {"old": old, "new": new}
        self._tell(project_id, "commit_update", data, user_id, f"Commit updated: {version_id}")
        return version

    def delete_versions(self, project_id: str, version_ids: Sequence[str], user_id: str | None = None) -> None:
        """Deletes versions: an event and a webhook for each."""
        for version in self._all_of(project_id, version_ids):
            model = self.world.model(project_id, version.model_id)
            self.world.delete_version(project_id, version.id)
            self._versions_updated(version, "DELETED")
            record = version_in_model(version, model)
            self.hub.publish(Event("commitDeleted", project_id, record, version.id))
            message = f"Commit deleted: {version.id}"
            self._tell(project_id, "commit_delete", {"commit": record}, user_id, message)

    def move_versions(
        self, project_id: str, version_ids: Sequence[str], target: str, user_id: str | None = None
    ) -> Model:
        """Moves versions to the model called (or with the id) `target`, which is made silently if need be."""
        versions = self._all_of(project_id, version_ids)
        model = self.world.find_model(project_id, target)
        model = model or self.world.create_model(project_id, target, author_id=user_id)
        for version in versions:
            data = {"originalBranchId": version.model_id, "newBranchId": model.id}
            self.world.move_version(project_id, version.id, model.id)
            self._versions_updated(version, "UPDATED")
            self._tell(project_id, "commit_move", data, user_id, f"Commit moved: {version.id}")
        return model

    def mark_received(
        self, project_id: str, version_id: str, application: str, message: str | None, user_id: str
    ) -> None:
        """Notes that somebody received a version; only the webhooks hear of it."""
        self.world.version(project_id, version_id)
        data = {"sourceApplication": application, "message": message}
        text = f"Commit {version_id} was received by user {user_id}"
        self._tell(project_id, "commit_receive", data, user_id, text)

    def _all_of(self, project_id: str, version_ids: Sequence[str]) -> list[Version]:
        if not version_ids:
            raise VersionBatchError("No commits specified")
        try:
            return [self.world.version(project_id, version_id) for version_id in version_ids]
        except VersionNotFoundError as error:
            raise VersionBatchError("At least one of the commits does not exist") from error

    def _versions_updated(self, version: Version, kind: str) -> None:
        shown = None if kind == "DELETED" else replace(version)
        payload = {"id": version.id, "modelId": version.model_id, "type": kind, "version": shown}
        self.hub.publish(Event("projectVersionsUpdated", version.project_id, payload, version.id))

    def _models_updated(self, model: Model, kind: str) -> None:
        shown = None if kind == "DELETED" else replace(model)
        payload = {"id": model.id, "type": kind, "model": shown}
        self.hub.publish(Event("projectModelsUpdated", model.project_id, payload, model.id))

    def _tell(self, project_id: str, trigger: str, data: dict[str, Any], user_id: str | None, message: str) -> None:
        user_id = user_id or self.world.owner_id(project_id)
        self.dispatch(project_id, trigger, data, user_id=user_id, message=message)

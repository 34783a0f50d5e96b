"""The state of the sandbox in memory: pure Python, no I/O, no events.

Changing the world directly is a change that nobody is told of; `SandboxServer` has the same operations with
their events and webhooks.
"""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.accounts import Accounts, to_milliseconds
from speckle2pg.sandbox.entities import Model, Project, Version, Visibility, Webhook
from speckle2pg.sandbox.errors import (
    ModelCreateError,
    ModelNameError,
    ModelNotFoundError,
    ModelUpdateError,
    ProjectNotFoundError,
    VersionNotFoundError,
)
from speckle2pg.sandbox.object_store import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from speckle2pg.sandbox.entities import Role, User

DEFAULT_MODEL = "main"
BACKED_UP = ("projects", "webhooks", "_models", "_versions", "_texts")
NAME_RULE = (
    'Model names cannot start with "#", "$", start or end with "/", have multiple slashes next to each other '
    '(e.g., "//") or contain commas or backwards slashes.'
)


class World(Accounts, ObjectStore):
    """Everything the server knows. Names of models are kept in lower case, as the real server keeps them."""

    def __init__(self, *, seed: str = "sandbox", clock: Callable[[], datetime] | None = None) -> None:
        Accounts.__init__(self, seed=seed, clock=clock)
        ObjectStore.__init__(self)
        self.projects: dict[str, Project] = {}
        self.webhooks: dict[str, Webhook] = {}
        self._models: dict[str, dict[str, Model]] = {}
        self._versions: dict[str, dict[str, Version]] = {}
        self._ordinals = itertools.count(1)

    def create_project(
        self, owner: User, name: str = "Project", *, visibility: str = "private", description: str = ""
    ) -> Project:
        """Makes a project with its empty model `main`; `visibility`: private or public."""
        now = self.now()
        # Unlisted is the old word for public.
        chosen: Visibility = "PUBLIC" if visibility.upper() in {"PUBLIC", "UNLISTED"} else "PRIVATE"
        project = Project(self.new_id(), name, description, chosen, now, now, {owner.id: "stream:owner"})
        self.projects[project.id] = project
        self._models[project.id] = {}
        self.create_model(project.id, DEFAULT_MODEL, author_id=owner.id, description="default model")
        return project

    def project(self, project_id: str) -> Project:
        """The project, or `ProjectNotFoundError`."""
        if project_id not in self.projects:
            raise ProjectNotFoundError("Project not found")
        return self.projects[project_id]

    def owner_id(self, project_id: str) -> str | None:
        """The first owner of the project."""
        roles = self.project(project_id).roles
        return next((user for user, role in roles.items() if role == "stream:owner"), None)

    def set_role(self, project_id: str, user_id: str, role: Role | None) -> None:
        """Gives a person a role in the project, or takes it away with None."""
        project = self.project(project_id)
        project.updated_at = self.now()
        if role is None:
            project.roles.pop(user_id, None)
        else:
            project.roles[user_id] = role

    def delete_project(self, project_id: str) -> Project:
        """Forgets a project, its models, versions and objects. Its webhooks stay."""
        project = self.project(project_id)
        for model_id in self._models.pop(project_id):
            self._versions.pop(model_id, None)
        del self.projects[project_id]
        self.forget_objects(project_id)
        return project

    def create_model(
        self, project_id: str, name: str, *, author_id: str | None = None, description: str | None = None
    ) -> Model:
        """Makes a model; the name must be free in the project."""
        project = self.project(project_id)
        if self.find_model(project_id, checked_name(name)) is not None:
            raise ModelCreateError("A branch with this name already exists")
        now = self.now()
        author_id = author_id or self.owner_id(project_id)
        model = Model(self.new_id(), project.id, checked_name(name), description, author_id, now, now)
        self._models[project_id][model.id] = model
        self._versions[model.id] = {}
        return model

    def models_of(self, project_id: str) -> list[Model]:
        """All models of the project, the empty `main` too, oldest first."""
        return list(self._models.get(project_id, {}).values())

    def find_model(self, project_id: str, name_or_id: str) -> Model | None:
        """The model with this id, or else with this name, in whatever case it is written."""
        models = self._models.get(project_id, {})
        if name_or_id in models:
            return models[name_or_id]
        return next((model for model in models.values() if model.name == name_or_id.strip().lower()), None)

    def model(self, project_id: str, model_id: str) -> Model:
        """The model with this id, or `ModelNotFoundError`."""
        model = self._models.get(project_id, {}).get(model_id)
        if model is None:
            raise ModelNotFoundError("Model not found")
        return model

    def rename_model(self, project_id: str, model_id: str, name: str) -> Model:
        """Gives a model another name. No time moves: neither the model's nor the project's."""
        model = self.model(project_id, model_id)
        holder = self.find_model(project_id, name)
        if holder is not None and holder is not model:
            raise ModelUpdateError("A branch with this name already exists in the parent stream")
        model.name = checked_name(name)
        return model

    def delete_model(self, project_id: str, model_id: str) -> Model:
        """Forgets a model and its versions."""
        model = self.model(project_id, model_id)
        del self._models[project_id][model_id]
        self._versions.pop(model_id)
        self.project(project_id).updated_at = self.now()
        return model

    def add_version(self, project_id: str, model_id: str, referenced_object: str | None, **details: Any) -> Version:
        """Adds a version; `details` are further fields of `Version`, `created_at` is now unless given."""
        model = self.model(project_id, model_id)
        created_at = to_milliseconds(details.pop("created_at", None) or self.now())
        author_id = details.pop("author_id", None) or self.owner_id(project_id)
        version = Version(
            id=details.pop("version_id", None) or self.new_id(),
            project_id=project_id,
            model_id=model.id,
            referenced_object=referenced_object,
            author_id=author_id,
            message=details.pop("message", None),
            source_application=details.pop("source_application", None),
            created_at=created_at,
            ordinal=next(self._ordinals),
            **details,
        )
        self._versions[model.id][version.id] = version
        model.updated_at = self.project(project_id).updated_at = self.now()
        return version

    def versions_of(self, model_id: str) -> list[Version]:
        """The model's versions, newest first; those of one millisecond in the order they came in.

        The real server's order among equal times is PostgreSQL's whim, so nothing may rest on it.
        """
        versions = self._versions.get(model_id, {}).values()
        return sorted(versions, key=lambda version: (-version.created_at.timestamp(), version.ordinal))

    def version(self, project_id: str, version_id: str) -> Version:
        """The version in any model of the project, or `VersionNotFoundError`."""
        for model_id in self._models.get(project_id, {}):
            if version_id in self._versions[model_id]:
                return self._versions[model_id][version_id]
        raise VersionNotFoundError("Version not found")

    def move_version(self, project_id: str, version_id: str, model_id: str) -> Version:
        """Puts a version into another model. No time moves."""
        version = self.version(project_id, version_id)
        target = self.model(project_id, model_id)
        del self._versions[version.model_id][version_id]
        version.model_id = target.id
        self._versions[target.id][version_id] = version
        return version

    def delete_version(self, project_id: str, version_id: str) -> Version:
        """Forgets a version."""
        version = self.version(project_id, version_id)
        del self._versions[version.model_id][version_id]
        self.project(project_id).updated_at = self.now()
        return version

    def webhooks_of(self, project_id: str) -> list[Webhook]:
        """The webhooks of a project, which outlive it."""
        return [webhook for webhook in self.webhooks.values() if webhook.project_id == project_id]

    def backup(self) -> dict[str, Any]:
        """A copy of projects, models, versions, webhooks and objects, for `restore`."""
        return copy.deepcopy({name: getattr(self, name) for name in BACKED_UP})

    def restore(self, backup: dict[str, Any]) -> None:
        """Goes back to a backup, as an administrator does after a loss. Nobody is told."""
        for name, value in copy.deepcopy(backup).items():
            setattr(self, name, value)


def checked_name(name: str) -> str:
    """The name as a model keeps it: in lower case, its parts without spaces around or empty ones between.

    Raises:
        ModelNameError: A model cannot have this name.
    """
    stripped = "/".join(part.strip() for part in name.split("/") if part.strip())
    if not stripped:
        raise ModelNameError("Model name is required")
    if stripped[0] in "#$" or "," in stripped or "\\" in stripped:
        raise ModelNameError(NAME_RULE)
    return stripped.lower()

"""Mutations of projects, models and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.access import NO_ACCESS, check_role
from speckle2pg.sandbox.errors import (
    ForbiddenError,
    ProjectUpdateError,
    VersionCreateError,
    VersionUpdateError,
)

if TYPE_CHECKING:
    from speckle2pg.sandbox.context import Context, Info
    from speckle2pg.sandbox.entities import Model, Project, Version

NO_COLLABORATOR = (
    "Cannot grant permissions to users who aren't collaborators already - invite the user to the stream first"
)
PROJECT_FIELDS = {
    "name": "name",
    "description": "description",
    "visibility": "visibility",
    "allowPublicComments": "allow_public_comments",
}


def group(_root: Any, info: Info) -> dict[str, Any]:
    """A group of mutations: a token with the right to write is needed."""
    info.context.viewer.needs_token()
    info.context.viewer.needs_scope("streams:write")
    return {}


def version_group(_root: Any, info: Info) -> dict[str, Any]:
    """The mutations of versions: a token is needed."""
    info.context.viewer.needs_token()
    return {}


def create_project(
    _root: Any,
    info: Info,
    *,
    input: dict[str, Any] | None = None,  # noqa: A002 - the API's name
) -> Project:
    """Makes a project that the viewer owns."""
    given = {name: value for name, value in (input or {}).items() if value is not None}
    owner = info.context.world.users[info.context.viewer.user_id or ""]
    return info.context.actions.create_project(
        owner,
        given.get("name") or "Project",
        visibility=given.get("visibility", "PRIVATE"),
        description=given.get("description", ""),
    )


def update_project(_root: Any, info: Info, *, update: dict[str, Any]) -> Project:
    """Changes what is given of a project."""
    context = info.context
    check_role(context.world, update["id"], context.viewer, "stream:owner")
    changes = {PROJECT_FIELDS[k]: v for k, v in update.items() if k in PROJECT_FIELDS and v is not None}
    return context.actions.update_project(update["id"], changes, context.viewer.user_id)


def delete_project(_root: Any, info: Info, **arguments: str) -> bool:
    """Deletes a project."""
    context = info.context
    check_role(context.world, arguments["id"], context.viewer, "stream:owner")
    context.actions.delete_project(arguments["id"], context.viewer.user_id)
    return True


def update_role(_root: Any, info: Info, *, input: dict[str, Any]) -> Project:  # noqa: A002 - API
    """Gives a collaborator a role, or takes it away."""
    context = info.context
    project = check_role(context.world, input["projectId"], context.viewer, "stream:owner")
    if input["userId"] not in project.roles:
        raise ProjectUpdateError(NO_COLLABORATOR)
    context.world.set_role(project.id, input["userId"], input.get("role"))
    return project


def create_model(_root: Any, info: Info, *, input: dict[str, Any]) -> Model:  # noqa: A002 - API
    """Makes a model."""
    context = info.context
    check_role(context.world, input["projectId"], context.viewer, "stream:contributor")
    return context.actions.create_model(
        input["projectId"],
        input["name"],
        author_id=context.viewer.user_id,
        description=input.get("description"),
    )


def update_model(_root: Any, info: Info, *, input: dict[str, Any]) -> Model:  # noqa: A002 - API
    """Renames or describes a model."""
    context = info.context
    check_role(context.world, input["projectId"], context.viewer, "stream:contributor")
    return context.actions.update_model(
        input["projectId"],
        input["id"],
        name=input.get("name"),
        description=input.get("description"),
        user_id=context.viewer.user_id,
    )


def delete_model(_root: Any, info: Info, *, input: dict[str, Any]) -> bool:  # noqa: A002 - API
    """Deletes a model with its versions."""
    context = info.context
    check_role(context.world, input["projectId"], context.viewer, "stream:contributor")
    context.actions.delete_model(input["projectId"], input["id"], context.viewer.user_id)
    return True


def create_version(_root: Any, info: Info, *, input: dict[str, Any]) -> Version:  # noqa: A002 - API
    """Adds a version; its root must be there, its children need not."""
    context = info.context
    context.viewer.needs_scope("streams:write")
    project_id, root_id = input["projectId"], input["objectId"]
    check_role(context.world, project_id, context.viewer, "stream:contributor")
    if context.world.object_text(project_id, root_id) is None:
        raise VersionCreateError("Couldn't find commit object")
    if all(model.id != input["modelId"] for model in context.world.models_of(project_id)):
        raise VersionCreateError(f"Failed to find branch with id {input['modelId']}.")
    return context.actions.create_version(
        project_id,
        input["modelId"],
        root_id,
        author_id=context.viewer.user_id,
        message=input.get("message"),
        source_application=input.get("sourceApplication"),
        parents=tuple(input.get("parents") or ()),
    )


def update_version(_root: Any, info: Info, *, input: dict[str, Any]) -> Version:  # noqa: A002 - API
    """Gives a version another message."""
    context = info.context
    context.viewer.needs_scope("streams:write")
    _check_owned(context, input["projectId"], [input["versionId"]])
    if not input.get("message"):
        raise VersionUpdateError("Nothing to update")
    return context.actions.update_version(
        input["projectId"], input["versionId"], input["message"], context.viewer.user_id
    )


def delete_versions(_root: Any, info: Info, *, input: dict[str, Any]) -> bool:  # noqa: A002 - API
    """Deletes versions."""
    context = info.context
    context.viewer.needs_scope("streams:write")
    _check_owned(context, input["projectId"], input["versionIds"])
    context.actions.delete_versions(input["projectId"], input["versionIds"], context.viewer.user_id)
    return True


def move_versions(_root: Any, info: Info, *, input: dict[str, Any]) -> Model:  # noqa: A002 - API
    """Moves versions to the model of the given name."""
    context = info.context
    context.viewer.needs_scope("streams:write")
    _check_owned(context, input["projectId"], input["versionIds"])
    return context.actions.move_versions(
        input["projectId"], input["versionIds"], input["targetModelName"], context.viewer.user_id
    )


def mark_received(_root: Any, info: Info, *, input: dict[str, Any]) -> bool:  # noqa: A002 - API
    """Notes that the viewer received a version."""
    context = info.context
    check_role(context.world, input["projectId"], context.viewer, "stream:reviewer")
    context.actions.mark_received(
        input["projectId"],
        input["versionId"],
        input["sourceApplication"],
        input.get("message"),
        context.viewer.user_id or "",
    )
    return True


def _check_owned(context: Context, project_id: str, version_ids: list[str]) -> None:
    """A version may be changed by its author, and by an owner of the project."""
    project = check_role(context.world, project_id, context.viewer, "stream:contributor")
    if project.roles[context.viewer.user_id or ""] == "stream:owner":
        return
    versions = (context.world.version(project_id, version_id) for version_id in version_ids)
    if any(version.author_id != context.viewer.user_id for version in versions):
        raise ForbiddenError(NO_ACCESS)


RESOLVERS: dict[str, dict[str, Any]] = {
    "Mutation": {"projectMutations": group, "modelMutations": group, "versionMutations": version_group},
    "ProjectMutations": {
        "create": create_project,
        "update": update_project,
        "delete": delete_project,
        "updateRole": update_role,
    },
    "ModelMutations": {"create": create_model, "update": update_model, "delete": delete_model},
    "VersionMutations": {
        "create": create_version,
        "update": update_version,
        "delete": delete_versions,
        "moveToModel": move_versions,
        "markReceived": mark_received,
    },
}

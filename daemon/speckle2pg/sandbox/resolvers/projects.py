"""Reading the server, its users and its projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from speckle2pg.sandbox.access import check_readable
from speckle2pg.sandbox.entities import ALL_SCOPES, ROLE_WEIGHT
from speckle2pg.sandbox.resolvers.paging import page_of_projects
from speckle2pg.sandbox.resolvers.versions import source_slug

if TYPE_CHECKING:
    from speckle2pg.sandbox.context import Info
    from speckle2pg.sandbox.entities import Project, User

ALLOWED = {"authorized": True, "code": "OK", "message": "OK"}
REFUSED = {
    "authorized": False,
    "code": "ProjectNotEnoughPermissions",
    "message": "You do not have enough permissions in the project to perform this action",
}


def server_info(_root: Any, info: Info) -> dict[str, Any]:
    """What the server tells anybody about itself."""
    site = info.context.site
    return {
        "name": site.name,
        "company": "",
        "description": "A Speckle server inside a process, for tests and demonstrations.",
        "adminContact": "",
        "canonicalUrl": site.canonical_url,
        "termsOfService": "",
        "version": site.version,
        "inviteOnly": False,
        "guestModeEnabled": False,
        "scopes": [{"name": scope, "description": f"Allows {scope}."} for scope in ALL_SCOPES],
        "authStrategies": [],
        "configuration": {
            "objectSizeLimitBytes": 100 * 2**20,
            "objectMultipartUploadSizeLimitBytes": 100 * 2**20,
            "blobSizeLimitBytes": 100 * 2**20,
        },
        "migration": None,
        "workspaces": {"workspacesEnabled": False},
    }


def active_user(_root: Any, info: Info) -> User | None:
    """The viewer's account; null without a token."""
    info.context.viewer.needs_scope("profile:read")
    return info.context.world.users.get(info.context.viewer.user_id or "")


def other_user(_root: Any, info: Info, **arguments: str) -> User | None:
    """Somebody else's account, for those who are logged in."""
    info.context.viewer.needs_token()
    info.context.viewer.needs_scope("users:read")
    return info.context.world.users.get(arguments["id"])


def project(_root: Any, info: Info, **arguments: str) -> Project:
    """A project that the viewer may read, or the error that says why not."""
    info.context.viewer.needs_scope("streams:read")
    return check_readable(info.context.world, arguments["id"], info.context.viewer)


def user_email(user: User, info: Info) -> str | None:
    """The address, only for its owner."""
    return user.email if info.context.viewer.user_id == user.id else None


def user_projects(
    user: User,
    info: Info,
    *,
    limit: int,
    cursor: str | None = None,
    filter: dict[str, Any] | None = None,  # noqa: A002 - the API's name
    **_: Any,
) -> dict[str, Any]:
    """The projects in which the user has a role."""
    wanted = filter or {}
    roles = wanted.get("onlyWithRoles") or ROLE_WEIGHT
    search = (wanted.get("search") or "").lower()
    projects = [
        project
        for project in info.context.world.projects.values()
        if project.roles.get(user.id) in roles and search in project.name.lower()
    ]
    return page_of_projects(projects, limit, cursor)


def role(project: Project, info: Info) -> str | None:
    """The viewer's role in the project."""
    return project.roles.get(info.context.viewer.user_id or "")


def source_apps(project: Project, info: Info) -> list[str]:
    """The applications that the project's versions come from."""
    world = info.context.world
    versions = (v for model in world.models_of(project.id) for v in world.versions_of(model.id))
    return sorted({slug for version in versions if (slug := source_slug(version.source_application))})


def team(project: Project, info: Info) -> list[dict[str, Any]]:
    """The collaborators with their roles."""
    info.context.viewer.needs_scope("users:read")
    users = info.context.world.users
    return [{"id": key, "role": value, "user": users[key]} for key, value in project.roles.items()]


def permissions(project: Project, info: Info) -> dict[str, Any]:
    """What the viewer may do in the project."""
    weight = ROLE_WEIGHT.get(project.roles.get(info.context.viewer.user_id or "", ""), 0)
    needed = {"canCreateModel": 2, "canPublish": 2, "canDelete": 3, "canLoad": 0, "canRead": 0}
    return {name: ALLOWED if weight >= least else REFUSED for name, least in needed.items()}


def speckle_object(project: Project, info: Info, **arguments: str) -> dict[str, Any] | None:
    """One object of the project, or null."""
    text = info.context.world.object_text(project.id, arguments["id"])
    if text is None:
        return None
    data = msgspec.json.decode(text)
    return {
        "id": arguments["id"],
        "speckleType": data.get("speckle_type"),
        "createdAt": project.created_at,
        "totalChildrenCount": data.get("totalChildrenCount"),
        "data": data,
    }


def field(name: str) -> Any:
    """A resolver that reads the attribute `name`."""
    return lambda source, _info: getattr(source, name)


RESOLVERS: dict[str, dict[str, Any]] = {
    "Query": {
        "serverInfo": server_info,
        "activeUser": active_user,
        "otherUser": other_user,
        "project": project,
    },
    "User": {
        "email": user_email,
        "createdAt": field("created_at"),
        "projects": user_projects,
        "projectInvites": lambda _user, _info: [],
    },
    "Project": {
        "allowPublicComments": field("allow_public_comments"),
        "role": role,
        "createdAt": field("created_at"),
        "updatedAt": field("updated_at"),
        "workspaceId": lambda _project, _info: None,
        "sourceApps": source_apps,
        "team": team,
        "invitedTeam": lambda _project, _info: [],
        "permissions": permissions,
        "object": speckle_object,
    },
}

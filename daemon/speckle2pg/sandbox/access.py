"""Who is asking, and what that opens: tokens, scopes, roles, visibility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from speckle2pg.sandbox.entities import ROLE_WEIGHT
from speckle2pg.sandbox.errors import ForbiddenError, SpeckleError, UnauthorizedError

if TYPE_CHECKING:
    from speckle2pg.sandbox.entities import Project
    from speckle2pg.sandbox.world import World

INVALID_TOKEN = {"error": "Your token is not valid."}
NO_ACCESS = "You do not have access to the project"
NOT_AUTHORIZED = "You are not authorized to access this resource."


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who sent a request; without `user_id` nobody that the server knows."""

    user_id: str | None = None
    scopes: tuple[str, ...] = ()

    def needs_token(self) -> None:
        """Raises `UnauthorizedError` for an anonymous viewer."""
        if self.user_id is None:
            raise UnauthorizedError("Must provide an auth token")

    def needs_scope(self, scope: str) -> None:
        """Raises `ForbiddenError` where the viewer's token lacks the scope; no token passes."""
        if self.user_id is not None and scope not in self.scopes:
            raise ForbiddenError(f"Your auth token does not have the required scope: {scope}.", scope=scope)


ANONYMOUS = Viewer()


def viewer_of(world: World, token: str) -> Viewer | None:
    """The viewer behind a token; None where the token is unknown or revoked."""
    found = world.valid_token(token)
    return None if found is None else Viewer(found.user_id, found.scopes)


def is_public(project: Project) -> bool:
    """Whether everybody may read the project; unlisted is the old word for public."""
    return project.visibility in {"PUBLIC", "UNLISTED"}


def check_readable(world: World, project_id: str, viewer: Viewer) -> Project:
    """The project if the viewer may read it, whatever the scopes of the token.

    Raises:
        ProjectNotFoundError: There is none.
        ForbiddenError: The viewer has no role in a project that is not public.
    """
    project = world.project(project_id)
    if is_public(project):
        return project
    if viewer.user_id is None:
        raise ForbiddenError("You are not logged in to this server")
    if viewer.user_id not in project.roles:
        raise ForbiddenError(NO_ACCESS)
    return project


def check_role(world: World, project_id: str, viewer: Viewer, role: str) -> Project:
    """The project if the viewer has at least this role in it, or `check_readable`'s errors."""
    viewer.needs_token()
    project = world.project(project_id)
    held = project.roles.get(viewer.user_id or "")
    if held is None:
        raise ForbiddenError(NO_ACCESS)
    if ROLE_WEIGHT[held] < ROLE_WEIGHT[role]:
        raise ForbiddenError("You do not have enough permissions in the project to perform this action")
    return project


def may_read(world: World, project_id: str, viewer: Viewer) -> bool:
    """Whether the viewer may read the project now."""
    try:
        check_readable(world, project_id, viewer)
    except SpeckleError:
        return False
    return True

"""Who may reach the object endpoints; the old ones answer with bare statuses, the new one with JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speckle2pg.sandbox.access import check_readable, check_role, is_public
from speckle2pg.sandbox.errors import ProjectNotFoundError, SpeckleError
from speckle2pg.sandbox.front import json_reply
from speckle2pg.sandbox.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from speckle2pg.sandbox.access import Viewer
    from speckle2pg.sandbox.world import World

UNKNOWN_PROJECT = "Project ID is malformed and cannot be found, or the project does not exist"
NEEDS_SCOPE = "Your auth token does not have the required scope: streams:read."


def refusal_to_read(world: World, project_id: str, viewer: Viewer) -> Reply | None:
    """The old endpoints' refusal: 401 without access or token, 404 for an unknown project, no body."""
    project = world.projects.get(project_id)
    if project is not None and is_public(project):
        return None
    if viewer.user_id is None:
        return Reply(401, content_type="")
    if project is None:
        return Reply(404, content_type="")

    def check() -> object:
        viewer.needs_scope("streams:read")
        return check_readable(world, project_id, viewer)

    return _bare(check)


def refusal_to_write(world: World, project_id: str, viewer: Viewer) -> Reply | None:
    """The refusal of an upload or a diff: always 401, for an unknown project too."""

    def check() -> object:
        viewer.needs_scope("streams:write")
        return check_role(world, project_id, viewer, "stream:contributor")

    return _bare(check)


def refusal_to_stream(world: World, project_id: str, viewer: Viewer) -> Reply | None:
    """The object stream's refusal: 403 or 404 with a JSON body."""
    try:
        project = world.project(project_id)
        if not is_public(project) and "streams:read" not in viewer.scopes:
            return json_reply({"error": NEEDS_SCOPE}, 403)
        check_readable(world, project_id, viewer)
    except ProjectNotFoundError:
        return json_reply({"error": UNKNOWN_PROJECT}, 404)
    except SpeckleError as error:
        return json_reply({"error": str(error)}, 403)
    return None


def _bare(check: Callable[[], object]) -> Reply | None:
    try:
        check()
    except SpeckleError:
        return Reply(401, content_type="")
    return None

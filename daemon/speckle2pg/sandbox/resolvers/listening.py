"""Subscriptions: which events each field hears, and who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.access import may_read
from speckle2pg.sandbox.events import Event, Listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from speckle2pg.sandbox.context import Context, Info

# Each field with its argument for the project and the one that narrows it to a model or version.
ARGUMENTS: dict[str, tuple[str, str | None]] = {
    "projectVersionsUpdated": ("id", None),
    "projectModelsUpdated": ("id", "modelIds"),
    "projectUpdated": ("id", None),
    "commitCreated": ("streamId", None),
    "commitUpdated": ("streamId", "commitId"),
    "commitDeleted": ("streamId", None),
    "branchCreated": ("streamId", None),
    "branchUpdated": ("streamId", "branchId"),
    "branchDeleted": ("streamId", None),
}
# What servers before the project API did not have.
NEWER_FIELDS = ("projectVersionsUpdated", "projectModelsUpdated", "projectUpdated", "userProjectsUpdated")


def listen(_root: Any, info: Info, **arguments: Any) -> Listener:
    """Starts hearing a project's events; an unknown or unreadable project is silence, not an error."""
    context = info.context
    project_argument, part_argument = ARGUMENTS[info.field_name]
    project_id = arguments[project_argument]
    parts = arguments.get(part_argument) if part_argument else None
    return _opened(context, Listener(context.site.hub, (info.field_name, project_id), _filter(context, parts)))


def listen_to_user(_root: Any, info: Info) -> Listener:
    """Starts hearing of the viewer's new projects."""
    context = info.context
    key = (info.field_name, context.viewer.user_id or "")
    return _opened(context, Listener(context.site.hub, key, lambda _event: True))


def deliver(event: dict[str, Any] | None, info: Info, **_arguments: Any) -> Any:
    """What an event shows; a bad token, or one without the scope, is told of it only by an error."""
    info.context.viewer.needs_token()
    info.context.viewer.needs_scope("streams:read")
    # Over HTTP a subscription is executed like a query, and there is no event.
    return (event or {}).get(info.field_name)


def _opened(context: Context, listener: Listener) -> Listener:
    context.opened.append(listener)
    return listener


def _filter(context: Context, parts: str | list[str] | None) -> Callable[[Event], bool]:
    wanted = {parts} if isinstance(parts, str) else set(parts or ())

    def accepts(event: Event) -> bool:
        if wanted and event.part not in wanted:
            return False
        return may_read(context.world, event.about, context.viewer)

    return accepts

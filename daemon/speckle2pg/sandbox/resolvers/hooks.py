"""Webhooks of a project: reading them with their history, making, changing and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.access import NOT_AUTHORIZED, check_role
from speckle2pg.sandbox.entities import Webhook
from speckle2pg.sandbox.errors import ForbiddenError, WebhookCreateError

if TYPE_CHECKING:
    from speckle2pg.sandbox.context import Context, Info
    from speckle2pg.sandbox.entities import Project

WEBHOOK_LIMIT = 100


def webhooks(project: Project, info: Info, **arguments: str | None) -> dict[str, Any]:
    """The project's webhooks, or the one with the given id."""
    context = info.context
    context.viewer.needs_scope("streams:write")
    check_role(context.world, project.id, context.viewer, "stream:owner")
    wanted = arguments.get("id")
    found = [hook for hook in context.world.webhooks_of(project.id)[::-1] if wanted in (None, hook.id)]
    return {"totalCount": len(found), "items": found}


def history(webhook: Webhook, _info: Info, *, limit: int) -> dict[str, Any]:
    """The last deliveries, the newest first."""
    return {"totalCount": len(webhook.history), "items": webhook.history[::-1][:limit]}


def create(_root: Any, info: Info, *, webhook: dict[str, Any]) -> str:
    """Makes a webhook; the triggers are not checked."""
    context = _allowed(info, webhook["streamId"])
    if len(context.world.webhooks_of(webhook["streamId"])) >= WEBHOOK_LIMIT:
        raise WebhookCreateError(f"Maximum number of webhooks for a stream reached ({WEBHOOK_LIMIT})")
    made = Webhook(
        id=context.world.new_id(),
        project_id=webhook["streamId"],
        url=webhook["url"],
        triggers=tuple(webhook["triggers"]),
        secret=webhook.get("secret"),
        description=webhook.get("description"),
        enabled=webhook.get("enabled") is not False,
        created_at=context.world.now(),
        updated_at=context.world.now(),
    )
    context.world.webhooks[made.id] = made
    return made.id


def update(_root: Any, info: Info, *, webhook: dict[str, Any]) -> str:
    """Changes what is given; a webhook is enabled again unless told otherwise, as in the real server."""
    context = _allowed(info, webhook["streamId"])
    changed = _own(context, webhook)
    for name in ("url", "description", "secret"):
        if webhook.get(name) is not None:
            setattr(changed, name, webhook[name])
    if webhook.get("triggers") is not None:
        changed.triggers = tuple(webhook["triggers"])
    changed.enabled = webhook.get("enabled") is not False
    changed.updated_at = context.world.now()
    return changed.id


def delete(_root: Any, info: Info, *, webhook: dict[str, Any]) -> str:
    """Deletes a webhook."""
    context = _allowed(info, webhook["streamId"])
    return context.world.webhooks.pop(_own(context, webhook).id).id


def _allowed(info: Info, project_id: str) -> Context:
    context = info.context
    context.viewer.needs_token()
    context.viewer.needs_scope("streams:write")
    project = context.world.projects.get(project_id)
    if project is None or project.roles.get(context.viewer.user_id or "") != "stream:owner":
        raise ForbiddenError(NOT_AUTHORIZED)
    return context


def _own(context: Context, webhook: dict[str, Any]) -> Webhook:
    found = context.world.webhooks.get(webhook["id"])
    if found is None or found.project_id != webhook["streamId"]:
        raise ForbiddenError("The webhook id and stream id do not match. Please check your inputs.")
    return found


RESOLVERS: dict[str, dict[str, Any]] = {
    "Project": {"webhooks": webhooks},
    "Mutation": {"webhookCreate": create, "webhookUpdate": update, "webhookDelete": delete},
    "Webhook": {
        "streamId": lambda webhook, _info: webhook.project_id,
        "projectId": lambda webhook, _info: webhook.project_id,
        "hasSecret": lambda webhook, _info: bool(webhook.secret),
        "triggers": lambda webhook, _info: list(webhook.triggers),
        "history": history,
    },
    "WebhookEvent": {
        "webhookId": lambda delivery, _info: delivery.webhook_id,
        "statusInfo": lambda delivery, _info: delivery.status_info,
        "lastUpdate": lambda delivery, _info: delivery.last_update,
        "payload": lambda delivery, _info: delivery.payload.decode(),
        # The real table has no such column, so that asking for it makes the whole item null.
        "retryCount": lambda _delivery, _info: None,
    },
}

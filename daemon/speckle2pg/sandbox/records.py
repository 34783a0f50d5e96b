"""The database rows of the real server, as its older events and its webhooks show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from speckle2pg.sandbox.entities import Model, Project, User, Version, Webhook


def timestamp(moment: datetime) -> str:
    """The time as JavaScript's `toISOString` writes it: UTC with milliseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def version_record(version: Version) -> dict[str, Any]:
    """A row of `commits`."""
    return {
        "id": version.id,
        "referencedObject": version.referenced_object,
        "author": version.author_id,
        "message": version.message,
        "createdAt": timestamp(version.created_at),
        "sourceApplication": version.source_application,
        "totalChildrenCount": version.total_children_count,
        "parents": list(version.parents),
    }


def version_in_model(version: Version, model: Model) -> dict[str, Any]:
    """A row of `commits` with the project and model it belongs to."""
    names = {"streamId": version.project_id, "branchId": model.id, "branchName": model.name}
    return {**version_record(version), **names}


def creation_record(version: Version, model: Model) -> dict[str, Any]:
    """What `commitCreated` and the webhook `commit_create` say of a new version."""
    return {
        "authorId": version.author_id,
        "streamId": version.project_id,
        "branchId": model.id,
        "message": version.message,
        "sourceApplication": version.source_application,
        "objectId": version.referenced_object,
        "parents": list(version.parents),
        "branchName": model.name,
    }


def model_record(model: Model) -> dict[str, Any]:
    """A row of `branches`."""
    return {
        "id": model.id,
        "streamId": model.project_id,
        "authorId": model.author_id,
        "name": model.name,
        "description": model.description,
        "createdAt": timestamp(model.created_at),
        "updatedAt": timestamp(model.updated_at),
    }


def project_record(project: Project) -> dict[str, Any]:
    """A row of `streams`."""
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "clonedFrom": None,
        "createdAt": timestamp(project.created_at),
        "updatedAt": timestamp(project.updated_at),
        "allowPublicComments": project.allow_public_comments,
        "workspaceId": None,
        "regionKey": None,
        "visibility": project.visibility.lower(),
    }


def user_record(user: User) -> dict[str, Any]:
    """A row of `users` without what nobody else may see."""
    return {
        "id": user.id,
        "suuid": user.id,
        "createdAt": timestamp(user.created_at),
        "name": user.name,
        "bio": user.bio,
        "company": user.company,
        "avatar": user.avatar,
        "profiles": None,
        "ip": None,
        "verified": user.verified,
    }


def webhook_record(webhook: Webhook) -> dict[str, Any]:
    """A row of `webhooks_config` without the secret; the triggers are, as in the real one, their numbers."""
    return {
        "id": webhook.id,
        "streamId": webhook.project_id,
        "url": webhook.url,
        "description": webhook.description,
        "triggers": [str(number) for number in range(len(webhook.triggers))],
        "enabled": webhook.enabled,
        "createdAt": timestamp(webhook.created_at),
        "updatedAt": timestamp(webhook.updated_at),
    }

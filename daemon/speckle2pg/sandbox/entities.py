"""What a Speckle server keeps: users, tokens, projects, models, versions, webhooks.

Times are aware datetimes in UTC, cut to milliseconds as the server's clients see them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Visibility = Literal["PRIVATE", "PUBLIC", "UNLISTED", "WORKSPACE"]
Role = Literal["stream:owner", "stream:contributor", "stream:reviewer"]

ALL_SCOPES = (
    "streams:read",
    "streams:write",
    "profile:read",
    "profile:email",
    "profile:write",
    "users:read",
    "tokens:read",
    "tokens:write",
    "server:stats",
)
ROLE_WEIGHT: dict[str, int] = {"stream:reviewer": 1, "stream:contributor": 2, "stream:owner": 3}


@dataclass(slots=True)
class User:
    """A person with an account."""

    id: str
    name: str
    email: str
    created_at: datetime
    role: str = "server:user"
    company: str | None = None
    bio: str | None = None
    avatar: str | None = None
    verified: bool = True


@dataclass(slots=True)
class Token:
    """A personal access token; `scopes` limit what it opens."""

    value: str
    user_id: str
    scopes: tuple[str, ...]
    revoked: bool = False


@dataclass(slots=True)
class Project:
    """A project (stream): models, and the people who may see them."""

    id: str
    name: str
    description: str
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    roles: dict[str, Role] = field(default_factory=dict)
    allow_public_comments: bool = False


@dataclass(slots=True)
class Model:
    """A model (branch): a named sequence of versions."""

    id: str
    project_id: str
    name: str
    description: str | None
    author_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Version:
    """A version (commit): a pointer to a root object. `ordinal` is the order of insertion."""

    id: str
    project_id: str
    model_id: str
    referenced_object: str | None
    author_id: str | None
    message: str | None
    source_application: str | None
    created_at: datetime
    ordinal: int
    total_children_count: int = 1
    parents: tuple[str, ...] = ()


@dataclass(slots=True)
class Delivery:
    """One attempt to tell a webhook something. Status: 0 waiting, 1 on its way, 2 sent, 3 failed."""

    id: str
    webhook_id: str
    payload: bytes
    last_update: datetime
    status: int = 0
    status_info: str = "Pending"


@dataclass(slots=True)
class Webhook:
    """An address that is told of what happens in a project."""

    id: str
    project_id: str
    url: str
    triggers: tuple[str, ...]
    secret: str | None
    description: str | None
    enabled: bool
    created_at: datetime
    updated_at: datetime
    history: list[Delivery] = field(default_factory=list)

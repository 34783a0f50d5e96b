"""What the server says of projects, models and versions, as far as we ask."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Author(msgspec.Struct, frozen=True):
    """Author of a version."""

    name: str | None = None


class Version(msgspec.Struct, frozen=True, rename="camel"):
    """One version of a model; `created_at` has milliseconds."""

    id: str
    created_at: datetime
    referenced_object: str | None = None
    source_application: str | None = None
    message: str | None = None
    author_user: Author | None = None

    @property
    def order(self) -> tuple[datetime, str]:
        """The newest version is the greatest of these."""
        return (self.created_at, self.id)

    @property
    def author(self) -> str | None:
        """Name of the author, if the server tells."""
        return self.author_user.name if self.author_user else None


class VersionPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of versions, newest first."""

    items: list[Version]
    total_count: int = 0
    cursor: str | None = None


class Model(msgspec.Struct, frozen=True, rename="camel"):
    """A model with its newest versions."""

    id: str
    name: str
    versions: VersionPage
    description: str | None = None


class Project(msgspec.Struct, frozen=True, rename="camel"):
    """A project as `discover` lists it."""

    id: str
    name: str
    description: str | None = None
    role: str | None = None


class ServerInfo(msgspec.Struct, frozen=True, rename="camel"):
    """What a server says of itself; `canonical_url` is its identity."""

    name: str
    version: str | None = None
    canonical_url: str | None = None

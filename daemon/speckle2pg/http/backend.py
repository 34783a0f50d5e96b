"""What the routes ask of the daemon; the composition root puts the real thing here."""

from __future__ import annotations

from typing import Any, Protocol


class SyncAnswer(Protocol):
    """Result of a sync: elements present afterwards, and seconds."""

    @property
    def elements(self) -> int:
        """Elements present."""

    @property
    def seconds(self) -> float:
        """Seconds it took."""


class Backend(Protocol):
    """Requests to the daemon. What cannot be done raises a `RequestError`, what fails in passing a `RetryableError`."""

    async def sync(self, project_id: str, object_id: str | None = None) -> SyncAnswer:
        """Syncs now."""

    async def request_sync(self, project_id: str, object_id: str | None, actor: str) -> int:
        """Accepts a sync for later."""

    async def add_project(self, project_id: str, name: str | None, actor: str) -> tuple[dict[str, Any], bool]:
        """Registers a project; gives its row, and whether it is new."""

    async def status(self) -> dict[str, Any]:
        """Everything for people."""

    def parts(self) -> dict[str, Any]:
        """What is known without asking anybody."""

    async def database_answers(self) -> str | None:
        """None, or why not."""

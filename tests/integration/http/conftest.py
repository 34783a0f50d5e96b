"""A daemon with a project, and a client that talks to it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from speckle2pg.sandbox.bridge import sample_bridge
from support.daemon import ADMIN_TOKEN, make_settings, running_daemon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from speckle2pg.app import Daemon
    from speckle2pg.sandbox import SandboxServer

READ_TOKEN = "read-token-of-the-tests"


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and body of an answer."""

    status: int
    headers: Any
    body: Any

    def problem(self, status: int, *words: str) -> None:
        """Asserts that it is a problem document with a status and words of its sentence."""
        assert self.status == status, self.body
        assert self.headers["Content-Type"].startswith("application/problem+json")
        assert self.body["status"] == status
        assert self.body["title"]
        for word in words:
            assert word in self.body["detail"]


@dataclass(frozen=True, slots=True)
class Site:
    """A running daemon as its HTTP clients see it."""

    daemon: Daemon
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, *, token: str | None = ADMIN_TOKEN, **more: Any) -> Reply:
        """Sends a request."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        async with self.session.request(method, self.daemon.http.url + path, headers=headers, **more) as answer:
            is_json = "json" in answer.headers.get("Content-Type", "")
            return Reply(answer.status, answer.headers, await (answer.json() if is_json else answer.text()))

    async def post(self, path: str, body: Any, **more: Any) -> Reply:
        """Posts JSON."""
        return await self.ask("POST", path, json=body, **more)


@dataclass(frozen=True, slots=True)
class World:
    """A user of the sandbox with a token and a published project."""

    user: Any
    token: str
    project_id: str
    model_id: str


@pytest.fixture
async def world(sandbox: SandboxServer) -> World:
    """A project with the sample bridge's first version."""
    user = sandbox.world.add_user("Anna")
    project = sandbox.world.create_project(user, "Bridge")
    model = sandbox.world.create_model(project.id, "main structure")
    first = sample_bridge()[0]
    # Older than what a test publishes; within a millisecond the greater id would be the newer one.
    created_at = datetime.now(UTC) - timedelta(minutes=1)
    await sandbox.publish(project.id, model.id, first.root_id, objects=first.objects, created_at=created_at)
    return World(user, sandbox.world.add_token(user), project.id, model.id)


@pytest.fixture
def site(database_url: str, sandbox: SandboxServer, world: World) -> Callable[..., AbstractAsyncContextManager[Site]]:
    """Starts a daemon; settings may be given."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[Site]:
        values = {"read_token": READ_TOKEN, **settings}
        url = values.pop("database_url", database_url)
        made = make_settings(url, sandbox.url, values.pop("token", world.token), **values)
        async with running_daemon(made) as daemon, aiohttp.ClientSession() as session:
            yield Site(daemon, session)

    return start

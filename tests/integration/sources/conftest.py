"""A sandbox with somebody's projects, and quick pauses between connects."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from speckle2pg.sandbox import SandboxServer
from speckle2pg.sources import subscription

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from speckle2pg.sandbox.entities import User


@dataclass
class Site:
    """A server with a user and projects of hers."""

    server: SandboxServer
    user: User
    token: str

    def project(self) -> str:
        """Id of a new private project."""
        return str(self.server.world.create_project(self.user, "Bridge").id)

    def model(self, project: str, name: str = "m") -> str:
        """Id of a new model."""
        return str(self.server.world.create_model(project, name).id)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between connects are a tenth of what they are in earnest."""
    monkeypatch.setattr(subscription, "FIRST_PAUSE", 0.05)


async def turns_until(condition: Callable[[], bool]) -> None:
    """Lets the loop turn until a condition holds that nobody announces."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  (turns of the loop are what is waited for)
            await asyncio.sleep(0)


@pytest.fixture
async def site(sandbox: SandboxServer) -> Site:
    user = sandbox.world.add_user("Anna")
    return Site(sandbox, user, sandbox.world.add_token(user))


@pytest.fixture
async def older() -> AsyncIterator[Site]:
    async with SandboxServer(older=True) as server:
        user = server.world.add_user("Anna")
        yield Site(server, user, server.world.add_token(user))

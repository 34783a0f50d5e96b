"""A sandbox with a stocked project, and the HTTP adapter on it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from speckle2pg.speckle.http import SpeckleHTTP
from speckle2pg.speckle.objects import ObjectReader, Traffic
from speckle2pg.speckle.queries import SpeckleQueries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from speckle2pg.sandbox import SandboxServer


def oid(number: int) -> str:
    """An object id: 32 hexadecimal digits."""
    return f"{number:032x}"


@dataclass
class Client:
    """The adapter's parts, and whose project they read."""

    server: SandboxServer
    http: SpeckleHTTP
    project: str
    token: str

    def __post_init__(self) -> None:
        self.queries = SpeckleQueries(self.http)
        self.reader = ObjectReader(self.http)
        self.traffic = Traffic()

    async def read(self, ids: Iterable[str], project: str | None = None) -> dict[str, bytes]:
        """What came of these ids."""
        lines = self.reader.read(project or self.project, list(ids), self.traffic)
        return {object_id: payload async for object_id, payload in lines}

    def stock(self, count: int) -> list[str]:
        """Puts objects into the project and gives their ids."""
        objects = {oid(number): {"id": oid(number), "name": f"object {number}"} for number in range(count)}
        self.server.world.add_objects(self.project, objects)
        return list(objects)


@asynccontextmanager
async def client_of(server: SandboxServer, **options: Any) -> AsyncIterator[Client]:
    """A client with a token and a private project on a server."""
    user = server.world.add_user("Anna")
    token = server.world.add_token(user)
    project = server.world.create_project(user, "Bridge")
    async with SpeckleHTTP(server.url, lambda: token, **{"requests_per_second": 1000, **options}) as http:
        yield Client(server, http, project.id, token)


@pytest.fixture
async def client(sandbox: SandboxServer) -> AsyncIterator[Client]:
    """A client of a sandbox server."""
    async with client_of(sandbox) as opened:
        yield opened

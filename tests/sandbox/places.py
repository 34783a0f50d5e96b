"""People, projects and small clients for HTTP and websocket, for tests against a sandbox server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.sandbox.entities import Project

FENCE = "{serverInfo{name}}"
VERSIONS = "subscription($p:String!){projectVersionsUpdated(id:$p){id modelId type version{id message model{name}}}}"


def oid(number: int) -> str:
    """An object id: 32 hexadecimal digits."""
    return f"{number:032x}"


@dataclass
class Place:
    """A server with a private project of Anna's and a client that has her token."""

    server: SandboxServer
    project: Project
    token: str
    http: aiohttp.ClientSession

    async def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """The answer's JSON, whatever its status."""
        body = {"query": query, "variables": {"p": self.project.id, **variables}}
        async with self.http.post(f"{self.server.url}/graphql", json=body) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def data(self, query: str, **variables: Any) -> Any:
        """The answer's data; errors fail the test."""
        answer = await self.graphql(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def stream(self, *object_ids: str, **body: Any) -> tuple[int, bytes]:
        """What the object stream answers for these ids."""
        path = f"{self.server.url}/api/v2/projects/{self.project.id}/object-stream"
        async with self.http.post(path, json={"objectIds": list(object_ids), **body}) as response:
            return response.status, await response.read()


@dataclass
class Line:
    """A websocket spoken to by hand."""

    socket: aiohttp.ClientWebSocketResponse
    started: int = 0
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def init(self, token: str) -> None:
        """Sends the token and takes the acknowledgement and the first `ka`."""
        await self.socket.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        assert await self.socket.receive_json() == {"type": "connection_ack"}
        assert await self.socket.receive_json() == {"type": "ka"}

    async def start(self, query: str, **variables: Any) -> str:
        """Starts an operation and returns its id."""
        self.started += 1
        payload = {"query": query, "variables": variables}
        await self.socket.send_json({"type": "start", "id": str(self.started), "payload": payload})
        return str(self.started)

    async def fence(self) -> list[dict[str, Any]]:
        """Sends a query; returns what was heard before its answer, `ka` left out."""
        key = await self.start(FENCE)
        heard = []
        while (message := await self.socket.receive_json()).get("id") != key:
            heard.append(message)
        assert await self.socket.receive_json() == {"type": "complete", "id": key, "payload": None}
        return [message for message in heard if message["type"] != "ka"]

    async def event(self) -> dict[str, Any]:
        """The payload of the next message with data."""
        while (message := await self.socket.receive_json())["type"] != "data":
            pass
        payload: dict[str, Any] = message["payload"]
        return payload


@asynccontextmanager
async def line_to(place: Place, token: str | None = None) -> AsyncIterator[Line]:
    """A websocket that has sent a token."""
    url = f"{place.server.url}/graphql"
    async with place.http.ws_connect(url, protocols=("graphql-ws",)) as socket:
        line = Line(socket)
        await line.init(place.token if token is None else token)
        yield line


@asynccontextmanager
async def place_on(server: SandboxServer) -> AsyncIterator[Place]:
    """Anna, her token and her project on a server."""
    anna = server.world.add_user("Anna")
    token = server.world.add_token(anna)
    project = server.world.create_project(anna, "Bridge")
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        yield Place(server, project, token, http)

"""A person who works on a real Speckle server, over its plain HTTP and GraphQL."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_BATCH_BYTES = 20 * 2**20
_TRIES = 10

_CREATE_PROJECT = (
    "mutation ($name: String!) { projectMutations { create(input: {name: $name, visibility: PRIVATE}) { id } } }"
)
_DELETE_PROJECT = "mutation ($id: String!) { projectMutations { delete(id: $id) } }"
_CREATE_MODEL = "mutation ($input: CreateModelInput!) { modelMutations { create(input: $input) { id } } }"
_UPDATE_MODEL = "mutation ($input: UpdateModelInput!) { modelMutations { update(input: $input) { id } } }"
_CREATE_VERSION = "mutation ($input: CreateVersionInput!) { versionMutations { create(input: $input) { id } } }"
_DELETE_VERSIONS = "mutation ($input: DeleteVersionsInput!) { versionMutations { delete(input: $input) } }"


@dataclass(frozen=True, slots=True)
class Person:
    """Makes projects, models and versions; keeps to the server's rate limits.

    Attributes:
        url: The server.
        session: With the token in its headers.
    """

    url: str
    session: aiohttp.ClientSession

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Runs a GraphQL operation; asks again when the server says that it was too often."""
        for _ in range(_TRIES):
            async with self.session.post(
                f"{self.url}/graphql", json={"query": query, "variables": variables}
            ) as answer:
                if answer.status == 429:
                    await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
                    continue
                body = await answer.json()
                assert "errors" not in body, body["errors"]
                return dict(body["data"])
        raise AssertionError("the server's rate limit did not end")

    @asynccontextmanager
    async def project(self, name: str) -> AsyncIterator[str]:
        """A project for the block; it is deleted at the end."""
        made = await self.ask(_CREATE_PROJECT, name=name)
        project_id = made["projectMutations"]["create"]["id"]
        try:
            yield project_id
        finally:
            await self.ask(_DELETE_PROJECT, id=project_id)

    async def create_model(self, project_id: str, name: str) -> str:
        """Makes a model and gives its id."""
        made = await self.ask(_CREATE_MODEL, input={"projectId": project_id, "name": name})
        return str(made["modelMutations"]["create"]["id"])

    async def rename_model(self, project_id: str, model_id: str, name: str) -> None:
        """Gives a model another name."""
        await self.ask(_UPDATE_MODEL, input={"projectId": project_id, "id": model_id, "name": name})

    async def publish(self, project_id: str, model_id: str, root_id: str, objects: Mapping[str, bytes]) -> str:
        """Uploads objects, publishes a version of them and gives its id."""
        await self.upload(project_id, list(objects.values()))
        made = await self.ask(
            _CREATE_VERSION,
            input={"projectId": project_id, "modelId": model_id, "objectId": root_id, "sourceApplication": "tests"},
        )
        return str(made["versionMutations"]["create"]["id"])

    async def delete_version(self, project_id: str, version_id: str) -> None:
        """Deletes a version."""
        await self.ask(_DELETE_VERSIONS, input={"projectId": project_id, "versionIds": [version_id]})

    async def knows(self, project_id: str, object_ids: set[str]) -> set[str]:
        """Which of these objects the server's own viewer would open."""
        query = "query ($id: String!, $ids: String!) { project(id: $id) { viewerResources(resourceIdString: $ids) "
        query += "{ items { objectId } } } }"
        found = await self.ask(query, id=project_id, ids=",".join(object_ids))
        return {item["objectId"] for group in found["project"]["viewerResources"] for item in group["items"]}

    async def upload(self, project_id: str, objects: list[bytes]) -> None:
        """Sends objects in batches that the server takes."""
        batch: list[bytes] = []
        for text in objects:
            batch.append(text)
            if sum(map(len, batch)) > _BATCH_BYTES:
                await self._send(project_id, batch)
                batch = []
        if batch:
            await self._send(project_id, batch)

    async def _send(self, project_id: str, batch: list[bytes]) -> None:
        content = gzip.compress(b"[" + b",".join(batch) + b"]", compresslevel=1)
        form = aiohttp.FormData()
        form.add_field("batch-1", content, filename="batch-1", content_type="application/gzip")
        async with self.session.post(f"{self.url}/objects/{project_id}", data=form) as answer:
            assert answer.status == 201, await answer.text()


@asynccontextmanager
async def person(url: str, token: str) -> AsyncIterator[Person]:
    """Somebody with a token."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        yield Person(url.rstrip("/"), session)

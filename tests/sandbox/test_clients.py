"""The real clients work with the sandbox: specklepy publishes and receives, gql subscribes."""

# specklepy ships no types.
# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from specklepy.api import operations
from specklepy.api.client import SpeckleClient
from specklepy.api.inputs.model_inputs import CreateModelInput, UpdateModelInput
from specklepy.api.inputs.project_inputs import ProjectCreateInput
from specklepy.api.inputs.version_inputs import (
    CreateVersionInput,
    DeleteVersionsInput,
    MarkReceivedVersionInput,
    MoveVersionsInput,
    UpdateVersionInput,
)
from specklepy.objects.base import Base
from specklepy.transports.memory import MemoryTransport
from specklepy.transports.server import ServerTransport

from sandbox.places import VERSIONS, oid
from speckle2pg.sandbox.routes import DIFF, GET_OBJECTS, SINGLE_OBJECT, UPLOAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from specklepy.api.enums import ProjectVisibility
    from specklepy.api.models import Project, Version

    from sandbox.places import Place

pytestmark = [
    # specklepy's JSON pipeline is deprecated by its makers, and its sessions are never closed.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Lets specklepy's unclosed sessions be collected where their warnings are ignored."""
    yield
    gc.collect()


def logged_in(place: Place) -> SpeckleClient:
    client = SpeckleClient(host=place.server.url.removeprefix("http://"), use_ssl=False)
    client.authenticate_with_token(place.token)
    return client


def sample_base() -> Base:
    root = Base()
    root.name, root.count = "Мост", 3
    beams = [Base() for _ in range(3)]
    for number, beam in enumerate(beams):
        beam.name, beam.length = f"Балка {number}", number * 1.5
    root["@elements"] = beams
    return root


def send(client: SpeckleClient, project_id: str, base: Base) -> str:
    transport = ServerTransport(stream_id=project_id, client=client)
    root_id: str = operations.send(base, [transport], use_default_cache=False)
    return root_id


async def test_specklepy_publishes_and_receives(place: Place) -> None:
    def publish() -> tuple[Project, Version, str, Base]:
        client = logged_in(place)
        visibility: ProjectVisibility | None = None
        made = client.project.create(ProjectCreateInput(name="By specklepy", description=None, visibility=visibility))
        model = client.model.create(CreateModelInput(name="Frame", project_id=made.id))
        root_id = send(client, made.id, sample_base())
        version = client.version.create(
            CreateVersionInput(object_id=root_id, model_id=model.id, project_id=made.id, message="first")
        )
        client.version.received(
            MarkReceivedVersionInput(version_id=version.id, project_id=made.id, source_application="test")
        )
        models = client.model.get_models(made.id)
        assert [found.name for found in models.items] == ["frame"]
        versions = client.version.get_versions(model.id, made.id)
        assert [found.id for found in versions.items] == [version.id]
        transport = ServerTransport(stream_id=made.id, client=client)
        return made, version, root_id, operations.receive(root_id, transport, MemoryTransport())

    project, version, root_id, received = await asyncio.to_thread(publish)
    assert received.name == "Мост"
    assert [element.length for element in received["@elements"]] == [0, 1.5, 3]
    assert version.referenced_object == root_id
    assert version.source_application == "py"
    assert place.server.world.project(project.id).name == "By specklepy"
    counts = place.server.counts.requests
    assert counts[DIFF] == counts[UPLOAD] == counts[SINGLE_OBJECT] == counts[GET_OBJECTS] == 1


async def test_specklepy_sends_nothing_that_is_known(place: Place) -> None:
    def send_twice() -> None:
        client = logged_in(place)
        assert send(client, place.project.id, sample_base()) == send(client, place.project.id, sample_base())

    await asyncio.to_thread(send_twice)
    assert place.server.counts.requests[DIFF] == 2
    assert place.server.counts.requests[UPLOAD] == 1


async def test_specklepy_changes_moves_and_deletes(place: Place) -> None:
    version = await place.server.publish(place.project.id, "m", oid(1))
    project_id = place.project.id

    def change() -> None:
        client = logged_in(place)
        client.version.update(UpdateVersionInput(version_id=version.id, project_id=project_id, message="changed"))
        client.model.update(UpdateModelInput(id=version.model_id, project_id=project_id, name="renamed"))
        target = client.version.move_to_model(
            MoveVersionsInput(project_id=project_id, version_ids=[version.id], target_model_name="other")
        )
        assert client.version.get(version.id, project_id).message == "changed"
        assert client.model.get(target, project_id).name == "other"
        assert client.project.get_with_team(project_id).team[0].role == "stream:owner"
        assert client.active_user.get_projects().items[0].id == project_id
        client.version.delete(DeleteVersionsInput(project_id=project_id, version_ids=[version.id]))
        client.project.delete(project_id)

    await asyncio.to_thread(change)
    assert place.server.world.projects == {}


async def test_gql_subscribes_and_fences_on_one_socket(place: Place) -> None:
    transport = WebsocketsTransport(
        url=place.server.url.replace("http", "ws") + "/graphql",
        init_payload={"Authorization": f"Bearer {place.token}"},
    )
    heard: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    async with Client(transport=transport) as session:

        async def listen() -> None:
            request = gql(VERSIONS)
            request.variable_values = {"p": place.project.id}
            async for event in session.subscribe(request):
                heard.put_nowait(event["projectVersionsUpdated"])

        listening = asyncio.create_task(listen())
        await place.server.counts.until(lambda counts: counts.subscriptions == 1)
        assert await session.execute(gql("{serverInfo{name}}"))
        version = await place.server.publish(place.project.id, "m", oid(1))
        assert (await heard.get())["id"] == version.id
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert transport.subprotocol == "graphql-ws"
    await place.server.counts.until(lambda counts: counts.disconnects == 1)

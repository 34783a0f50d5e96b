"""Webhooks are signed, delivered once, one at a time, in the forms of today's and older servers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from sandbox.places import oid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.places import Place

CREATE = "mutation($w:WebhookCreateInput!){webhookCreate(webhook:$w)}"
HISTORY = (
    "query($p:String!){project(id:$p){webhooks{items{id hasSecret history(limit:5)"
    "{totalCount items{status statusInfo}}}}}}"
)
SECRET = "открытый секрет"


@dataclass
class Receiver:
    """Somebody's HTTP server that takes webhooks; `gate` holds its answers back."""

    url: str = ""
    status: int = 200
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        """Keeps a delivery and answers when the gate is open."""
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        self.arrived.set()
        await self.gate.wait()
        return web.Response(status=self.status)

    def event(self, number: int = -1) -> dict[str, Any]:
        """The event in a delivery of today's form."""
        found: dict[str, Any] = json.loads(self.bodies[number])["payload"]["event"]
        return found


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    receiver.gate.set()
    application = web.Application()
    application.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        receiver.gate.set()
        await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


async def hook(place: Place, receiver: Receiver, *triggers: str, **more: Any) -> str:
    given = {"streamId": place.project.id, "url": receiver.url, "triggers": list(triggers), **more}
    made: str = (await place.data(CREATE, w=given))["webhookCreate"]
    return made


async def test_a_version_is_announced_with_a_signature_of_the_raw_body(place: Place, receiver: Receiver) -> None:
    await hook(place, receiver, "commit_create", secret=SECRET)
    version = await place.server.publish(place.project.id, "m", oid(1), message="привет")
    await place.server.webhooks.settled()
    (body,), (headers,) = receiver.bodies, receiver.headers
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-WEBHOOK-SIGNATURE"] == digest
    assert headers["User-Agent"].startswith("node-fetch/1.0")
    assert "привет".encode() in body
    data = receiver.event()["data"]
    assert data["id"] == data["commit"]["versionId"] == version.id
    assert data["commit"]["modelId"] == data["commit"]["branchId"] == version.model_id


async def test_without_a_secret_it_is_signed_with_an_empty_one(place: Place, receiver: Receiver) -> None:
    await hook(place, receiver, "commit_create")
    await place.server.publish(place.project.id, "m", oid(1))
    await place.server.webhooks.settled()
    digest = hmac.new(b"", receiver.bodies[0], hashlib.sha256).hexdigest()
    assert receiver.headers[0]["X-WEBHOOK-SIGNATURE"] == digest


async def test_each_kind_of_change_has_its_trigger(place: Place, receiver: Receiver) -> None:
    names = ("branch_create", "branch_update", "branch_delete", "commit_create", "commit_update")
    await hook(place, receiver, *names, "commit_delete", "commit_move", "stream_update", "stream_delete")
    project_id, server = place.project.id, place.server
    version = await server.publish(project_id, "m", oid(1))
    await server.update_version(project_id, version.id, "two")
    await server.move_version(project_id, version.id, "n")
    await server.delete_version(project_id, version.id)
    model = await server.create_model(project_id, "o")
    await server.rename_model(project_id, model.id, "q")
    await server.delete_model(project_id, model.id)
    await server.update_project(project_id, name="P")
    await server.delete_project(project_id)
    await server.webhooks.settled()
    assert [receiver.event(number)["event_name"] for number in range(len(receiver.bodies))] == [
        *("branch_create", "commit_create", "commit_update", "commit_move", "commit_delete"),
        *("branch_create", "branch_update", "branch_delete", "stream_update", "stream_delete"),
    ]


async def test_the_string_form_signs_what_it_sends(place: Place, receiver: Receiver) -> None:
    place.server.webhooks.form = "string"
    await hook(place, receiver, "commit_create", secret="s")
    version = await place.server.publish(place.project.id, "m", oid(1))
    await place.server.webhooks.settled()
    payload = json.loads(json.loads(receiver.bodies[0])["payload"])
    assert payload["event"]["data"]["id"] == version.id
    digest = hmac.new(b"s", receiver.bodies[0], hashlib.sha256).hexdigest()
    assert receiver.headers[0]["X-WEBHOOK-SIGNATURE"] == digest


async def test_the_adapters_form_has_the_event_alone(place: Place, receiver: Receiver) -> None:
    place.server.webhooks.form = "adapter"
    await hook(place, receiver, "commit_create", secret="s")
    version = await place.server.publish(place.project.id, "Mm", oid(1))
    await place.server.webhooks.settled()
    data = {"streamId": place.project.id, "commitId": version.id, "branchName": "mm"}
    assert json.loads(receiver.bodies[0]) == {"event": {"event_name": "commit_create", "data": data}}
    digest = hmac.new(b"s", receiver.bodies[0], hashlib.sha256).hexdigest()
    assert receiver.headers[0]["X-Speckle-Signature"] == digest


async def test_a_failure_is_in_the_history_and_is_not_tried_again(place: Place, receiver: Receiver) -> None:
    await hook(place, receiver, "commit_create", secret="s")
    receiver.status = 500
    await place.server.publish(place.project.id, "m", oid(1))
    await place.server.webhooks.settled()
    receiver.status = 202
    await place.server.publish(place.project.id, "m", oid(2))
    await place.server.webhooks.settled()
    (item,) = (await place.data(HISTORY))["project"]["webhooks"]["items"]
    assert item["hasSecret"] is True
    assert [entry["status"] for entry in item["history"]["items"]] == [2, 3]
    assert len(receiver.bodies) == 2


async def test_asking_for_the_retry_count_makes_the_items_null(place: Place, receiver: Receiver) -> None:
    await hook(place, receiver, "commit_create")
    await place.server.publish(place.project.id, "m", oid(1))
    await place.server.webhooks.settled()
    answer = await place.graphql(HISTORY.replace("status ", "retryCount "))
    (item,) = answer["data"]["project"]["webhooks"]["items"]
    assert item["history"]["items"] == [None]


async def test_deliveries_go_one_at_a_time_and_time_out(place: Place, receiver: Receiver) -> None:
    place.server.webhooks.timeout = 0.05
    receiver.gate.clear()
    await hook(place, receiver, "commit_create")
    for number in range(2):
        await place.server.publish(place.project.id, "m", oid(number))
    await receiver.arrived.wait()
    assert len(receiver.bodies) == 1
    await place.server.counts.until(lambda counts: counts.deliveries == 1)
    receiver.gate.set()
    await place.server.webhooks.settled()
    (item,) = (await place.data(HISTORY))["project"]["webhooks"]["items"]
    assert [entry["status"] for entry in item["history"]["items"]] == [2, 3]


async def test_private_addresses_can_be_refused(place: Place, receiver: Receiver) -> None:
    place.server.webhooks.allow_local_network = False
    await hook(place, receiver, "commit_create")
    await place.server.publish(place.project.id, "m", oid(1))
    await place.server.webhooks.settled()
    (item,) = (await place.data(HISTORY))["project"]["webhooks"]["items"]
    assert "ALLOW_LOCAL_NETWORK" in item["history"]["items"][0]["statusInfo"]
    assert receiver.bodies == []


async def test_a_webhook_is_changed_and_deleted_by_the_owner_only(place: Place, receiver: Receiver) -> None:
    key = await hook(place, receiver, "commit_create")
    given = {"id": key, "streamId": place.project.id, "enabled": False, "secret": "new"}
    await place.data("mutation($w:WebhookUpdateInput!){webhookUpdate(webhook:$w)}", w=given)
    await place.server.publish(place.project.id, "m", oid(1))
    await place.server.webhooks.settled()
    assert receiver.bodies == []
    bob = place.server.world.add_user("Bob")
    gone = {"id": key, "streamId": place.project.id}
    query = "mutation($w:WebhookDeleteInput!){webhookDelete(webhook:$w)}"
    headers = dict(place.http.headers)
    place.http.headers["Authorization"] = f"Bearer {place.server.world.add_token(bob)}"
    refused = await place.graphql(query, w=gone)
    assert refused["errors"][0]["message"] == "You are not authorized to access this resource."
    place.http.headers.update(headers)
    assert await place.data(query, w=gone) == {"webhookDelete": key}
    assert place.server.world.webhooks == {}

"""Websockets speak Apollo's old protocol, with the real server's events and its silences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from sandbox.places import VERSIONS, Line, line_to, oid, place_on
from speckle2pg.sandbox import Fault, SandboxServer

if TYPE_CHECKING:
    from sandbox.places import Place

MODELS = "subscription($p:String!){projectModelsUpdated(id:$p){id type model{name}}}"
CREATED = "subscription($p:String!){commitCreated(streamId:$p)}"
DELETED = "subscription($p:String!){commitDeleted(streamId:$p)}"


def kinds(heard: list[dict[str, Any]], field: str = "projectVersionsUpdated") -> list[tuple[str, str]]:
    events = [message["payload"]["data"][field] for message in heard]
    return [(event["type"], event["id"]) for event in events]


@pytest.mark.parametrize(
    ("offered", "code"),
    [
        (("graphql-transport-ws",), 1002),
        (("graphql-transport-ws", "graphql-ws"), 1002),
        ((), 1002),
    ],
)
async def test_other_protocols_are_accepted_and_closed(place: Place, offered: tuple[str, ...], code: int) -> None:
    url = f"{place.server.url}/graphql"
    async with place.http.ws_connect(url, protocols=offered) as socket:
        assert socket.protocol == (offered[0] if offered else None)
        assert (await socket.receive()).data == code


async def test_the_apollo_protocol_first_works(place: Place) -> None:
    url = f"{place.server.url}/graphql"
    async with place.http.ws_connect(url, protocols=("graphql-ws", "graphql-transport-ws")) as socket:
        line = Line(socket)
        await line.init(place.token)
        assert await line.fence() == []


async def test_without_a_token_the_socket_is_closed_with_1011(place: Place) -> None:
    url = f"{place.server.url}/graphql"
    async with place.http.ws_connect(url, protocols=("graphql-ws",)) as socket:
        await socket.send_json({"type": "connection_init", "payload": {}})
        error = await socket.receive_json()
        assert error["type"] == "connection_error"
        assert (await socket.receive()).data == 1011


async def test_each_change_of_a_version_is_one_event(place: Place) -> None:
    async with line_to(place) as line:
        await line.start(VERSIONS, p=place.project.id)
        await line.fence()
        version = await place.server.publish(place.project.id, "Model", oid(1), message="one")
        created = await line.event()
        assert created["data"]["projectVersionsUpdated"] == {
            "id": version.id,
            "modelId": version.model_id,
            "type": "CREATED",
            "version": {"id": version.id, "message": "one", "model": {"name": "model"}},
        }
        await place.server.update_version(place.project.id, version.id, "two")
        await place.server.delete_version(place.project.id, version.id)
        heard = await line.fence()
        assert kinds(heard) == [("UPDATED", version.id), ("DELETED", version.id)]
        assert heard[1]["payload"]["data"]["projectVersionsUpdated"]["version"] is None


async def test_mutations_over_http_are_heard_alike(place: Place) -> None:
    place.server.world.add_objects(place.project.id, {oid(1): {"id": oid(1)}})
    model = place.server.world.create_model(place.project.id, "m")
    given = {"projectId": place.project.id, "modelId": model.id, "objectId": oid(1), "message": "hi"}
    async with line_to(place) as line:
        await line.start(CREATED, p=place.project.id)
        await line.fence()
        data = await place.data("mutation($i:CreateVersionInput!){versionMutations{create(input:$i){id}}}", i=given)
        event = (await line.event())["data"]["commitCreated"]
    assert event["id"] == data["versionMutations"]["create"]["id"]
    assert set(event) == {
        *("authorId", "streamId", "branchId", "message", "sourceApplication"),
        *("objectId", "parents", "branchName", "id"),
    }


async def test_a_move_names_only_the_new_model(place: Place) -> None:
    version = await place.server.publish(place.project.id, "old", oid(1))
    async with line_to(place) as line:
        await line.start(VERSIONS, p=place.project.id)
        await line.start(MODELS, p=place.project.id)
        await line.fence()
        target = await place.server.move_version(place.project.id, version.id, "new")
        (heard,) = await line.fence()
    event = heard["payload"]["data"]["projectVersionsUpdated"]
    assert (event["type"], event["modelId"]) == ("UPDATED", target.id)


async def test_a_deleted_model_takes_its_versions_without_a_version_event(place: Place) -> None:
    version = await place.server.publish(place.project.id, "m", oid(1))
    async with line_to(place) as line:
        await line.start(VERSIONS, p=place.project.id)
        await line.start(MODELS, p=place.project.id)
        await line.fence()
        await place.server.delete_model(place.project.id, version.model_id)
        heard = await line.fence()
    assert [message["payload"]["data"] for message in heard] == [
        {"projectModelsUpdated": {"id": version.model_id, "type": "DELETED", "model": None}}
    ]


async def test_a_deleted_project_is_silence(place: Place) -> None:
    await place.server.publish(place.project.id, "m", oid(1))
    async with line_to(place) as line:
        for query in (VERSIONS, MODELS, DELETED):
            await line.start(query, p=place.project.id)
        await line.start("subscription($p:String!){projectUpdated(id:$p){type}}", p=place.project.id)
        await line.fence()
        await place.server.delete_project(place.project.id)
        assert await line.fence() == []


async def test_a_bad_token_an_unknown_and_an_unreadable_project_are_silence(place: Place) -> None:
    bob = place.server.world.add_user("Bob")
    foreign = place.server.world.create_project(bob, "Bob's")
    async with line_to(place, "nonsense") as bad, line_to(place) as good:
        await bad.start(VERSIONS, p=place.project.id)
        await good.start(VERSIONS, p=foreign.id)
        await good.start(VERSIONS, p="0000000000")
        await bad.fence()
        await good.fence()
        await place.server.publish(place.project.id, "m", oid(1))
        await place.server.publish(foreign.id, "m", oid(1))
        assert await bad.fence() == []
        assert await good.fence() == []


async def test_a_bad_token_hears_of_a_public_project_by_errors(place: Place) -> None:
    await place.server.update_project(place.project.id, visibility="PUBLIC")
    async with line_to(place, "nonsense") as line:
        await line.start(VERSIONS, p=place.project.id)
        await line.fence()
        await place.server.publish(place.project.id, "m", oid(1))
        payload = await line.event()
    assert payload["data"] is None
    assert payload["errors"][0]["message"] == "Must provide an auth token"
    assert "extensions" not in payload["errors"][0]


async def test_access_is_checked_anew_at_each_event_but_not_the_token(place: Place) -> None:
    bob = place.server.world.add_user("Bob")
    token = place.server.world.add_token(bob)
    async with line_to(place, token) as line:
        await line.start(VERSIONS, p=place.project.id)
        await line.fence()
        await place.server.publish(place.project.id, "m", oid(1))
        assert await line.fence() == []
        place.server.world.set_role(place.project.id, bob.id, "stream:reviewer")
        place.server.world.revoke_token(token)
        version = await place.server.publish(place.project.id, "m", oid(2))
        assert kinds(await line.fence()) == [("CREATED", version.id)]
        place.server.world.set_role(place.project.id, bob.id, None)
        await place.server.publish(place.project.id, "m", oid(3))
        assert await line.fence() == []


async def test_an_older_server_knows_only_the_old_subscriptions() -> None:
    async with SandboxServer(older=True) as server, place_on(server) as place, line_to(place) as line:
        key = await line.start(VERSIONS, p=place.project.id)
        answer, complete = await line.fence()
        assert answer["type"] == "data"
        assert answer["payload"]["errors"][0]["message"].startswith('Cannot query field "projectVersionsUpdated"')
        assert complete == {"type": "complete", "id": key, "payload": None}
        await line.start(CREATED, p=place.project.id)
        await line.fence()
        version = await server.publish(place.project.id, "m", oid(1))
        assert (await line.event())["data"]["commitCreated"]["id"] == version.id


async def test_stop_completes_a_subscription_and_the_next_event_is_not_heard(place: Place) -> None:
    async with line_to(place) as line:
        key = await line.start(VERSIONS, p=place.project.id)
        await line.fence()
        await line.socket.send_json({"type": "stop", "id": key})
        assert await line.fence() == [{"type": "complete", "id": key, "payload": None}]
        await place.server.publish(place.project.id, "m", oid(1))
        assert await line.fence() == []
        assert place.server.site.hub.subscriptions == 0


async def test_what_cannot_be_understood_is_answered_and_the_socket_stays(place: Place) -> None:
    async with line_to(place) as line:
        await line.socket.send_str("not json")
        assert (await line.socket.receive_json())["type"] == "connection_error"
        await line.socket.send_json({"type": "subscribe", "id": "9"})
        message = {"message": "Invalid message type!"}
        assert await line.socket.receive_json() == {"type": "error", "id": "9", "payload": message}
        key = await line.start("subscription{")
        assert (await line.fence())[0]["id"] == key


async def test_ka_comes_again_and_again() -> None:
    async with (
        SandboxServer(ka_interval=0.02) as server,
        place_on(server) as place,
        line_to(place) as line,
    ):
        for _ in range(3):
            assert await line.socket.receive_json() == {"type": "ka"}


async def test_many_at_once_can_come_in_another_order(place: Place) -> None:
    async with line_to(place) as line:
        await line.start(VERSIONS, p=place.project.id)
        await line.fence()
        with place.server.site.hub.out_of_order():
            made = [await place.server.publish(place.project.id, "m", oid(n)) for n in range(5)]
        assert [key for _, key in kinds(await line.fence())] == [version.id for version in made[::-1]]


async def test_sockets_drop_without_a_close_frame(place: Place) -> None:
    async with line_to(place) as line:
        place.server.sockets.abort_all()
        assert (await line.socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert line.socket.close_code == 1006
        await place.server.counts.until(lambda counts: counts.disconnects == 1)
        assert len(place.server.sockets) == 0


async def test_sockets_close_with_a_code(place: Place) -> None:
    async with line_to(place) as line:
        await place.server.sockets.close_all(4400, "go away")
        message = await line.socket.receive()
        assert (message.data, message.extra) == (4400, "go away")


async def test_half_open_sockets_hear_nothing_and_what_was_missed_is_lost() -> None:
    async with SandboxServer() as server, place_on(server) as place, line_to(place) as line:
        await line.start(VERSIONS, p=place.project.id)
        await line.fence()
        server.sockets.silence(True)
        await server.publish(place.project.id, "m", oid(1))
        server.sockets.silence(False)
        version = await server.publish(place.project.id, "m", oid(2))
        assert kinds(await line.fence()) == [("CREATED", version.id)]


@pytest.mark.parametrize("after_ack", [False, True])
async def test_a_handshake_can_be_accepted_and_then_closed(place: Place, after_ack: bool) -> None:  # noqa: FBT001 - a parameter of the test
    place.server.faults.add(Fault(websocket=True, close=1013, after_ack=after_ack, times=1))
    url = f"{place.server.url}/graphql"
    async with place.http.ws_connect(url, protocols=("graphql-ws",)) as socket:
        if after_ack:
            await Line(socket).init(place.token)
        assert (await socket.receive()).data == 1013
    async with line_to(place) as line:
        assert await line.fence() == []


async def test_a_handshake_can_be_refused(place: Place) -> None:
    place.server.faults.add(Fault(websocket=True, status=503))
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        await place.http.ws_connect(f"{place.server.url}/graphql", protocols=("graphql-ws",))


async def test_a_socket_can_be_silent_from_the_start(place: Place) -> None:
    place.server.faults.add(Fault(websocket=True, silent=True))
    url = f"{place.server.url}/graphql"
    async with place.http.ws_connect(
        url, protocols=("graphql-ws",), timeout=aiohttp.ClientWSTimeout(ws_close=0.05)
    ) as socket:
        await socket.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {place.token}"}})
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.05)


async def test_one_socket_carries_a_thousand_subscriptions(place: Place) -> None:
    anna = next(iter(place.server.world.users.values()))
    projects = [place.server.world.create_project(anna, f"P{number}") for number in range(1000)]
    async with line_to(place) as line:
        for project in projects:
            await line.start(VERSIONS, p=project.id)
        assert await line.fence() == []
        assert place.server.counts.subscriptions == 1000
        version = await place.server.publish(projects[777].id, "m", oid(1))
        assert kinds(await line.fence()) == [("CREATED", version.id)]

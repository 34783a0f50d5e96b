"""Objects come whole or not at all, by the route that the server has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from integration.speckle.conftest import client_of, oid
from speckle2pg.errors import (
    FatalError,
    GoneError,
    RetryableError,
    Speckle2pgError,
    TokenRefusedError,
    UnreadableError,
)
from speckle2pg.sandbox import Cut, Fault, SandboxServer
from speckle2pg.speckle import objects

if TYPE_CHECKING:
    from integration.speckle.conftest import Client


def asked(client: Client, word: str) -> int:
    """Requests to the endpoints whose name holds a word."""
    return sum(count for name, count in client.server.counts.requests.items() if word in name)


async def test_what_rows_never_need_is_left_on_the_server(client: Client) -> None:
    body = {"id": oid(1), "name": "x", "__closure": {oid(2): 1}, "displayValue": [1], "@displayValue": [2]}
    client.server.world.add_objects(client.project, {oid(1): body})
    (payload,) = (await client.read([oid(1)])).values()
    assert json.loads(payload) == {"id": oid(1), "name": "x"}


async def test_missing_ids_are_left_out(client: Client) -> None:
    ids = client.stock(3)
    assert set(await client.read([*ids, oid(99)])) == set(ids)
    assert await client.read([oid(99)]) == {}


async def test_more_ids_than_a_batch_are_several_requests(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "BATCH", 40)
    ids = client.stock(100)
    assert set(await client.read(ids)) == set(ids)
    assert (client.traffic.requests, client.traffic.objects) == (3, 100)
    assert await client.read([]) == {}
    assert client.traffic.requests == 3


async def test_line_separators_of_unicode_do_not_split_a_line(client: Client) -> None:
    text = "one\u2028two\u2029three\u0085four\x0b"
    client.server.world.add_objects(client.project, {oid(1): {"id": oid(1), "name": text}})
    assert json.loads((await client.read([oid(1)]))[oid(1)])["name"] == text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"{oid(1)}\t{{}}\nnonsense\n\n{oid(2)}\t{{}}", {oid(1), oid(2)}),
        ("<html>maintenance</html>", set()),
        ("", set()),
        (f"{oid(1)}\t", {oid(1)}),
        ("\t\n\t\t\n", {""}),
    ],
)
async def test_lines_that_are_none_are_left_out(client: Client, body: str, expected: set[str]) -> None:
    client.server.faults.add(Fault(path="*/object-stream", status=200, body=body))
    assert set(await client.read([oid(1), oid(2)])) == expected


async def test_a_server_without_object_stream_is_read_by_getobjects_and_asked_once() -> None:
    async with SandboxServer(object_stream=False) as server, client_of(server) as client:
        ids = client.stock(5)
        for _ in range(3):
            assert set(await client.read(ids)) == set(ids)
        assert asked(client, "getobjects") == 3
        assert client.traffic.requests == 4


async def test_a_missing_route_is_not_believed_for_ever(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy had a bad moment, or the server was updated."""
    ids = client.stock(5)
    client.server.faults.add(Fault(path="*/object-stream", status=404, body="<html>", times=1))
    await client.read(ids)
    await client.read(ids)
    assert asked(client, "object-stream") == 1
    monkeypatch.setattr(client.reader, "_missing_until", 0.0)
    await client.read(ids)
    assert (asked(client, "object-stream"), asked(client, "getobjects")) == (2, 2)


async def test_an_unknown_project_is_not_taken_for_a_missing_route(client: Client) -> None:
    ids = client.stock(5)
    with pytest.raises(GoneError):
        await client.read(ids, project="0000000000")
    await client.read(ids)
    assert (asked(client, "object-stream"), asked(client, "getobjects")) == (2, 1)


async def test_a_project_of_somebody_else_is_unreadable(client: Client) -> None:
    bob = client.server.world.add_user("Bob")
    foreign = client.server.world.create_project(bob, "Bob's")
    with pytest.raises(UnreadableError):
        await client.read([oid(1)], project=foreign.id)


async def test_a_revoked_token_is_refused(client: Client) -> None:
    client.server.world.revoke_token(client.token)
    with pytest.raises(TokenRefusedError):
        await client.read([oid(1)])


@pytest.mark.parametrize(
    "cut",
    [
        Cut(after=0),
        Cut(after=200),
        Cut(after=2000, of="text"),
        Cut(after=200, ending="clean"),
        Cut(after=2000, of="text", ending="clean"),
        Cut(after=0, of="text", ending="clean"),
    ],
    ids=str,
)
async def test_a_truncated_answer_is_an_error_or_lacks_objects_and_never_passes_for_whole(
    client: Client, cut: Cut
) -> None:
    ids = client.stock(500)
    whole = await client.read(ids)
    client.server.faults.add(Fault(path="*/object-stream", cut=cut, times=1))
    got: dict[str, bytes] = {}
    try:
        async for object_id, payload in client.reader.read(client.project, ids, client.traffic):
            got[object_id] = payload  # noqa: PERF403  (what came before an error counts)
    except RetryableError:
        pass
    broken = [key for key, payload in got.items() if payload != whole.get(key)]
    assert len(got) - len(broken) < len(ids)
    assert len(broken) <= 1, "only the line at the cut is not whole"
    for key in broken:
        with pytest.raises(json.JSONDecodeError):
            json.loads(got[key] or b"")
    assert await client.read(ids) == whole


async def test_an_answer_that_stalls_is_given_up(sandbox: SandboxServer) -> None:
    async with client_of(sandbox, timeout=0.2) as client:
        ids = client.stock(500)
        fault = sandbox.faults.add(Fault(path="*/object-stream", cut=Cut(after=2000, of="text", ending="stall")))
        with pytest.raises(RetryableError, match="in time"):
            await client.read(ids)
        fault.remove()
        silent = sandbox.faults.add(Fault(path="*/object-stream", silent=True))
        with pytest.raises(RetryableError, match="in time"):
            await client.read(ids)
        silent.remove()
        assert len(await client.read(ids)) == 500


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(reset=True), RetryableError),
        (Fault(status=500), RetryableError),
        (Fault(status=502, body="<html>"), RetryableError),
        (Fault(status=429, retry_after="0.5"), RetryableError),
        (Fault(status=408), RetryableError),
        (Fault(status=301), RetryableError),
        (Fault(status=401), UnreadableError),
        (Fault(status=403, body='{"error":"no"}'), UnreadableError),
        (Fault(status=403, body='{"error":"Your token is not valid."}'), TokenRefusedError),
        (Fault(status=404), GoneError),
        (Fault(status=413), FatalError),
    ],
    ids=lambda value: getattr(value, "__name__", f"{getattr(value, 'status', None) or 'reset'}"),
)
async def test_each_failure_of_a_request_has_its_meaning(
    client: Client, fault: Fault, kind: type[Speckle2pgError]
) -> None:
    ids = client.stock(2)
    client.server.faults.add(fault)
    with pytest.raises(Speckle2pgError) as caught:
        await client.read(ids)
    assert type(caught.value) is kind
    assert client.token not in str(caught.value)


async def test_an_error_reply_does_not_spoil_the_next_request() -> None:
    """The real server breaks the connection on which it sent an error."""
    async with SandboxServer(break_after_error=True) as server, client_of(server) as client:
        ids = client.stock(2)
        for _ in range(5):
            with pytest.raises(GoneError):
                await client.read(ids, project="0000000000")
            assert len(await client.read(ids)) == 2

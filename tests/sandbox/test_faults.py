"""Each fault that a test can switch on does what it says, once."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest

from sandbox.places import oid, place_on
from speckle2pg.sandbox import Cut, Fault, SandboxServer
from speckle2pg.sandbox.routes import GRAPHQL

if TYPE_CHECKING:
    from sandbox.places import Place

LINES = {oid(number): {"id": oid(number), "name": f"object {number}"} for number in range(200)}
NAME = "{serverInfo{name}}"


@pytest.fixture
def stocked(place: Place) -> Place:
    place.server.world.add_objects(place.project.id, LINES)
    return place


async def raw_stream(place: Place) -> bytes:
    """The compressed body as it came, or the client's error."""
    path = f"{place.server.url}/api/v2/projects/{place.project.id}/object-stream"
    async with (
        aiohttp.ClientSession(auto_decompress=False, headers=place.http.headers) as session,
        session.post(path, json={"objectIds": list(LINES)}) as response,
    ):
        assert response.status == 200
        return await response.read()


async def test_a_status_for_some_paths(stocked: Place) -> None:
    handle = stocked.server.faults.add(Fault(path="*/object-stream", status=503, body="<html>busy</html>"))
    assert await stocked.stream(oid(1)) == (503, b"<html>busy</html>")
    await stocked.data(NAME)
    handle.remove()
    assert (await stocked.stream(oid(1)))[0] == 200
    assert handle.applied == 1


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502])
async def test_any_status(stocked: Place, status: int) -> None:
    stocked.server.faults.add(Fault(status=status, retry_after="0.25", body='{"error":"no"}', times=1))
    async with stocked.http.post(f"{stocked.server.url}/graphql", json={"query": NAME}) as response:
        assert response.status == status
        assert response.headers["Retry-After"] == "0.25"
        assert await response.json() == {"error": "no"}
    await stocked.data(NAME)


async def test_a_fault_for_one_operation_after_some_good_ones(stocked: Place) -> None:
    stocked.server.faults.add(Fault(operation="activeUser", status=500, skip=1, times=1))
    statuses = []
    for query in ("{activeUser{id}}", NAME, "{activeUser{id}}", "{activeUser{id}}"):
        async with stocked.http.post(f"{stocked.server.url}/graphql", json={"query": query}) as response:
            statuses.append(response.status)
    assert statuses == [200, 200, 500, 200]


async def test_a_reset_connection(stocked: Place) -> None:
    handle = stocked.server.faults.add(Fault(reset=True))
    with pytest.raises(aiohttp.ClientConnectionError):
        await stocked.stream(oid(1))
    assert handle.used.is_set()


async def test_silence_until_the_client_gives_up(stocked: Place) -> None:
    stocked.server.faults.add(Fault(silent=True))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await stocked.stream(oid(1))


async def test_latency_comes_before_the_true_answer(stocked: Place) -> None:
    handle = stocked.server.faults.add(Fault(latency=0.03))
    started = asyncio.get_running_loop().time()
    assert (await stocked.stream(oid(1)))[0] == 200
    assert asyncio.get_running_loop().time() - started >= 0.03
    assert handle.applied == 1


async def test_a_body_that_is_cut_on_the_wire_breaks_the_connection(stocked: Place) -> None:
    stocked.server.faults.add(Fault(cut=Cut(after=100)))
    with pytest.raises(aiohttp.ClientPayloadError):
        await raw_stream(stocked)


async def test_a_body_cut_inside_gzip_can_end_as_if_it_were_whole(stocked: Place) -> None:
    stocked.server.faults.add(Fault(cut=Cut(after=100, ending="clean")))
    body = await raw_stream(stocked)
    assert len(body) == 100
    with pytest.raises(EOFError):
        gzip.decompress(body)


async def test_a_text_cut_before_compression_looks_whole(stocked: Place) -> None:
    stocked.server.faults.add(Fault(cut=Cut(after=1000, of="text", ending="clean")))
    text = gzip.decompress(await raw_stream(stocked))
    assert len(text) == 1000
    assert not text.endswith(b"\n")


async def test_an_answer_can_stall_in_its_middle(stocked: Place) -> None:
    handle = stocked.server.faults.add(Fault(cut=Cut(after=1000, of="text", ending="stall")))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await raw_stream(stocked)
    handle.remove()


async def test_plain_answers_are_cut_too(stocked: Place) -> None:
    stocked.server.faults.add(Fault(path="/graphql", cut=Cut(after=10)))
    with pytest.raises(aiohttp.ClientPayloadError):
        await stocked.data(NAME)
    stocked.server.faults.clear()
    stocked.server.faults.add(Fault(path="/graphql", cut=Cut(after=10, ending="clean")))
    with pytest.raises(json.JSONDecodeError):
        await stocked.data(NAME)


async def test_what_javascript_cannot_parse_breaks_a_masked_answer_off(place: Place) -> None:
    place.server.world.add_objects(place.project.id, {oid(1): b'{"id": NaN}'})
    assert (await place.stream(oid(1)))[1].endswith(b'{"id": NaN}\n')
    with pytest.raises(aiohttp.ClientPayloadError):
        await place.stream(oid(1), attributeMask={"exclude": ["a"]})


async def test_after_an_error_reply_the_kept_connection_breaks() -> None:
    async with SandboxServer(break_after_error=True) as server, place_on(server) as place:
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"{server.url}/api/getobjects/{place.project.id}"
            async with session.post(url, json={}) as response:
                assert response.status == 401
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.post(url, json={})
            async with session.post(url, json={}) as response:
                assert response.status == 401


async def test_too_many_requests_are_refused_with_a_fraction_of_a_second(place: Place) -> None:
    ticks = [100.0]
    place.server.limits.clock = lambda: ticks[0]
    place.server.limits.add("/graphql", count=2, seconds=1.0)
    statuses = []
    for _ in range(3):
        ticks[0] += 0.02
        async with place.http.post(f"{place.server.url}/graphql", json={"query": NAME}) as response:
            statuses.append(response.status)
            retry_after = response.headers.get("Retry-After")
    assert statuses == [200, 200, 429]
    assert retry_after == "0.96"
    ticks[0] += 0.97
    await place.data(NAME)


async def test_each_entry_of_a_batch_counts_and_refusals_can_be_resets(place: Place) -> None:
    place.server.limits.clock = lambda: 100.0
    place.server.limits.add("/graphql", count=3, reset_every=2)
    url, batch = f"{place.server.url}/graphql", [{"query": NAME}] * 4
    async with place.http.post(url, json=batch) as response:
        assert response.status == 429
        assert (await response.json())["error"]["code"] == "RATE_LIMIT_ERROR"
    with pytest.raises(aiohttp.ClientConnectionError):
        await place.http.post(url, json={"query": NAME})
    assert place.server.counts.requests[GRAPHQL] == 2

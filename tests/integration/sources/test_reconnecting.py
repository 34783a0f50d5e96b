"""A socket that breaks, goes silent or never opens is replaced, with patience, and nothing of it is left."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from gql.transport.common.adapters.websockets import WebSocketsAdapter

from integration.sources.conftest import Site, turns_until
from speckle2pg.sandbox import Fault, SandboxServer
from speckle2pg.speckle import connection, transport
from support.listening import listening, no_sockets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


ROOT = "a" * 32


async def break_by_abort(server: SandboxServer) -> None:
    server.sockets.abort_all()


async def break_by_close(server: SandboxServer) -> None:
    await server.sockets.close_all(1001)


async def break_by_restart(server: SandboxServer) -> None:
    await server.stop()
    await server.start()


@pytest.mark.parametrize("breaking", [break_by_abort, break_by_close, break_by_restart])
async def test_after_every_break_it_connects_and_lists_again(
    site: Site, breaking: Callable[[SandboxServer], Awaitable[None]]
) -> None:
    project = site.project()
    model = site.model(project)
    async with listening(site.server, site.token) as heard:
        heard.follow(project)
        await heard.hears(project, None, "start")
        for _ in range(2):
            heard.events.clear()
            await breaking(site.server)
            await heard.hears(project, None, "reconcile")
            await site.server.publish(project, model, ROOT)
            await heard.hears(project, model)


async def test_a_server_that_is_down_is_found_when_it_is_back(site: Site) -> None:
    project = site.project()
    await site.server.stop()
    async with listening(site.server, site.token) as heard:
        heard.follow(project)
        (keeper,) = heard.source.keepers
        await turns_until(lambda: keeper.reason != "not yet connected")
        await site.server.start()
        await heard.hears(project, None, "reconcile")


async def test_a_half_open_socket_is_noticed_by_the_missing_sign_of_life(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "KEEP_ALIVE_TIMEOUT", 0.3)
    site.server.sockets.ka_interval = 0.1
    project = site.project()
    model = site.model(project)
    async with listening(site.server, site.token) as heard:
        heard.follow(project)
        await heard.hears(project, None, "start")
        assert site.server.counts.connects == 1
        site.server.sockets.silence(True)
        await heard.hears(project, None, "reconcile")
        await site.server.publish(project, model, ROOT)
        await heard.hears(project, model)
        site.server.sockets.abort_all()


async def test_signs_of_life_keep_a_quiet_socket_open(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "KEEP_ALIVE_TIMEOUT", 0.3)
    site.server.sockets.ka_interval = 0.05
    project = site.project()
    async with listening(site.server, site.token) as heard:
        heard.follow(project)
        await heard.hears(project, None, "start")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.8):
                await heard.hears(project, None, "reconcile")
        assert site.server.counts.connects == 1


@pytest.mark.parametrize("after_ack", [False, True])
async def test_a_server_that_accepts_and_closes_is_not_stormed(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, after_ack: bool
) -> None:
    monkeypatch.undo()  # in earnest
    site.server.faults.add(Fault(websocket=True, close=1011, after_ack=after_ack))
    async with listening(site.server, site.token) as heard:
        heard.follow(site.project())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await site.server.counts.until(lambda counts: counts.connects > 5)
        assert site.server.counts.connects >= 2
    assert site.server.counts.requests["POST /graphql"] <= 6


@pytest.mark.parametrize(
    "fault",
    [
        Fault(websocket=True, reset=True, times=2),
        Fault(websocket=True, status=502, times=2),
        Fault(websocket=True, close=1002, times=2),
        Fault(path="/graphql", operation="__type", status=503, times=2),
        Fault(path="/graphql", operation="__type", status=200, body="<html>", times=2),
    ],
    ids=["reset", "502", "1002", "503", "html"],
)
async def test_whatever_meets_the_first_connects_the_next_one_works(site: Site, fault: Fault) -> None:
    handle = site.server.faults.add(fault)
    project = site.project()
    async with listening(site.server, site.token) as heard:
        heard.follow(project)
        await heard.until(lambda events: len(events) == 1)
    assert handle.applied == 2


async def test_cancelled_at_any_moment_it_leaves_no_socket_and_no_task(site: Site) -> None:
    """Cancelled after each number of turns of the loop, from before the connect to after the subscription."""
    turns = 1
    while not await _cancelled_after(site, turns):
        turns += 1
        assert turns < 20_000
    # How many turns a connect takes varies with the machine: the last ones are gone through several times.
    for _ in range(5):
        for fewer in range(0, min(turns, 40), 2):
            await _cancelled_after(site, turns - fewer)
    assert site.server.counts.connects > 5, "among the moments are those within the connect"


async def _cancelled_after(site: Site, turns: int) -> bool:
    """Whether the subscription was in place after so many turns of the loop."""
    async with listening(site.server, site.token) as heard:
        heard.follow(site.project())
        for _ in range(turns):
            await asyncio.sleep(0)
        return len(heard.events) > 0


def pending(socket: connection.SpeckleSocket) -> int:
    """Bytes that wait for the network."""
    adapter = socket._transport.adapter
    assert isinstance(adapter, WebSocketsAdapter)
    return adapter.websocket.transport.get_write_buffer_size() if adapter.websocket else 0


async def test_a_peer_that_reads_no_more_does_not_hold_up_the_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits to be sent fills every buffer on the way, so not even a goodbye gets out."""
    monkeypatch.setattr(transport, "_CLOSE_TIMEOUT", 0.3)
    server, loop = site.server, asyncio.get_running_loop()
    async with connection.open_socket(server.url, lambda: site.token, frozenset()) as socket:
        await socket.fence()
        server.sockets.silence(True)
        sending = [
            asyncio.create_task(socket._transport.adapter.send(random.Random(1).randbytes(2**22).hex()))
            for _ in range(3)
        ]
        await turns_until(lambda: not any(task.done() for task in sending) and pending(socket) > 2**20)
        begun = loop.time()
    assert loop.time() - begun < 4
    await asyncio.gather(*sending, return_exceptions=True)
    server.sockets.abort_all()
    await no_sockets(server)

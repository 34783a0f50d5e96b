"""Websockets at `/graphql`: subscriptions-transport-ws, the protocol of Apollo's old clients.

The subprotocol is `graphql-ws`. As in the real server whatever a client offers first is accepted in the
handshake, and a socket of any other protocol is then closed with 1002.

Source: https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

from speckle2pg.sandbox.access import ANONYMOUS, viewer_of
from speckle2pg.sandbox.context import Context
from speckle2pg.sandbox.operations import Operations
from speckle2pg.sandbox.wire import abort

if TYPE_CHECKING:
    from speckle2pg.sandbox.access import Viewer
    from speckle2pg.sandbox.actions import Actions
    from speckle2pg.sandbox.counts import Counts
    from speckle2pg.sandbox.execution import Executor
    from speckle2pg.sandbox.faults import Fault

PROTOCOL = "graphql-ws"
NO_TOKEN = "You need a token to subscribe"  # noqa: S105 - a message


class Socket:
    """One websocket and the operations on it."""

    def __init__(self, actions: Actions, executor: Executor, counts: Counts, ka_interval: float) -> None:
        self._actions = actions
        self._ka_interval = ka_interval
        self._counts = counts
        self._viewer: Viewer = ANONYMOUS
        self._websocket = web.WebSocketResponse(autoping=False, autoclose=False, max_msg_size=0)
        self._transport: asyncio.BaseTransport | None = None
        self._operations = Operations(executor, self.send, counts)
        self._keep_alive: asyncio.Task[None] | None = None
        self.silent = False

    async def run(self, request: web.Request, fault: Fault | None) -> web.WebSocketResponse:
        """Accepts the handshake and serves the socket until it ends."""
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        chosen = (offered[0],) if offered[0] else ()
        self._websocket = web.WebSocketResponse(
            autoping=False, autoclose=False, max_msg_size=0, protocols=chosen, timeout=0.1
        )
        await self._websocket.prepare(request)
        self._transport = request.transport
        self._counts.add("connects")
        try:
            await self._serve(offered[0], fault)
        finally:
            await self._end()
        return self._websocket

    async def _serve(self, protocol: str, fault: Fault | None) -> None:
        if protocol != PROTOCOL:
            await self.close(WSCloseCode.PROTOCOL_ERROR)
        elif fault is not None and fault.close is not None and not fault.after_ack:
            await self.close(fault.close)
        else:
            self.silence(fault is not None and fault.silent)
            await self._read(fault)

    async def _read(self, fault: Fault | None) -> None:
        async for message in self._websocket:
            if message.type is WSMsgType.PING:
                await self._websocket.pong(message.data)
            elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING):
                await self.close(message.data or WSCloseCode.OK)
                return
            elif message.type is WSMsgType.TEXT:
                await self._handle(message.data)
                if fault is not None and fault.close is not None and self._keep_alive is not None:
                    await self.close(fault.close)
                    return

    async def _handle(self, text: str) -> None:
        try:
            message = json.loads(text)
            kind, payload = message.get("type"), message.get("payload") or {}
        except (ValueError, AttributeError) as error:
            await self.send({"type": "connection_error", "id": None, "payload": {"message": str(error)}})
            return
        operation = message.get("id")
        if kind == "connection_init":
            await self._init(payload)
        elif kind == "connection_terminate":
            await self.close(WSCloseCode.OK)
        elif kind == "start":
            await self._operations.start(operation, payload, Context(self._actions.site, self._actions, self._viewer))
        elif kind == "stop":
            await self._operations.stop(operation)
        else:
            await self.send({"type": "error", "id": operation, "payload": {"message": "Invalid message type!"}})

    async def _init(self, payload: Any) -> None:
        token = _token(payload)
        if token is None:
            await self.send({"type": "connection_error", "payload": {"message": NO_TOKEN}})
            await self.close(WSCloseCode.INTERNAL_ERROR)
            return
        # A bad token is acknowledged like a good one: its bearer is anonymous, and hears nothing.
        self._viewer = viewer_of(self._actions.world, token) or ANONYMOUS
        await self.send({"type": "connection_ack"})
        await self.send({"type": "ka"})
        if self._keep_alive is None:
            self._keep_alive = asyncio.create_task(self._keep_alive_forever(), name="sandbox keep-alive")

    async def _keep_alive_forever(self) -> None:
        while True:
            await asyncio.sleep(self._ka_interval)
            await self.send({"type": "ka"})

    async def send(self, message: dict[str, Any]) -> None:
        """Sends a message, or loses it where the socket is silent or gone."""
        if self.silent or self._websocket.closed:
            return
        try:
            await self._websocket.send_str(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
        except ConnectionError:
            return

    async def close(self, code: int, message: str = "") -> None:
        """Closes the socket with a code."""
        if not self._websocket.closed:
            await self._websocket.close(code=code, message=message.encode())

    def abort(self) -> None:
        """Resets the connection: the client sees 1006, no close frame."""
        abort(self._transport)

    def silence(self, on: bool) -> None:  # noqa: FBT001 - reads as in `silence(True)`
        """Makes the socket half-open, or whole again: nothing is read or sent, and it stays connected."""
        self.silent = on
        if isinstance(self._transport, asyncio.Transport) and not self._transport.is_closing():
            if on:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    async def _end(self) -> None:
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        await self._operations.stop_all()
        self._counts.add("disconnects")


def _token(payload: Any) -> str | None:
    """The token in a connection_init: where the real server looks for it."""
    if not isinstance(payload, dict):
        return None
    inner = payload.get("headers")
    for place in (payload, inner if isinstance(inner, dict) else {}):
        for name in ("Authorization", "authorization"):
            words = str(place.get(name) or "").split(" ")
            if len(words) > 1 and words[1]:
                return words[1]
    return None

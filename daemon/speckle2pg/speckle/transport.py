"""gql's websocket transport, made safe to cancel and quick to notice silence.

The protocol is subscriptions-transport-ws (`graphql-ws`); a newer server may speak only `graphql-transport-ws`, so both
are offered, the old one first, because the open-source server closes on the other order.
"""

from __future__ import annotations

import asyncio

from gql.transport.common.adapters.websockets import WebSocketsAdapter
from gql.transport.exceptions import TransportConnectionFailed, TransportError
from gql.transport.websockets_protocol import WebsocketsProtocolTransportBase
from websockets.exceptions import WebSocketException

from speckle2pg.errors import RetryableError

_SUBPROTOCOLS = ["graphql-ws", "graphql-transport-ws"]
KEEP_ALIVE_TIMEOUT = 75.0
"""The server sends `ka` every 30 s; two missed ones and a little more mean a half-open socket."""
_CLOSE_TIMEOUT = 2.5
FAULTS = (TransportError, WebSocketException, OSError, asyncio.TimeoutError)
"""What gql and websockets raise when a socket breaks."""


class _Adapter(WebSocketsAdapter):
    """Takes silence for a broken connection where the server promises signs of life.

    `graphql-transport-ws` promises none; there the pings of the websockets library do it. gql's own check can lose its
    cancellation (`wait_for` of Python 3.11), and then neither breaks nor closes of the socket get through.
    """

    async def receive(self) -> str:
        promised = self.websocket is not None and self.websocket.subprotocol == _SUBPROTOCOLS[0]
        try:
            async with asyncio.timeout(KEEP_ALIVE_TIMEOUT if promised else None):
                return await super().receive()
        except TimeoutError as error:
            raise TransportConnectionFailed(f"no sign of life for {KEEP_ALIVE_TIMEOUT:g} s") from error

    async def close(self) -> None:
        """Closes in an orderly way, or at once where the peer reads no more and not even the closing gets out."""
        websocket, self.websocket = self.websocket, None
        if websocket is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await websocket.close()
        except TimeoutError:
            websocket.transport.abort()
            await websocket.wait_closed()


class Transport(WebsocketsProtocolTransportBase):
    """gql's protocol over our adapter."""

    def __init__(self, url: str, token: str | None) -> None:
        self.adapter = _Adapter(url, connect_args={"max_size": 2**24, "close_timeout": 1})
        super().__init__(
            adapter=self.adapter,
            subprotocols=list(_SUBPROTOCOLS),
            init_payload={"Authorization": f"Bearer {token or ''}"},
            close_timeout=_CLOSE_TIMEOUT,
        )


async def connect(transport: Transport) -> None:
    """Connects and sends the token.

    Raises:
        RetryableError: No connection, or it broke.
    """
    task = asyncio.current_task()
    cancellations = task.cancelling() if task else 0
    try:
        await transport.connect()
    except FAULTS as error:
        raise lost(error) from error
    # `wait_for` of Python 3.11 loses a cancellation that comes together with its result.
    if task is not None and task.cancelling() > cancellations:
        raise asyncio.CancelledError


async def close(transport: Transport) -> None:
    """Closes whatever is open, in a few seconds at most."""
    await transport.close()
    # gql says goodbye first, which a peer that reads no more can hold up: then it gives up and leaves the socket open.
    await transport.adapter.close()


def lost(error: BaseException) -> RetryableError:
    """What broke the socket; gql keeps the reason behind its own words."""
    said = [str(fault) or type(fault).__name__ for fault in (error, error.__cause__) if fault is not None]
    return RetryableError(f"the websocket broke: {': '.join(said)}")


def websocket_url(server_url: str) -> str:
    """The address of the GraphQL websocket of a server."""
    return "ws" + server_url.removeprefix("http").rstrip("/") + "/graphql"

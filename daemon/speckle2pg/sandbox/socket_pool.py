"""The open websockets of the server, and what tests do to them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from speckle2pg.sandbox.sockets import Socket
from speckle2pg.sandbox.wire import reset

if TYPE_CHECKING:
    from speckle2pg.sandbox.actions import Actions
    from speckle2pg.sandbox.counts import Counts
    from speckle2pg.sandbox.execution import Executor
    from speckle2pg.sandbox.faults import Faults, Handle

UPGRADE_REQUIRED = 426


class SocketPool:
    """Accepts websockets and keeps them in sight."""

    def __init__(
        self, actions: Actions, executor: Executor, counts: Counts, faults: Faults, ka_interval: float
    ) -> None:
        self._actions = actions
        self._executor = executor
        self._counts = counts
        self._faults = faults
        self.ka_interval = ka_interval
        self._open: set[Socket] = set()

    def __len__(self) -> int:
        return len(self._open)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`GET /graphql`: the handshake and the life of one websocket."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=400, text='Can "Upgrade" only to "WebSocket".')
        handle = self._faults.take("GET", request.path, websocket=True)
        if handle is not None and (spoilt := await self._spoil(request, handle)) is not None:
            return spoilt
        socket = Socket(self._actions, self._executor, self._counts, self.ka_interval)
        self._open.add(socket)
        try:
            return await socket.run(request, None if handle is None else handle.fault)
        finally:
            self._open.discard(socket)

    @staticmethod
    async def _spoil(request: web.Request, handle: Handle) -> web.StreamResponse | None:
        fault = handle.fault
        await asyncio.sleep(fault.latency)
        if fault.reset:
            reset(request)
            return web.Response()
        return None if fault.status is None else web.Response(status=fault.status, text=fault.body)

    def abort_all(self) -> None:
        """Resets every websocket now: clients see 1006 and no close frame."""
        for socket in tuple(self._open):
            socket.abort()

    def silence(self, on: bool) -> None:  # noqa: FBT001 - reads as in `silence(True)`
        """Makes the websockets that are open half-open, or whole again; later ones are not concerned."""
        for socket in tuple(self._open):
            socket.silence(on)

    async def close_all(self, code: int = 1001, message: str = "") -> None:
        """Closes every websocket with a code."""
        for socket in tuple(self._open):
            await socket.close(code, message)

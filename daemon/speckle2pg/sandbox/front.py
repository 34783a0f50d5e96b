"""The way of each HTTP request: faults, rate limit, token, endpoint, answer."""

from __future__ import annotations

import asyncio
import json
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from aiohttp import web

from speckle2pg.sandbox.access import ANONYMOUS, INVALID_TOKEN, Viewer, viewer_of
from speckle2pg.sandbox.errors import SpeckleError, UserInputError
from speckle2pg.sandbox.limits import REFUSAL
from speckle2pg.sandbox.wire import HTML, JSON, Reply, reset, send

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from speckle2pg.sandbox.context import Site
    from speckle2pg.sandbox.counts import Counts
    from speckle2pg.sandbox.faults import Fault, Faults, Handle
    from speckle2pg.sandbox.limits import Limits

FIRST_ERROR = 400


@dataclass(slots=True)
class Call:
    """A request as an endpoint sees it."""

    request: web.Request
    body: bytes
    viewer: Viewer = ANONYMOUS

    def argument(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def fields(self) -> dict[str, Any]:
        """The body as JSON or as a form."""
        kind = self.request.content_type
        if kind == "application/x-www-form-urlencoded":
            return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}
        if kind != "application/json" or not self.body:
            return {}
        try:
            decoded = json.loads(self.body)
        except ValueError as error:
            raise UserInputError(f"Invalid request body: {error}") from error
        return decoded if isinstance(decoded, dict) else {}


Endpoint = "Callable[[Call], Awaitable[Reply]]"


@dataclass(slots=True)
class Front:
    """What stands before the endpoints.

    Attributes:
        break_after_error: After an error reply the connection is kept alive but broken: the next
            request on it is reset, as the real server does it.
    """

    site: Site
    counts: Counts
    faults: Faults
    limits: Limits
    break_after_error: bool = False
    _broken: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)

    async def serve(
        self, request: web.Request, label: str, endpoint: Callable[[Call], Awaitable[Reply]]
    ) -> web.StreamResponse:
        """Answers one request to the endpoint that the counters call `label`."""
        self.counts.requests[label] += 1
        self.counts.wake()
        if request.transport in self._broken:
            return self._reset(request)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return await self._send(request, label, error_reply(UserInputError("Invalid request body")), None)
        handle = self.faults.take(request.method, request.path, _graphql_text(request, body))
        if handle is not None and (spoilt := await self._spoil(request, label, handle)) is not None:
            return spoilt
        reply = await self._answer(Call(request, body), endpoint)
        if reply is None:
            return self._reset(request)
        return await self._send(request, label, reply, handle)

    async def _spoil(self, request: web.Request, label: str, handle: Handle) -> web.StreamResponse | None:
        fault = handle.fault
        await asyncio.sleep(fault.latency)
        if fault.silent:
            await handle.removed.wait()
            return self._reset(request)
        if fault.reset:
            return self._reset(request)
        return None if fault.status is None else await self._send(request, label, _fault_reply(fault), None)

    async def _answer(self, call: Call, endpoint: Callable[[Call], Awaitable[Reply]]) -> Reply | None:
        refusal = self.limits.refuse(call.request.path, _hits(call))
        if refusal is not None:
            headers = {"Retry-After": f"{refusal.retry_after:.3f}".rstrip("0").rstrip(".")}
            return None if refusal.reset else json_reply(REFUSAL, 429, headers)
        viewer = self._viewer(call.request)
        if viewer is None:
            return json_reply(INVALID_TOKEN, 403)
        call.viewer = viewer
        try:
            return await endpoint(call)
        except SpeckleError as error:
            return error_reply(error)

    def _viewer(self, request: web.Request) -> Viewer | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return viewer_of(self.site.world, token) if token else ANONYMOUS

    async def _send(self, request: web.Request, label: str, reply: Reply, handle: Handle | None) -> web.StreamResponse:
        transport = request.transport
        response, sent = await send(request, reply, handle)
        self.counts.statuses[reply.status] += 1
        self.counts.bytes_sent[label] += sent
        self.counts.wake()
        if self.break_after_error and reply.status >= FIRST_ERROR and transport is not None:
            self._broken.add(transport)
        return response

    @staticmethod
    def _reset(request: web.Request) -> web.StreamResponse:
        reset(request)
        return web.Response()


def json_reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """A reply with a JSON body."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Reply(status, text.encode(), JSON, headers=headers or {})


def error_reply(error: SpeckleError) -> Reply:
    """The reply of the endpoints outside GraphQL to an error."""
    return json_reply({"error": {"message": str(error), "code": error.code}}, error.status)


def not_found_reply(request: web.Request) -> Reply:
    """What the real server says of a path it does not know."""
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
        f"<body>\n<pre>Cannot {request.method} {request.path}</pre>\n</body>\n</html>\n"
    )
    return Reply(404, text.encode(), HTML)


def _fault_reply(fault: Fault) -> Reply:
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    kind = JSON if fault.body[:1] in "{[" and fault.body else HTML
    return Reply(fault.status or 500, fault.body.encode(), kind, headers=headers)


def _graphql_text(request: web.Request, body: bytes) -> str:
    return body.decode(errors="replace") if request.path == "/graphql" else ""


def _hits(call: Call) -> int:
    if call.request.path != "/graphql" or not call.body.lstrip().startswith(b"["):
        return 1
    try:
        return max(1, len(json.loads(call.body)))
    except ValueError:
        return 1

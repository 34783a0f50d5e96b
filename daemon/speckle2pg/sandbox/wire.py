"""Answers on the wire: plain or gzip, whole or cut short, and connections that break."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from speckle2pg.sandbox.faults import Cut, Handle

GZIP = 31
JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=UTF-8"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Reply:
    """What an endpoint answers.

    Attributes:
        status: The HTTP status.
        body: The whole body, or its parts as they are made.
        content_type: The `Content-Type` header; empty for none.
        gzip: Send it compressed, whatever the client accepts.
        headers: Further headers.
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    content_type: str = JSON
    gzip: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class BrokenOffError(Exception):
    """An endpoint cannot go on after the head of its answer was sent."""


async def send(request: web.Request, reply: Reply, handle: Handle | None) -> tuple[web.StreamResponse, int]:
    """Sends a reply, cut short where a fault says so.

    Returns:
        The response for aiohttp, and the number of bytes of its body on the wire.
    """
    cut = None if handle is None else handle.fault.cut
    headers = {**reply.headers, **({"Content-Type": reply.content_type} if reply.content_type else {})}
    if reply.gzip:
        headers["Content-Encoding"] = "gzip"
    if isinstance(reply.body, bytes) and not reply.gzip and cut is None:
        return web.Response(status=reply.status, body=reply.body, headers=headers), len(reply.body)
    response = web.StreamResponse(status=reply.status, headers=headers)
    if isinstance(reply.body, bytes) and not reply.gzip and cut is not None:
        whole = len(reply.body)
        response.content_length = min(whole, cut.after) if cut.ending == "clean" else whole
    try:
        return response, await _stream(request, response, reply, handle)
    except BrokenOffError:
        drop(request)
    except ConnectionError:
        pass  # The client has gone; so does the answer.
    return response, 0


async def _stream(request: web.Request, response: web.StreamResponse, reply: Reply, handle: Handle | None) -> int:
    cut = None if handle is None else handle.fault.cut
    sent = 0
    await response.prepare(request)
    for piece in _pieces(reply, cut):
        sent += len(piece)
        await response.write(piece)
        # Compressing holds the event loop: others get their turn between two parts.
        await asyncio.sleep(0)
    if handle is None or cut is None or cut.ending == "clean":
        await response.write_eof()
        return sent
    if cut.ending == "stall":
        await handle.removed.wait()
    drop(request)
    return sent


def _pieces(reply: Reply, cut: Cut | None) -> Iterator[bytes]:
    texts: Iterable[bytes] = [reply.body] if isinstance(reply.body, bytes) else reply.body
    if cut is not None and cut.of == "text":
        texts = _first(texts, cut.after)
    pieces = _compressed(texts) if reply.gzip else iter(texts)
    return _first(pieces, cut.after) if cut is not None and cut.of == "wire" else pieces


def _first(parts: Iterable[bytes], number: int) -> Iterator[bytes]:
    for part in parts:
        if number <= 0:
            return
        yield part[:number]
        number -= len(part)


def _compressed(texts: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(wbits=GZIP)
    for text in texts:
        if piece := compressor.compress(text):
            yield piece
    yield compressor.flush()


def drop(request: web.Request) -> None:
    """Closes the request's connection after what was written, without ending the answer."""
    if request.transport is not None:
        request.transport.close()


def reset(request: web.Request) -> None:
    """Resets the request's connection: the client sees ECONNRESET."""
    abort(request.transport)


def abort(transport: asyncio.BaseTransport | None) -> None:
    """Resets a connection, dropping what is still to be sent."""
    if not isinstance(transport, asyncio.Transport):
        return
    connection = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()

r"""Objects by id, streamed: `object-stream` with a mask, or `getobjects` where the server has only that.

Lines are `id<TAB>json`, split on \\n only (U+2028 occurs raw inside a line). Missing ids are left out with status 200,
and a database error after the head is a truncated 200, so what came back is counted by the caller.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from speckle2pg import metrics
from speckle2pg.errors import FatalError, GoneError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from speckle2pg.speckle.http import SpeckleHTTP

ASK_AGAIN = 600.0
"""Seconds for which a missing `object-stream` is remembered: a server is updated, a proxy has a bad moment."""
BATCH = 10_000
"""Ids per request; the server takes 50,000, and a lost answer costs at most this many."""
# What rows never need. A mask that the server does not know costs nothing, and masks cut the bytes by 8.
_NEVER_NEEDED = (
    *("__closure", "displayValue", "@displayValue", "renderMaterialProxies", "instanceDefinitionProxies"),
    *(
        "definitionGeometry",
        "groupProxies",
        "colorProxies",
        "vertices",
        "faces",
        "colors",
        "textureCoordinates",
    ),
    *("vertexNormals", "totalChildrenCount", "rawEncoding", "@rawEncoding", "encodedValue"),
)


@dataclass(slots=True)
class Traffic:
    """What downloading took: requests, objects, and their bytes, uncompressed."""

    requests: int = 0
    objects: int = 0
    size: int = 0


class ObjectReader:
    """Reads objects of one server, and remembers which route it has."""

    def __init__(self, http: SpeckleHTTP) -> None:
        self._http = http
        self._missing_until = 0.0

    async def read(
        self, project_id: str, object_ids: Sequence[str], traffic: Traffic
    ) -> AsyncIterator[tuple[str, bytes]]:
        """Yields (id, JSON) of the objects that the server has, in its order, without geometry.

        A request is not repeated here: the caller asks again for what did not come.

        Raises:
            RetryableError: The answer broke off, or the server failed.
            UnreadableError, GoneError: The project cannot be read.
        """
        for start in range(0, len(object_ids), BATCH):
            async for line in self._read_batch(project_id, object_ids[start : start + BATCH], traffic):
                yield line

    async def _read_batch(
        self, project_id: str, object_ids: Sequence[str], traffic: Traffic
    ) -> AsyncIterator[tuple[str, bytes]]:
        now = asyncio.get_running_loop().time
        masked = now() >= self._missing_until
        if masked:
            try:
                async for line in self._stream(*_masked(project_id, object_ids), traffic):
                    yield line
            except (GoneError, FatalError):
                # A server without the route says 404; whether it is the project that is gone, the other route tells.
                pass
            else:
                return
        async for line in self._stream(*_whole(project_id, object_ids), traffic):
            yield line
        if masked:
            self._missing_until = now() + ASK_AGAIN

    async def _stream(self, endpoint: str, path: str, body: Any, traffic: Traffic) -> AsyncIterator[tuple[str, bytes]]:
        traffic.requests += 1
        what = f"reading objects by {path}"
        async with self._http.request(
            "POST", path, endpoint=endpoint, what=what, json=body, headers={"Accept": "text/plain"}
        ) as response:
            async for line in _lines(response.content.iter_any()):
                traffic.objects += 1
                traffic.size += len(line)
                metrics.DOWNLOAD_BYTES.inc(len(line))
                object_id, tab, json = line.partition(b"\t")
                if tab:
                    yield object_id.decode("ascii", "replace"), json


def _masked(project_id: str, object_ids: Sequence[str]) -> tuple[str, str, Any]:
    body = {"objectIds": list(object_ids), "attributeMask": {"exclude": list(_NEVER_NEEDED)}}
    return "object-stream", f"/api/v2/projects/{project_id}/object-stream", body


def _whole(project_id: str, object_ids: Sequence[str]) -> tuple[str, str, Any]:
    body = {"objects": msgspec.json.encode(list(object_ids)).decode()}
    return "getobjects", f"/api/getobjects/{project_id}", body


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    r"""Splits a byte stream on \\n; what follows the last one is a line too, if it is not empty."""
    rest: list[bytes] = []
    async for chunk in chunks:
        first, *more = chunk.split(b"\n")
        rest.append(first)
        for piece in more:
            line = b"".join(rest)
            rest = [piece]
            if line:
                yield line
        # A large answer that is already in the buffer must not hold the event loop.
        await asyncio.sleep(0)
    if line := b"".join(rest):
        yield line

"""Uploading objects over HTTP, and asking beforehand which are there."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox import jsonb
from speckle2pg.sandbox.errors import StoreObjectError
from speckle2pg.sandbox.objects_http import PLAIN_JSON, listed_ids
from speckle2pg.sandbox.permits import refusal_to_write
from speckle2pg.sandbox.wire import HTML, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from speckle2pg.sandbox.front import Call
    from speckle2pg.sandbox.world import World

NOT_MULTIPART = "Failed to parse request headers and body content as valid multipart/form-data."
NOT_JSON = "Failed to parse data. Batch is not in JSON format."
NOT_ARRAY = "Failed to parse data. Batch is expected to be wrapped in a JSON array."
NOT_ACCEPTED = (
    'Invalid ContentType header. This route only accepts "application/gzip", "text/plain" or "application/json".'
)
PLAIN_TYPES = ("text/plain", "application/json", "application/octet-stream")


class UploadError(ValueError):
    """A part of an upload cannot be used; the message is the answer's body."""


@dataclass(slots=True)
class ObjectWriting:
    """The endpoints through which objects come in."""

    world: World

    async def upload(self, call: Call) -> Reply:
        """`POST /objects/:s`: a multipart body whose parts are JSON arrays of objects, compressed or not."""
        project_id = call.argument("project_id")
        if (refusal := refusal_to_write(self.world, project_id, call.viewer)) is not None:
            return refusal
        try:
            for batch in _batches(call.request.headers.get("Content-Type", ""), call.body):
                self.world.upload(project_id, batch)
        except (UploadError, StoreObjectError) as error:
            return Reply(400, str(error).encode(), HTML)
        return Reply(201, content_type="")

    async def diff(self, call: Call) -> Reply:
        """`POST /api/diff/:s`: which of the ids the project has."""
        project_id = call.argument("project_id")
        if (refusal := refusal_to_write(self.world, project_id, call.viewer)) is not None:
            return refusal
        found = {key: self.world.object_text(project_id, key) is not None for key in listed_ids(call)}
        return Reply(200, jsonb.compact_text(found).encode(), PLAIN_JSON, gzip=True)


def _batches(content_type: str, body: bytes) -> Iterator[list[Any]]:
    if not content_type.startswith("multipart/form-data") or "boundary=" not in content_type:
        raise UploadError(NOT_MULTIPART)
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        yield _batch(part.get_content_type(), content if isinstance(content, bytes) else b"")


def _batch(content_type: str, content: bytes) -> list[Any]:
    if content_type == "application/gzip":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise UploadError(NOT_JSON) from error
    elif content_type not in PLAIN_TYPES:
        raise UploadError(NOT_ACCEPTED)
    try:
        batch = jsonb.parse(content)
    except ValueError as error:
        raise UploadError(NOT_JSON) from error
    if not isinstance(batch, list):
        raise UploadError(NOT_ARRAY)
    return batch

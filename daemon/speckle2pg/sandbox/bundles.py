"""Bundles: versions whose data is Parquet files behind presigned addresses, as on Speckle's cloud since 4.0.

`GET /api/v2/projects/{p}/models/{m}/versions/{v}/artifacts` lists the files of a version. The addresses are
presigned and expire; the token must never be sent there, and storage refuses a request that has one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from speckle2pg.sandbox.errors import SpeckleError
from speckle2pg.sandbox.front import json_reply
from speckle2pg.sandbox.graphs import GraphFileError
from speckle2pg.sandbox.permits import refusal_to_stream
from speckle2pg.sandbox.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from speckle2pg.sandbox.context import Site
    from speckle2pg.sandbox.front import Call

PREFIX = "bundle."
XML = "application/xml"
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
TWO_KEYS = b"<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>"
NO_FILES = {"error": {"message": "No artifacts found for this version.", "code": "NOT_FOUND_ERROR"}}


@dataclass(slots=True)
class Bundles:
    """The files of bundle versions, and the endpoints for them.

    Attributes:
        leaked: How many requests to storage carried a token.
    """

    site: Site
    leaked: int = 0
    _files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _signed: dict[str, str] = field(default_factory=dict)

    def add(self, version_id: str, files: Mapping[str, bytes]) -> None:
        """Stores the files of a version, by name."""
        self._files[version_id] = dict(files)

    def expire(self) -> None:
        """Lets all addresses expire that were handed out so far."""
        self._signed.clear()

    async def list_files(self, call: Call) -> Reply:
        """The version's files with fresh addresses; 404 where it has none, or is in another model."""
        project_id, version_id = call.argument("project_id"), call.argument("version_id")
        if (refusal := refusal_to_stream(self.site.world, project_id, call.viewer)) is not None:
            return refusal
        try:
            version = self.site.world.version(project_id, version_id)
        except SpeckleError:
            return json_reply(NO_FILES, 404)
        files = self._files.get(version_id, {})
        if not files or version.model_id != call.argument("model_id"):
            return json_reply(NO_FILES, 404)
        signature = self.site.world.new_id(32)
        self._signed[signature] = version_id
        base = f"{self.site.address}/storage/{signature}"
        listed = [{"name": name, "url": f"{base}/{quote(name)}?X-Amz-Expires=900"} for name in files]
        return json_reply({"files": listed})

    async def download(self, call: Call) -> Reply:
        """One file, for whoever has its address and sends no token."""
        if "Authorization" in call.request.headers:
            self.leaked += 1
            return Reply(400, TWO_KEYS, XML)
        version_id = self._signed.get(call.argument("signature"), "")
        content = self._files.get(version_id, {}).get(call.argument("name"))
        if content is None:
            return Reply(403, EXPIRED, XML)
        return Reply(200, content, "application/octet-stream")


def bundle_reference(project_id: str, model_id: str, version_id: str) -> str:
    """What a bundle version has in place of a root object's id."""
    return f"{PREFIX}{project_id}.{model_id}.{version_id}"


def load_bundle(folder: str | Path) -> dict[str, bytes]:
    """The Parquet files of a bundle in a folder, by name.

    Raises:
        GraphFileError: The folder is missing or holds no Parquet file.
    """
    place = Path(folder)
    if not place.is_dir():
        raise GraphFileError(f"{place} is no folder.")
    files = {file.name: file.read_bytes() for file in sorted(place.glob("*.parquet"))}
    if not files:
        raise GraphFileError(f"{place} holds no bundle: there is no Parquet file in it.")
    return files

"""Bundle versions are served as files behind addresses that expire and take no token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from sandbox.places import place_on
from speckle2pg.sandbox import SandboxServer
from speckle2pg.sandbox.bundles import load_bundle
from speckle2pg.sandbox.graphs import GraphFileError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.places import Place
    from speckle2pg.sandbox.entities import Version

FILES = {"a.eav.eav.parquet": b"PAR1 one", "a.eav.paths.parquet": b"PAR1 two"}


@pytest.fixture
async def cloud() -> AsyncIterator[Place]:
    async with SandboxServer(bundles=True) as server, place_on(server) as found:
        yield found


def artifacts(place: Place, version: Version, model_id: str = "") -> str:
    model = f"projects/{version.project_id}/models/{model_id or version.model_id}"
    return f"{place.server.url}/api/v2/{model}/versions/{version.id}/artifacts"


async def test_a_bundle_is_listed_and_downloaded_without_a_token(cloud: Place) -> None:
    version = await cloud.server.publish_bundle(cloud.project.id, "m", FILES, message="bundled")
    assert version.referenced_object == f"bundle.{version.project_id}.{version.model_id}.{version.id}"
    async with cloud.http.get(artifacts(cloud, version)) as response:
        files = (await response.json())["files"]
    assert [file["name"] for file in files] == list(FILES)
    async with aiohttp.ClientSession() as storage, storage.get(files[0]["url"]) as response:
        assert await response.read() == FILES[files[0]["name"]]
    assert cloud.server.bundles.leaked == 0


async def test_storage_refuses_tokens_and_expired_addresses(cloud: Place) -> None:
    version = await cloud.server.publish_bundle(cloud.project.id, "m", FILES)
    async with cloud.http.get(artifacts(cloud, version)) as response:
        url = (await response.json())["files"][0]["url"]
    async with cloud.http.get(url) as response:
        assert response.status == 400
    assert cloud.server.bundles.leaked == 1
    cloud.server.bundles.expire()
    async with aiohttp.ClientSession() as storage, storage.get(url) as response:
        assert response.status == 403


async def test_the_objects_of_a_bundle_are_not_found(cloud: Place) -> None:
    version = await cloud.server.publish_bundle(cloud.project.id, "m", FILES)
    status, body = await cloud.stream(str(version.referenced_object))
    assert status == 404
    assert b"BUNDLE_REFERENCE_NOT_FOUND" in body


async def test_a_moved_bundle_is_found_in_its_new_model_only(cloud: Place) -> None:
    version = await cloud.server.publish_bundle(cloud.project.id, "m", FILES)
    stale = version.model_id
    await cloud.server.move_version(cloud.project.id, version.id, "n")
    statuses = []
    for model_id in (stale, version.model_id):
        async with cloud.http.get(artifacts(cloud, version, model_id)) as response:
            statuses.append(response.status)
    assert statuses == [404, 200]


async def test_a_version_without_bundle_is_404_json_and_an_older_server_404_html(cloud: Place, place: Place) -> None:
    kinds = []
    for found in (cloud, place):
        version = await found.server.publish(found.project.id, "m", None)
        async with found.http.get(artifacts(found, version)) as response:
            kinds.append((response.status, response.content_type))
    assert kinds == [(404, "application/json"), (404, "text/html")]


def test_bundle_folders_are_read(tmp_path: Path) -> None:
    with pytest.raises(GraphFileError, match="no Parquet file"):
        load_bundle(tmp_path)
    with pytest.raises(GraphFileError, match="no folder"):
        load_bundle(tmp_path / "none")
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    assert load_bundle(tmp_path) == FILES

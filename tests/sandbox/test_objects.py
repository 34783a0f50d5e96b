"""The object endpoints hand out, leave out, mask and refuse as the real ones do."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest

from sandbox.places import oid, place_on
from speckle2pg.sandbox import SandboxServer
from speckle2pg.sandbox.routes import OBJECT_STREAM

if TYPE_CHECKING:
    from sandbox.places import Place

ROOT = {
    "id": oid(1),
    "name": "корень\u2028line",
    "whole": 1.0,
    "properties": {"b": 1, "aa": 2, "c.d": 3},
    "__closure": {oid(2): 1, oid(3): 2},
}


@pytest.fixture
def stocked(place: Place) -> Place:
    place.server.world.add_objects(place.project.id, {oid(1): ROOT, oid(2): {"id": oid(2)}, oid(3): {"id": oid(3)}})
    return place


async def test_missing_ids_are_left_out_with_status_200(stocked: Place) -> None:
    status, body = await stocked.stream(oid(3), oid(77), oid(2))
    assert status == 200
    assert [line.split(b"\t")[0].decode() for line in body.splitlines()] == [oid(2), oid(3)]


async def test_missing_ids_can_come_later(stocked: Place) -> None:
    stocked.server.world.withhold_objects(stocked.project.id, [oid(2)])
    assert await stocked.stream(oid(2)) == (200, b"")
    stocked.server.world.release_objects(stocked.project.id)
    assert (await stocked.stream(oid(2)))[1].startswith(oid(2).encode())


async def test_the_text_is_that_of_jsonb(stocked: Place) -> None:
    _, body = await stocked.stream(oid(1))
    text = body.decode().split("\t")[1]
    assert text.startswith(f'{{"id": "{oid(1)}", "name": "корень\u2028line", "whole": 1, "__closure": ')
    assert '"properties": {"b": 1, "aa": 2, "c.d": 3}' in text
    assert body.count(b"\n") == 1, "only the end of the line is a line end"


async def test_ids_are_ordered_within_a_thousand_asked_for(place: Place) -> None:
    ids = [oid(number) for number in range(1500, 0, -1)]
    place.server.world.add_objects(place.project.id, {key: {"id": key} for key in ids})
    _, body = await place.stream(*ids)
    got = [line.split(b"\t")[0].decode() for line in body.splitlines()]
    assert got == sorted(ids[:1000]) + sorted(ids[1000:])


async def test_an_include_mask_keeps_paths_in_its_own_order(stocked: Place) -> None:
    mask = {"include": ["properties.aa", "id", "nobody"]}
    _, body = await stocked.stream(oid(1), attributeMask=mask)
    assert body.decode() == f'{oid(1)}\t{{"properties":{{"aa":2}},"id":"{oid(1)}"}}\n'


async def test_an_exclude_mask_takes_paths_out(stocked: Place) -> None:
    mask = {"exclude": ["__closure", "properties.b", "name"]}
    _, body = await stocked.stream(oid(1), attributeMask=mask)
    assert body.decode().endswith(f'{{"id":"{oid(1)}","whole":1,"properties":{{"aa":2,"c.d":3}}}}\n')


@pytest.mark.parametrize(
    "body",
    [
        {"objectIds": []},
        {"objectIds": [oid(1)], "attributeMask": {"include": ["id"], "exclude": ["a"]}},
        {"objectIds": [oid(1)], "foo": 1},
        {},
    ],
)
async def test_a_wrong_body_is_a_list_of_issues(place: Place, body: dict[str, object]) -> None:
    path = f"{place.server.url}/api/v2/projects/{place.project.id}/object-stream"
    async with place.http.post(path, json=body) as response:
        assert response.status == 400
        assert (await response.json())[0]["errors"]["name"] == "ZodError"


async def test_it_is_gzip_whatever_is_asked(stocked: Place) -> None:
    path = f"{stocked.server.url}/api/v2/projects/{stocked.project.id}/object-stream"
    headers = {"Accept-Encoding": "identity"}
    async with stocked.http.post(path, json={"objectIds": [oid(2)]}, headers=headers) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Content-Type"] == "text/plain; charset=UTF-8"


async def test_getobjects_needs_its_accept_header_for_lines(stocked: Place) -> None:
    path = f"{stocked.server.url}/api/getobjects/{stocked.project.id}"
    body = {"objects": json.dumps([oid(3), oid(2), oid(9)])}
    async with stocked.http.post(path, json=body, headers={"Accept": "text/plain"}) as response:
        assert (await response.text()).splitlines()[0] == f'{oid(2)}\t{{"id": "{oid(2)}"}}'
    async with stocked.http.post(path, data=body) as response:
        assert [found["id"] for found in json.loads(await response.text())] == [oid(2), oid(3)]


async def test_single_is_plain_json(stocked: Place) -> None:
    path = f"{stocked.server.url}/objects/{stocked.project.id}/{oid(1)}/single"
    async with stocked.http.get(path) as response:
        assert "Content-Encoding" not in response.headers
        assert (await response.json())["totalChildrenCount"] is None


async def test_a_tree_repeats_children_when_two_projects_hold_the_root(stocked: Place) -> None:
    anna = next(iter(stocked.server.world.users.values()))
    other = stocked.server.world.create_project(anna, "Copy")
    stocked.server.world.add_objects(other.id, {oid(1): ROOT})
    path = f"{stocked.server.url}/objects/{stocked.project.id}/{oid(1)}"
    async with stocked.http.get(path, headers={"Accept": "text/plain"}) as response:
        ids = [line.split("\t")[0] for line in (await response.text()).split("\n") if line]
    assert ids == [oid(1), oid(2), oid(2), oid(3), oid(3)]


async def test_statuses_for_no_access_and_unknown_projects(stocked: Place) -> None:
    bob = stocked.server.world.add_user("Bob")
    foreign = stocked.server.world.create_project(bob, "Bob's")
    url, seen = stocked.server.url, {}
    for name, project_id in (("foreign", foreign.id), ("unknown", "0000000000")):
        async with stocked.http.get(f"{url}/objects/{project_id}/{oid(1)}/single") as response:
            seen[name, "old"] = (response.status, await response.text())
        path = f"{url}/api/v2/projects/{project_id}/object-stream"
        async with stocked.http.post(path, json={"objectIds": [oid(1)]}) as response:
            seen[name, "new"] = (response.status, (await response.json())["error"])
    assert seen["foreign", "old"] == (401, "")
    assert seen["unknown", "old"] == (404, "")
    assert seen["foreign", "new"] == (403, "You do not have access to the project")
    assert seen["unknown", "new"][0] == 404


async def test_without_a_token_private_objects_are_refused(stocked: Place) -> None:
    url = f"{stocked.server.url}/objects/{stocked.project.id}/{oid(1)}/single"
    async with aiohttp.ClientSession() as nobody:
        async with nobody.get(url) as response:
            assert response.status == 401
        await stocked.server.update_project(stocked.project.id, visibility="PUBLIC")
        async with nobody.get(url) as response:
            assert response.status == 200


async def test_an_upload_is_stored_as_javascript_and_jsonb_leave_it(place: Place) -> None:
    text = f'[{{"zeta":1.0,"id":"{oid(5)}","big":9007199254740993,"huge":12345678901234567890,"small":1.5e-7}}]'
    form = aiohttp.FormData()
    packed = gzip.compress(text.encode())
    form.add_field("batch-1", packed, filename="batch-1", content_type="application/gzip")
    async with place.http.post(f"{place.server.url}/objects/{place.project.id}", data=form) as response:
        assert (response.status, await response.read()) == (201, b"")
    _, body = await place.stream(oid(5))
    assert body.decode() == (
        f'{oid(5)}\t{{"id": "{oid(5)}", "big": 9007199254740992, "huge": 12345678901234567000, '
        '"zeta": 1, "small": 0.00000015}\n'
    )


@pytest.mark.parametrize("text", [f'[{{"id":"{oid(5)}","a":"\\u0000"}}]', '[{"id":"short"}]', '{"id":1}', "no"])
async def test_what_postgresql_refuses_is_a_bad_request(place: Place, text: str) -> None:
    form = aiohttp.FormData()
    form.add_field("batch-1", text.encode(), filename="batch-1", content_type="application/json")
    async with place.http.post(f"{place.server.url}/objects/{place.project.id}", data=form) as response:
        assert response.status == 400


async def test_a_server_without_the_stream_answers_404_html() -> None:
    async with SandboxServer(object_stream=False) as server, place_on(server) as place:
        status, body = await place.stream(oid(1))
        assert status == 404
        assert body.startswith(b"<!DOCTYPE html>")


async def test_requests_bytes_and_objects_are_counted(stocked: Place) -> None:
    _, body = await stocked.stream(oid(1), oid(2), oid(9))
    counts = stocked.server.counts
    assert counts.requests[OBJECT_STREAM] == 1
    assert (counts.objects_requested, counts.objects_sent) == (3, 2)
    assert 0 < counts.bytes_sent[OBJECT_STREAM] < len(body)

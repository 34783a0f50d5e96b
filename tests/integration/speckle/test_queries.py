"""Lists are whole whatever the server's cursors skip, and each error of GraphQL has its meaning."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from integration.speckle.conftest import client_of
from speckle2pg.errors import (
    FatalError,
    GoneError,
    RetryableError,
    Speckle2pgError,
    TokenRefusedError,
    UnreadableError,
)
from speckle2pg.sandbox import Cut, Fault, SandboxServer
from speckle2pg.speckle import http as http_module

if TYPE_CHECKING:
    from integration.speckle.conftest import Client

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROOT = "a" * 32
QUERY = "query { serverInfo { name } }"


async def publish(client: Client, model: str, moments: list[int]) -> list[str]:
    """Ids of versions created so many milliseconds after noon."""
    created = [
        await client.server.publish(client.project, model, ROOT, created_at=NOON + timedelta(milliseconds=moment))
        for moment in moments
    ]
    return [version.id for version in created]


@pytest.mark.parametrize(
    "moments",
    [
        [*range(65), *[65] * 120, *range(66, 131)],
        [0] * 250,
        [*range(50), *[50] * 100, *range(51, 151)],
        [*[number // 40 for number in range(250)]],
        [*range(100)],
        [*range(101)],
        [],
    ],
    ids=["120 in one", "250 in one", "a page in one", "40 each", "one page", "one more", "none"],
)
async def test_no_version_is_missed_where_creation_times_are_equal(client: Client, moments: list[int]) -> None:
    model = client.server.world.create_model(client.project, "m").id
    ids = await publish(client, model, moments)
    listed = await client.queries.versions(client.project, model, ())
    assert len(listed) == len(ids)
    assert {version.id for version in listed} == set(ids)
    assert listed == sorted(listed, key=lambda version: version.order, reverse=True)
    assert client.server.counts.requests["POST /graphql"] <= len(moments) // 100 + 2


async def test_a_known_version_ends_the_listing(client: Client) -> None:
    model = client.server.world.create_model(client.project, "m").id
    ids = await publish(client, model, list(range(350)))
    listed = await client.queries.versions(client.project, model, {ids[200]})
    assert {version.id for version in listed} >= set(ids[201:])
    assert client.server.counts.requests["POST /graphql"] == 2


async def test_no_model_is_missed_where_their_times_are_equal(client: Client) -> None:
    models = {client.server.world.create_model(client.project, f"m{number}").id for number in range(230)}
    for model_id in models:
        client.server.world.model(client.project, model_id).updated_at = NOON
    listing = await client.queries.project(client.project)
    assert {model.id for model in listing.models} == models
    assert len(listing.models) == 230


async def test_a_model_that_moves_while_the_list_is_paged_is_neither_missed_nor_doubled(client: Client) -> None:
    models = [client.server.world.create_model(client.project, f"m{number}").id for number in range(150)]
    slow = client.server.faults.add(Fault(path="/graphql", operation="models", skip=1, latency=0.05, times=1))
    task = asyncio.create_task(client.queries.project(client.project))
    await slow.used.wait()
    for model_id in models[:20]:
        await client.server.publish(client.project, model_id, ROOT)
    listing = await task
    assert sorted(model.id for model in listing.models) == sorted(models)


async def test_a_model_that_is_gone_is_told_from_a_project_that_is_gone(client: Client) -> None:
    assert await client.queries.model(client.project, "0000000000") is None
    with pytest.raises(GoneError):
        await client.queries.model("0000000000", "0000000000")


async def test_a_proxy_that_says_404_never_makes_a_model_gone(client: Client) -> None:
    """What would follow is the removal of all its rows."""
    model = client.server.world.create_model(client.project, "m").id
    client.server.faults.add(Fault(path="/graphql", status=404, body="<html>", times=1))
    found = await client.queries.model(client.project, model)
    assert found is not None
    assert found.id == model
    client.server.faults.add(Fault(path="/graphql", status=404, body="<html>"))
    with pytest.raises(RetryableError, match="404"):
        await client.queries.project(client.project)


@pytest.mark.parametrize(
    ("fault", "kind", "requests"),
    [
        (Fault(reset=True), RetryableError, 6),
        (Fault(status=503), RetryableError, 3),
        (Fault(status=500, body="<html>"), RetryableError, 3),
        (Fault(status=200, body="<html>hello</html>"), RetryableError, 3),
        (Fault(status=200, body="[1]"), RetryableError, 3),
        (Fault(status=200, body="null"), RetryableError, 3),
        (Fault(status=200, body='{"data":null}'), RetryableError, 3),
        (Fault(status=200, body='{"data":{"project":null}}'), RetryableError, 1),
        (Fault(status=200, body='{"data":{"project":{"models":{"items":[{"id":1}]}}}}'), RetryableError, 1),
        (Fault(status=200, body='{"errors":[{"message":"x","extensions":{"code":"FORBIDDEN"}}]}'), UnreadableError, 1),
        (Fault(status=200, body='{"errors":[{"message":"x","extensions":[]}]}'), RetryableError, 3),
        (Fault(status=200, body='{"errors":["x"]}'), RetryableError, 3),
        (Fault(status=200, body='{"errors":[{"extensions":{"code":"RATE_LIMIT_ERROR"}}]}'), RetryableError, 3),
        (Fault(status=400, body='{"errors":[{"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}'), FatalError, 1),
        (Fault(status=400, body='{"error":{"message":"Invalid request body"}}'), RetryableError, 3),
        (Fault(status=403, body='{"error":"Your token is not valid."}'), TokenRefusedError, 1),
        (Fault(status=403, body="<html>"), UnreadableError, 1),
        (Fault(status=307), RetryableError, 3),
        (Fault(cut=Cut(after=20)), RetryableError, 3),
        (Fault(cut=Cut(after=20, ending="clean")), RetryableError, 3),
    ],
    ids=lambda value: f"{value.status} {value.body[:60]}" if isinstance(value, Fault) else "",
)
async def test_each_failure_has_its_meaning_and_retries_are_bounded(
    client: Client, monkeypatch: pytest.MonkeyPatch, fault: Fault, kind: type[Speckle2pgError], requests: int
) -> None:
    monkeypatch.setattr(http_module, "FIRST_PAUSE", 0.001)
    client.server.faults.add(fault)
    with pytest.raises(Speckle2pgError) as caught:
        await client.queries.project(client.project)
    assert type(caught.value) is kind
    assert client.server.counts.requests["POST /graphql"] == requests
    assert client.token not in str(caught.value)


async def test_a_batch_tells_each_operation_its_own_error(client: Client) -> None:
    unknown = 'query { project(id: "0000000000") { id } }'
    good, gone, bad = await client.http.graphql_batch(
        [(QUERY, {}), (unknown, {}), ("query { nope }", {})], what="asking"
    )
    assert isinstance(good, dict)
    assert good["serverInfo"]
    assert isinstance(gone, GoneError)
    assert isinstance(bad, FatalError)
    assert client.server.counts.requests["POST /graphql"] == 1


async def test_a_batch_answered_by_too_few_is_retried(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "FIRST_PAUSE", 0.001)
    client.server.faults.add(Fault(path="/graphql", status=200, body='[{"data":{}}]', times=1))
    assert len(await client.http.graphql_batch([(QUERY, {}), (QUERY, {})], what="asking")) == 2


@pytest.mark.parametrize("after", ["0.3", "date"])
async def test_retry_after_is_honoured_by_every_request(client: Client, after: str) -> None:
    """In seconds with a fraction, or as a date, which has whole seconds only."""
    if after == "date":
        after = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    loop = asyncio.get_running_loop()
    ids = client.stock(1)
    client.server.faults.add(Fault(path="*/object-stream", status=429, retry_after=after, times=1))
    begun = loop.time()
    with pytest.raises(RetryableError) as caught:
        await client.read(ids)
    assert caught.value.retry_after is not None
    await client.queries.project(client.project)
    assert loop.time() - begun >= caught.value.retry_after - 0.05
    assert client.server.counts.statuses[429] == 1


async def test_a_long_pause_is_the_callers_and_nothing_is_asked_meanwhile(client: Client) -> None:
    client.server.faults.add(Fault(path="/graphql", status=429, retry_after="120", times=1))
    for _ in range(3):
        with pytest.raises(RetryableError) as caught:
            await client.queries.project(client.project)
        assert 100 < (caught.value.retry_after or 0) <= 120
    assert client.server.counts.requests["POST /graphql"] == 1


async def test_a_server_with_a_rate_limit_is_read_at_its_rate(client: Client) -> None:
    client.server.limits.add("/graphql", 3, seconds=0.2)
    await asyncio.gather(*(client.queries.project(client.project) for _ in range(8)))
    assert client.server.counts.statuses[200] == 8


async def test_our_own_rate_is_bounded(sandbox: SandboxServer) -> None:
    async with client_of(sandbox, requests_per_second=20) as client:
        begun = asyncio.get_running_loop().time()
        for _ in range(70):
            await client.http.graphql(QUERY, {}, what="asking")
        assert asyncio.get_running_loop().time() - begun >= 0.45


async def test_after_an_error_reply_the_next_question_is_answered() -> None:
    async with SandboxServer(break_after_error=True) as server, client_of(server, attempts=1) as client:
        for _ in range(3):
            with pytest.raises(FatalError):
                await client.http.graphql("query { nope }", {}, what="asking")
            assert await client.http.graphql(QUERY, {}, what="asking")


async def test_a_redirection_is_named_and_the_token_does_not_follow_it(client: Client) -> None:
    client.server.faults.add(Fault(path="/graphql", status=302))
    with pytest.raises(RetryableError, match="SPECKLE_SERVER_URL"):
        await client.http.graphql(QUERY, {}, what="asking")


async def test_the_token_is_in_no_address(client: Client) -> None:
    asked: list[str] = []

    async def note(_session: object, _context: object, request: aiohttp.TraceRequestStartParams) -> None:
        asked.append(str(request.url))

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(note)
    trace.freeze()
    assert client.http._session is not None
    client.http._session._trace_configs.append(trace)
    await client.read(client.stock(1))
    await client.queries.greeting()
    assert len(asked) == 2
    assert not [path for path in asked if client.token in path]


async def test_the_greeting_says_who_the_server_takes_us_for(client: Client) -> None:
    greeting = await client.queries.greeting()
    assert (greeting.user, greeting.server.canonical_url) == ("Anna", client.server.url)


async def test_all_projects_of_the_token_are_found(client: Client) -> None:
    user = next(iter(client.server.world.users.values()))
    ids = {client.server.world.create_project(user, f"p{number}").id for number in range(120)}
    assert {project.id for project in await client.queries.user_projects()} == {*ids, client.project}

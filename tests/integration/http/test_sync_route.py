"""`POST /sync`: every answer that it has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.bridge import sample_bridge
from speckle2pg.sandbox.faults import Fault
from support.oracle import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from speckle2pg.sandbox import SandboxServer

BRIDGE = sample_bridge()


async def _registered(site: Any, world: Any) -> None:
    answer = await site.post("/projects", {"stream_id": world.project_id})
    assert answer.status == 201


async def test_success_gives_the_elements_present_and_the_time(site: Callable[..., Any], world: Any) -> None:
    async with site() as at:
        await _registered(at, world)
        answer = await at.post("/sync", {"stream_id": world.project_id})
        assert answer.status == 200
        assert answer.body.keys() == {"status", "elements_processed", "time_elapsed"}
        assert answer.body["status"] == "success"
        assert answer.body["elements_processed"] == BRIDGE[0].elements
        assert answer.body["time_elapsed"].endswith("s")
        assert float(answer.body["time_elapsed"][:-1]) >= 0


async def test_the_newest_object_syncs_its_model_only(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer
) -> None:
    other = sandbox.world.create_model(world.project_id, "as built")
    await sandbox.publish(world.project_id, other.id, BRIDGE[1].root_id, objects=BRIDGE[1].objects)
    async with site() as at:
        await _registered(at, world)
        both = await at.post("/sync", {"stream_id": world.project_id})
        assert both.body["elements_processed"] == BRIDGE[0].elements + BRIDGE[1].elements
        one = await at.post("/sync", {"stream_id": world.project_id, "object_id": BRIDGE[1].root_id})
        assert one.body["elements_processed"] == BRIDGE[1].elements


async def test_an_object_that_is_newest_in_two_models_counts_in_both(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer
) -> None:
    twin = sandbox.world.create_model(world.project_id, "twin")
    await sandbox.publish(world.project_id, twin.id, BRIDGE[0].root_id)
    async with site() as at:
        await _registered(at, world)
        answer = await at.post("/sync", {"stream_id": world.project_id, "object_id": BRIDGE[0].root_id})
        assert answer.body["elements_processed"] == 2 * BRIDGE[0].elements


async def test_an_object_that_is_not_newest_is_refused_and_the_newest_named(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer
) -> None:
    await sandbox.publish(world.project_id, world.model_id, BRIDGE[1].root_id, objects=BRIDGE[1].objects)
    async with site() as at:
        await _registered(at, world)
        for path in ("/sync", "/sync?wait=false"):
            answer = await at.post(path, {"stream_id": world.project_id, "object_id": BRIDGE[0].root_id})
            answer.problem(409, BRIDGE[1].root_id)


async def test_a_project_that_is_not_registered_or_is_paused_is_404(
    site: Callable[..., Any], world: Any, owner_url: str
) -> None:
    async with site() as at:
        (await at.post("/sync", {"stream_id": "abcdef0123"})).problem(404, "abcdef0123", "not registered")
        await _registered(at, world)
        rows(owner_url, "UPDATE projects SET enabled = false RETURNING id")
        (await at.post("/sync", {"stream_id": world.project_id})).problem(404, "paused")
        (await at.post("/sync?wait=false", {"stream_id": world.project_id})).problem(404, "paused")


async def test_a_project_deleted_on_the_server_is_404_and_its_rows_stay(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    async with site() as at:
        await _registered(at, world)
        assert (await at.post("/sync", {"stream_id": world.project_id})).status == 200
        await sandbox.delete_project(world.project_id)
        (await at.post("/sync", {"stream_id": world.project_id})).problem(404, "gone")
        assert rows(owner_url, "SELECT state FROM projects")[0]["state"] == "gone"
        present = rows(owner_url, "SELECT count(*) AS n FROM model_elements WHERE removed_at IS NULL")
        assert present[0]["n"] == BRIDGE[0].elements


async def test_a_version_that_cannot_be_applied_is_no_success(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer
) -> None:
    version = await sandbox.publish(world.project_id, world.model_id, None)
    async with site() as at:
        await _registered(at, world)
        (await at.post("/sync", {"stream_id": world.project_id})).problem(409, version.id, "failed")


async def test_a_server_that_fails_is_503_with_retry_after(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer
) -> None:
    async with site(use_subscription=False) as at:
        await _registered(at, world)
        assert (await at.post("/sync", {"stream_id": world.project_id})).status == 200
        sandbox.faults.add(Fault(path="/graphql", status=502))
        answer = await at.post("/sync", {"stream_id": world.project_id})
        answer.problem(503, "502")
        assert int(answer.headers["Retry-After"]) > 0


async def test_without_waiting_a_task_is_kept_and_settled(site: Callable[..., Any], world: Any, owner_url: str) -> None:
    async with site() as at:
        await _registered(at, world)
        answer = await at.post("/sync?wait=false", {"stream_id": world.project_id})
        assert answer.status == 202
        settled = await _settled(owner_url, answer.body["task"])
        assert settled["result"]["state"] == "ok"
        assert settled["requested_by"] == "admin token"


async def test_a_task_accepted_before_the_server_answers_is_done_after_a_restart(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    rows(owner_url, "INSERT INTO projects (id) VALUES (%s) RETURNING id", world.project_id)
    away = sandbox.faults.add(Fault(path="/graphql", reset=True))
    async with site() as at:
        await away.used.wait()
        (await at.post("/sync", {"stream_id": world.project_id})).problem(503, "Speckle")
        answer = await at.post("/sync?wait=false", {"stream_id": world.project_id})
        assert answer.status == 202
        assert rows(owner_url, "SELECT handled_at FROM sync_requests") == [{"handled_at": None}]
    assert rows(owner_url, "SELECT handled_at FROM sync_requests") == [{"handled_at": None}]
    away.remove()
    async with site():
        settled = await _settled(owner_url, answer.body["task"])
    assert settled["result"]["state"] == "ok"


async def test_a_task_that_is_interrupted_by_the_end_of_the_daemon_stays_open(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    rows(owner_url, "INSERT INTO projects (id) VALUES (%s) RETURNING id", world.project_id)
    slow = sandbox.faults.add(Fault(path="/api/*", silent=True))
    async with site(shutdown_timeout=0.2) as at:
        await slow.used.wait()
        answer = await at.post("/sync?wait=false", {"stream_id": world.project_id})
        assert answer.status == 202
    assert rows(owner_url, "SELECT handled_at FROM sync_requests") == [{"handled_at": None}]
    assert rows(owner_url, "SELECT count(*) AS n FROM model_elements")[0]["n"] == 0
    slow.remove()
    async with site():
        assert (await _settled(owner_url, answer.body["task"]))["result"]["state"] == "ok"


async def _settled(url: str, task: int) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found = rows(url, "SELECT * FROM sync_requests WHERE id = %s", task)
            if found[0]["handled_at"] is not None:
                return found[0]
            await asyncio.sleep(0.02)


ODD_BODIES = (
    ("/sync", b"", 400, "JSON"),
    ("/sync", b"{", 400, "JSON"),
    ("/sync", b"\xff\xfe\x00", 400, "JSON"),
    ("/sync", b"[" * 60000, 400, "JSON"),
    ("/sync", b"9" * 5000, 400, "JSON"),
    ("/sync", b'"\\ud800"', 422, "object"),
    ("/sync", b"[]", 422, "object"),
    ("/sync", b"null", 422, "object"),
    ("/sync", b"NaN", 422, "object"),
    ("/sync", b"{}", 422, "stream_id is missing"),
    ("/sync", b'{"stream_id": null}', 422, "stream_id is missing"),
    ("/sync", b'{"stream_id": 7}', 422, "stream_id"),
    ("/sync", b'{"stream_id": true}', 422, "stream_id"),
    ("/sync", b'{"stream_id": ["a"]}', 422, "stream_id"),
    ("/sync", b'{"stream_id": ""}', 422, "stream_id"),
    ("/sync", b'{"stream_id": "a\\u0000b"}', 422, "stream_id"),
    ("/sync", b'{"stream_id": "\\ud800"}', 422, "stream_id"),
    ("/sync", b'{"stream_id": "../../x"}', 422, "stream_id"),
    ("/sync", b'{"stream_id": "abc\\n"}', 422, "stream_id"),
    ("/sync", b'{"stream_id": "abc", "object_id": 5}', 422, "object_id"),
    ("/sync", b'{"stream_id": "abc", "object_id": "\\u0000"}', 422, "object_id"),
    ("/sync", b'{"stream_id": "abc", "objectid": "x"}', 422, "objectid"),
    ("/sync", b'{"stream_id": "abc", "\\u0000\\ud800": 1}', 422, "not known"),
    ("/sync?wait=perhaps", b'{"stream_id": "abc"}', 422, "wait"),
    ("/projects", b'{"stream_id": "abc", "name": 5}', 422, "name"),
    ("/projects", b'{"stream_id": "abc", "name": ""}', 422, "name"),
    ("/projects", b'{"stream_id": "abc", "name": "\\u0000"}', 422, "name"),
    ("/projects", b'{"stream_id": "abc", "name": "\\ud800"}', 422, "name"),
    ("/projects", b'{"stream_id": "abc", "name": "' + b"n" * 501 + b'"}', 422, "name"),
    ("/projects", b" " * 70000, 413, "too large"),
)


async def test_odd_bodies_get_a_problem_that_says_what_is_wrong(site: Callable[..., Any]) -> None:
    async with site() as at:
        for path, body, status, word in ODD_BODIES:
            (await at.ask("POST", path, data=body)).problem(status, word)


async def test_a_project_that_becomes_readable_again_is_followed_on(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    other = sandbox.world.add_user("Boris")
    sandbox.world.set_role(world.project_id, other.id, "stream:owner")
    sandbox.world.set_role(world.project_id, world.user.id, None)
    rows(owner_url, "INSERT INTO projects (id) VALUES (%s) RETURNING id", world.project_id)
    async with site() as at:
        (await at.post("/sync", {"stream_id": world.project_id})).problem(404, "unreadable")
        told = rows(owner_url, "SELECT state, state_reason FROM projects")[0]
        assert told["state"] == "unreadable"
        assert told["state_reason"]
        sandbox.world.set_role(world.project_id, world.user.id, "stream:reviewer")
        answer = await at.post("/sync", {"stream_id": world.project_id})
        assert answer.body["elements_processed"] == BRIDGE[0].elements
    assert rows(owner_url, "SELECT state, state_reason FROM projects") == [{"state": "ok", "state_reason": None}]

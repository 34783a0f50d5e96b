"""`POST /projects`: registering by HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speckle2pg.sandbox.bridge import sample_bridge
from speckle2pg.sandbox.faults import Fault
from support.oracle import rows, until_current

if TYPE_CHECKING:
    from collections.abc import Callable

    from speckle2pg.sandbox import SandboxServer


async def test_a_new_project_is_registered_named_and_synced(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    async with site() as at:
        answer = await at.post("/projects", {"stream_id": world.project_id})
        assert answer.status == 201
        assert answer.body["id"] == world.project_id
        assert answer.body["name"] == "Bridge"
        assert answer.body["enabled"] is True
        await until_current(owner_url, sandbox, [world.project_id])
    counted = rows(owner_url, "SELECT sum(element_count) AS n FROM models")
    assert counted[0]["n"] == sample_bridge()[0].elements
    assert rows(owner_url, "SELECT actor, action FROM admin_log") == [
        {"actor": "admin token", "action": "projects add"}
    ]


async def test_twice_gives_the_existing_row_as_it_is(site: Callable[..., Any], world: Any, owner_url: str) -> None:
    async with site() as at:
        first = await at.post("/projects", {"stream_id": world.project_id, "name": "one"})
        assert first.status == 201
        rows(owner_url, "UPDATE projects SET enabled = false, model_globs = '{x*}' RETURNING id")
        second = await at.post("/projects", {"stream_id": world.project_id, "name": "two"})
    assert second.status == 200
    assert second.body["id"] == world.project_id
    assert second.body["name"] != "two"
    assert second.body["model_globs"] == ["x*"]
    assert second.body["enabled"] is False, "a person's pause is not undone by a program"
    assert rows(owner_url, "SELECT count(*) AS n FROM projects")[0]["n"] == 1


async def test_a_project_that_the_server_does_not_know_or_does_not_show_is_not_registered(
    site: Callable[..., Any], sandbox: SandboxServer, owner_url: str
) -> None:
    other = sandbox.world.add_user("Boris")
    private = sandbox.world.create_project(other, "private")
    async with site() as at:
        for project_id in ("0123456789", private.id):
            (await at.post("/projects", {"stream_id": project_id})).problem(404, project_id)
    assert rows(owner_url, "SELECT id FROM projects") == []


async def test_a_server_that_fails_registers_nothing(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    async with site(use_subscription=False) as at:
        assert (await at.post("/projects", {"stream_id": "0123456789"})).status == 404
        sandbox.faults.add(Fault(path="/graphql", status=503))
        (await at.post("/projects", {"stream_id": world.project_id})).problem(503)
    assert rows(owner_url, "SELECT id FROM projects") == []

"""Deleting for good: what is old, and what is the daemon's of a project."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import psycopg

from integration.history.feeding import Consumer
from support.logins import run
from support.oracle import rows
from support.waiting import until

if TYPE_CHECKING:
    from speckle2pg.sandbox import SandboxServer
    from support.programs import Program

OURS = ("models", "versions", "model_syncs", "model_objects", "model_elements", "element_history", "projects")


def count(url: str, table: str) -> int:
    return int(run(url, f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608  (a name of this file)


async def test_prune_says_what_it_would_delete_and_then_deletes_it(speckle2pg: Program, owner_url: str) -> None:
    run(owner_url, "INSERT INTO admin_log (actor, action, at) VALUES ('a', 'b', now() - interval '40 days')")
    dry = await speckle2pg("prune", "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert "HISTORY_KEEP_DAYS is 0: for ever." in dry.out
    assert "EVENTS_KEEP_DAYS is 30." in dry.out
    assert "Would delete 1 entries of the administrators' log." in dry.out
    assert count(owner_url, "admin_log") == 1
    done = json.loads((await speckle2pg("prune", "--json")).out)
    assert (done["dry_run"], done["log_entries"], done["images"]) == (False, 1, 0)
    assert rows(owner_url, "SELECT action FROM admin_log") == [{"action": "prune"}]
    assert "Nothing is older." in (await speckle2pg("prune")).out


async def test_a_purge_deletes_what_the_daemon_wrote_and_nothing_of_people(
    speckle2pg: Program, project: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    other = sandbox.world.create_project(sandbox.world.add_user("Other"), "Other")
    for key in (project.id, other.id):
        run(owner_url, "INSERT INTO projects (id) VALUES (%s)", key)
    await speckle2pg("sync", project.id)
    run(
        owner_url,
        "INSERT INTO model_elements SELECT (jsonb_populate_record(e, %s)).* FROM model_elements AS e LIMIT 3",
        json.dumps({"project_id": other.id}),
    )
    run(owner_url, "INSERT INTO element_status (project_id, guid, status) SELECT project_id, guid, 'done' FROM parts")
    parts = count(owner_url, "parts")
    consumer = Consumer(owner_url)
    consumer.follow()
    assert len(consumer.held) == parts + 3

    gone = await speckle2pg("projects", "remove", project.id, "--purge")
    assert (gone.code, gone.err) == (0, "")
    assert gone.out == (
        f"Removed {project.id} and deleted 1 model, 1 versions, {parts} elements and 0 former images; "
        "parts and people's tables stay.\n"
    )
    for table in OURS:
        column = "id" if table == "projects" else "project_id"
        found = rows(owner_url, f"SELECT count(*) AS n FROM {table} WHERE {column} = %s", project.id)  # noqa: S608
        assert found == [{"n": 0}], table
    assert count(owner_url, "model_elements") == 3
    assert count(owner_url, "element_status") == count(owner_url, "parts") == parts
    assert [(row["operation"], row["project_id"], row["guid"]) for row in consumer.follow()] == [
        ("purge", project.id, None)
    ]
    assert {key[0] for key in consumer.held} == {other.id}
    assert rows(owner_url, "SELECT action FROM admin_log") == [{"action": "projects purge"}]

    again = await speckle2pg("projects", "remove", project.id, "--purge")
    assert again.code == 1
    assert "has no rows here" in again.err

    # Registered again, it comes back as it is now, after the purge.
    await speckle2pg("projects", "add", project.id)
    await speckle2pg("sync", project.id)
    consumer.follow()
    assert len(consumer.held) == parts + 3
    fresh = Consumer(owner_url)
    fresh.follow()
    assert fresh.held == consumer.held


async def test_a_purge_waits_for_a_load_and_no_load_follows_it(
    speckle2pg: Program, project: Any, owner_url: str
) -> None:
    run(owner_url, "INSERT INTO projects (id) VALUES (%s)", project.id)
    await speckle2pg("sync", project.id)
    lock = "SELECT 1 FROM models AS m JOIN projects AS p ON p.id = m.project_id FOR UPDATE OF m FOR KEY SHARE OF p"
    with psycopg.connect(owner_url) as load:
        load.execute(lock.encode())
        purge = asyncio.ensure_future(speckle2pg("projects", "remove", project.id, "--purge"))
        waiting = (
            "SELECT count(*) > 0 AS yes FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        await until(lambda: purge.done() or rows(owner_url, waiting) == [{"yes": True}])
        assert not purge.done()
        assert count(owner_url, "model_elements") > 0
    assert (await purge).code == 0
    assert count(owner_url, "model_elements") == 0

"""Health for orchestrators, metrics for Prometheus."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from speckle2pg.sandbox.faults import Fault
from support.databases import Cluster, closed
from support.oracle import rows, until_current
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from speckle2pg.sandbox import SandboxServer

EXPECTED = {
    "speckle2pg_build_info",
    "speckle2pg_lag_seconds",
    "speckle2pg_lag_seconds_max",
    "speckle2pg_project_readable",
    "speckle2pg_projects",
    "speckle2pg_end_to_end_seconds",
    "speckle2pg_stage_duration_seconds",
    "speckle2pg_syncs",
    "speckle2pg_elements",
    "speckle2pg_events",
    "speckle2pg_subscription_connected",
    "speckle2pg_subscription_sockets",
    "speckle2pg_feed_stall_seconds",
    "speckle2pg_queue_depth",
    "speckle2pg_token_accepted",
    "speckle2pg_db_pool_size",
    "speckle2pg_db_pool_available",
    "speckle2pg_db_pool_waiting",
}


async def _metrics(at: Any) -> dict[str, dict[tuple[str, ...], float]]:
    answer = await at.ask("GET", "/metrics", token=None)
    assert answer.status == 200
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(answer.body)
    }


async def _until(at: Any, path: str, status: int) -> Any:
    async with asyncio.timeout(20):
        while True:
            answer = await at.ask("GET", path, token=None)
            if answer.status == status:
                return answer
            await asyncio.sleep(0.05)


async def test_ready_when_the_database_answers_and_the_token_is_accepted(site: Callable[..., Any]) -> None:
    async with site() as at:
        assert (await at.ask("GET", "/livez", token=None)).body == {"status": "alive"}
        ready = await _until(at, "/readyz", 200)
        assert ready.body == {"status": "ready", "reasons": {}}
        health = await at.ask("GET", "/health")
        assert all(health.body["parts"].values())
        assert health.body["database"] == {"reason": None}


async def test_a_refused_token_is_visible_at_once(site: Callable[..., Any]) -> None:
    async with site(token="no-such-token") as at:
        await at.daemon.health.greeted.wait()
        answer = await at.ask("GET", "/readyz", token=None)
        assert answer.status == 503
        assert "SPECKLE_TOKEN" in answer.body["reasons"]["speckle"]
        assert "no-such-token" not in str(answer.body)
        assert (await _metrics(at))["speckle2pg_token_accepted"][()] == 0
        (await at.post("/projects", {"stream_id": "abc"})).problem(503, "token")


async def test_metrics_have_help_sane_names_and_everything_promised(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    async with site() as at:
        await at.post("/projects", {"stream_id": world.project_id})
        await until_current(owner_url, sandbox, [world.project_id])
        text = (await at.ask("GET", "/metrics", token=None)).body
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert families.keys() >= EXPECTED
        for family in families.values():
            assert family.documentation.endswith("."), family.name
            assert re.fullmatch(r"speckle2pg_[a-z0-9_]+", family.name)
        health = await at.ask("GET", "/health")
        assert [(item["projects"], item["connected"]) for item in health.body["subscriptions"]] == [(1, True)]
        values = await _metrics(at)
        assert values["speckle2pg_lag_seconds"] == {(world.project_id,): 0}
        assert values["speckle2pg_project_readable"] == {(world.project_id,): 1}
        assert values["speckle2pg_projects"][("ok",)] == 1


async def test_lag_grows_from_scrape_to_scrape_while_nothing_arrives(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer
) -> None:
    slow = sandbox.faults.add(Fault(path="/api/*", silent=True))
    async with site(shutdown_timeout=0.2) as at:
        await at.post("/projects", {"stream_id": world.project_id})
        await slow.used.wait()
        first = (await _metrics(at))["speckle2pg_lag_seconds"][(world.project_id,)]
        second = (await _metrics(at))["speckle2pg_lag_seconds"][(world.project_id,)]
    assert 0 < first < second


async def test_series_of_a_removed_project_vanish_and_a_gone_one_shows(
    site: Callable[..., Any], world: Any, sandbox: SandboxServer, owner_url: str
) -> None:
    async with site() as at:
        await at.post("/projects", {"stream_id": world.project_id})
        rows(owner_url, "INSERT INTO projects (id) VALUES ('0123456789') RETURNING id")
        await until_current(owner_url, sandbox, [world.project_id])

        async def one_is_gone() -> bool:
            return (await _metrics(at))["speckle2pg_projects"][("gone",)] == 1

        await until(one_is_gone)
        assert (await _metrics(at))["speckle2pg_project_readable"][("0123456789",)] == 0
        gone = rows(owner_url, "SELECT state, state_reason FROM projects WHERE id = '0123456789'")[0]
        assert gone["state"] == "gone"
        assert "0123456789" in gone["state_reason"]
        # In a thread: it may wait for a load, and that needs this loop.
        await asyncio.to_thread(rows, owner_url, "DELETE FROM projects RETURNING id")
        values = await _metrics(at)
        assert values["speckle2pg_lag_seconds"] == {}
        assert values["speckle2pg_project_readable"] == {}


async def test_without_the_database_the_daemon_lives_says_why_and_recovers(
    site: Callable[..., Any], world: Any, cluster: Cluster, database_url: str
) -> None:
    async with site() as at:
        await _until(at, "/readyz", 200)
        with closed(cluster, database_url):
            ready = await _until(at, "/readyz", 503)
            assert ready.body["reasons"].keys() == {"database"}
            live, scraped, health, *posts = await asyncio.gather(
                at.ask("GET", "/livez", token=None),
                at.ask("GET", "/metrics", token=None),
                at.ask("GET", "/health"),
                at.post("/projects", {"stream_id": world.project_id}),
                at.post("/sync", {"stream_id": world.project_id}),
                at.post("/sync?wait=false", {"stream_id": world.project_id}),
            )
            assert live.status == 200
            assert "speckle2pg_token_accepted 1.0" in scraped.body
            assert health.status == 200
            assert health.body["database"]["reason"]
            for answer in posts:
                answer.problem(503)
        await _until(at, "/readyz", 200)
        assert (await at.post("/projects", {"stream_id": world.project_id})).status == 201

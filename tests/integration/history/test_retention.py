"""Retention: what is older than it shall be kept goes, and nothing that can still be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from structlog.testing import capture_logs

from integration.history.buildings import Building, key
from integration.pipeline.bench import collection, element
from speckle2pg.pipeline import retention
from speckle2pg.pipeline.retention import AGAIN, DAY, Keep, Old, Retention, find_old, prune
from speckle2pg.store.database import Database
from support.databases import Cluster, closed
from support.logins import run

if TYPE_CHECKING:
    from integration.pipeline.bench import Bench, Thing

RECORDS = """
INSERT INTO sync_requests (project_id, cause, requested_at, handled_at)
    SELECT 'p', 'admin', now() - age, CASE WHEN handled THEN now() - age END
    FROM unnest('{1d,40d,50d,60d}'::interval[], '{t,t,t,f}'::boolean[]) AS r (age, handled);
INSERT INTO outbound_notifications (url, project_id, payload, state, created_at)
    SELECT 'u', 'p', '{}', state, now() - age
    FROM unnest('{1d,40d,40d,40d}'::interval[], '{delivered,delivered,dead,pending}'::text[]) AS n (age, state);
INSERT INTO admin_log (actor, action, at)
    SELECT 'a', 'b', now() - age FROM unnest('{1d,31d,32d,33d}'::interval[]) AS l (age);
INSERT INTO monitoring_snapshots (taken_at, body)
    SELECT now() - age, '{}' FROM unnest('{1d,31d}'::interval[]) AS s (age)
"""


def building(*beams: int) -> Thing:
    return collection("Building", *(element(key(beam), name=f"Beam {beam}") for beam in beams))


def age(bench: Bench, *days: int) -> None:
    """Lets the model's applications have been that many days ago."""
    for seq, count in enumerate(days, start=1):
        run(
            bench.owner_url,
            "UPDATE model_syncs SET synced_at = now() - make_interval(days => %s) WHERE seq = %s",
            count,
            seq,
        )


def state(bench: Bench, version: str) -> list[dict[str, Any]]:
    return bench.rows("SELECT * FROM elements_as_of('structure', %s) ORDER BY guid", version)


async def test_the_state_shown_at_the_cutoff_and_all_later_ones_stay(
    bench: Bench, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS", 2)
    made = Building(3)
    versions = []
    for _ in range(6):
        made.step()
        versions.append((await bench.show(made.tree())).id)
    age(bench, 100, 50, 40, 20, 10, 0)
    before = {version: state(bench, version) for version in versions}
    ended = bench.rows("SELECT to_seq FROM element_history")
    old = await find_old(database, Keep(30, 0))
    assert old == Old(images=sum(row["to_seq"] <= 3 for row in ended)) != Old()
    assert await prune(database, Keep(30, 0)) == old
    assert await prune(database, Keep(30, 0)) == await find_old(database, Keep(30, 0)) == Old()
    for version in versions[:2]:
        with pytest.raises(psycopg.Error) as caught:
            state(bench, version)
        assert caught.value.sqlstate == "PT410"
    # The third was shown thirty days ago.
    assert {version: state(bench, version) for version in versions[2:]} == {
        version: before[version] for version in versions[2:]
    }
    assert len(bench.rows("SELECT * FROM element_history")) == len(ended) - old.images


async def test_history_is_kept_for_ever_by_default_and_never_less_than_what_is_shown(
    bench: Bench, database: Database
) -> None:
    first = await bench.show(building(1, 2))
    second = await bench.show(building(2, 3))
    age(bench, 1000, 900)
    assert await prune(database, Keep(0, 0)) == Old()
    assert len(state(bench, first.id)) == 2
    assert (await prune(database, Keep(1, 0))).images == 1
    assert len(state(bench, second.id)) == 2
    assert bench.cursor()["history_seq"] == 2
    bench.check()


async def test_a_prune_does_not_make_a_planned_load_stale(bench: Bench, database: Database) -> None:
    await bench.show(building(1))
    age(bench, 10)
    await prune(database, Keep(1, 1))
    await bench.show(building(1, 2))
    assert bench.cursor()["seq"] == 2


async def test_records_of_what_is_done_go_and_of_what_is_to_be_done_stay(
    database: Database, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS", 1)
    for statement in RECORDS.split(";"):
        run(owner_url, statement)
    expected = Old(requests=2, notifications=2, log_entries=3, snapshots=1)
    assert await find_old(database, Keep(0, 30)) == expected
    assert await prune(database, Keep(0, 30)) == expected
    assert run(owner_url, "SELECT count(*) FROM sync_requests WHERE handled_at IS NULL") == [(1,)]
    assert run(owner_url, "SELECT count(*) FROM outbound_notifications WHERE state = 'pending'") == [(1,)]
    assert await prune(database, Keep(0, 0)) == Old()


async def test_the_daemon_prunes_each_day_and_sooner_after_a_fault(
    cluster: Cluster, database_url: str, owner_url: str
) -> None:
    run(owner_url, "INSERT INTO admin_log (actor, action, at) VALUES ('a', 'b', now() - interval '40 days')")
    async with Database(database_url, timeout=0.5) as database:
        source = Retention(database, Keep(30, 30))
        with closed(cluster, owner_url), capture_logs() as logs:
            assert await source._round() == AGAIN
        assert [entry["log_level"] for entry in logs] == ["warning"]
    async with Database(database_url) as database:
        source = Retention(database, Keep(30, 30))
        with capture_logs() as logs:
            assert await source._round() == DAY
            assert await source._round() == DAY
    assert [entry["log_entries"] for entry in logs] == [1]

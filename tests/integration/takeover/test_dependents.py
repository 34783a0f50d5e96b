# ruff: noqa: S608  (statements are made of the literals of this file)
"""What people built on an earlier adapter's tables goes on, or they are told what to do."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest

from integration.takeover.places import BRIDGE, GUIDS, TUNNEL, made_up, sync, take_over
from speckle2pg.errors import SchemaError
from speckle2pg.store.takeover_report import preview
from support.logins import everything, new_login, run

NEW = uuid.UUID(int=99)


def statement_for(url: str, name: str, schema: str = "public") -> str:
    """The statement that comes with a dependent."""
    found = {item.name: item.statement for item in preview(url, schema).dependents}
    statement = found[name]
    assert statement, found
    return statement


def test_views_show_the_same_rows_and_columns_before_and_after(empty_url: str) -> None:
    made_up().restore(empty_url)
    run(empty_url, 'CREATE VIEW "Odd Name" AS SELECT e FROM projects AS e, models AS m WHERE m.id = e.id AND false')
    run(empty_url, 'DROP VIEW "Odd Name"; CREATE VIEW "Odd Name" AS SELECT m.*, p.name AS n FROM models AS m '
                   "JOIN projects AS p USING (id)")  # fmt: skip
    run(
        empty_url,
        "CREATE SCHEMA reports CREATE VIEW of_types AS SELECT element_type, count(*) FROM public.elements GROUP BY 1",
    )
    run(empty_url, "CREATE INDEX ON elements (guid) WHERE status = 'mounted'")
    views = ("mounted", "mounted_by_project", "all_of_it", '"Odd Name"', "reports.of_types")
    about = (
        "SELECT c.oid, c.relname, c.reloptions::text, obj_description(c.oid), a.attname, "
        "format_type(a.atttypid, a.atttypmod), a.attcollation FROM pg_class AS c JOIN pg_attribute AS a ON "
        "a.attrelid = c.oid WHERE c.relkind = 'v' AND c.relname IN ('mounted', 'mounted_by_project', 'all_of_it', "
        "'Odd Name', 'of_types') ORDER BY c.oid, a.attnum"
    )
    shape = (
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '{}'::regclass AND "
        "attnum > 0 ORDER BY attnum"
    )
    before = run(empty_url, about), [sorted(run(empty_url, f"SELECT * FROM {view}"), key=str) for view in views]
    shapes = [run(empty_url, shape.format(name)) for name in ("elements", "models", "projects")]
    take_over(empty_url, zone="America/New_York")
    assert run(empty_url, about) == before[0]
    assert [sorted(run(empty_url, f"SELECT * FROM {view}"), key=str) for view in views] == before[1]
    assert [run(empty_url, shape.format(f"public_earlier.{n}")) for n in ("elements", "models", "projects")] == shapes


def test_views_are_live_afterwards(empty_url: str) -> None:
    made_up().restore(empty_url)
    take_over(empty_url, zone="Europe/Berlin")
    sync(empty_url, BRIDGE, GUIDS[0], "New name")
    sync(empty_url, TUNNEL, NEW, "Not known before")
    run(empty_url, f"INSERT INTO element_status (project_id, guid, status) VALUES ('{TUNNEL}', '{NEW}', 'mounted')")
    run(empty_url, f"UPDATE projects SET name = 'Renamed' WHERE id = '{TUNNEL}'")
    shown = (
        "SELECT element_type, element_name, status, model_id, project_id, contractor, created_at::text FROM all_of_it"
    )
    assert run(empty_url, f"{shown} WHERE guid = '{NEW}'") == [
        ("IfcWall", "Not known before", "mounted", TUNNEL, TUNNEL, None, "2025-06-01 02:00:00")
    ]
    (row,) = run(empty_url, f"{shown} WHERE guid = '{GUIDS[0]}'")
    assert (row[0], row[1], row[3], row[5], row[6]) == (
        "IfcWall",
        "New name",
        BRIDGE,
        "Contractor 0",
        "2024-01-28 02:30:00",
    )
    assert ("Renamed",) in run(empty_url, f"SELECT project FROM mounted WHERE guid = '{NEW}'")
    # One row per guid, in however many models and projects it is; removed ones that were never there are not.
    sync(empty_url, BRIDGE, NEW, "Elsewhere")
    sync(empty_url, TUNNEL, NEW, "Again", model="m2")
    assert len(run(empty_url, f"{shown} WHERE guid = '{NEW}'")) == 1
    assert run(empty_url, "SELECT count(*), count(DISTINCT guid) FROM all_of_it") == [(12, 12)]
    run(empty_url, f"UPDATE model_elements SET removed_at = now() WHERE guid = '{NEW}'")
    assert run(empty_url, "SELECT count(*) FROM all_of_it") == [(11,)]


def test_an_adopted_element_shows_its_project_and_its_status(empty_url: str) -> None:
    earlier = made_up(statuses=11)
    earlier.restore(empty_url)
    take_over(empty_url)
    unassigned = GUIDS[8]
    sync(empty_url, TUNNEL, unassigned, "Found")
    run(empty_url, "UPDATE projects SET state = 'ok', last_reconciled_at = now()")
    assert run(empty_url, "SELECT adopt_statuses()") == [(1,)]
    shown = f"SELECT status, model_id, element_name FROM public_earlier.elements WHERE guid = '{unassigned}'"
    assert run(empty_url, shown) == [(earlier.given[unassigned], TUNNEL, "Found")]
    run(empty_url, f"DELETE FROM element_status WHERE guid = '{unassigned}'")
    assert run(empty_url, shown) == [("not_started", TUNNEL, "Found")]


def test_a_status_is_updated_through_the_old_shape_and_nothing_else_is(empty_url: str) -> None:
    made_up().restore(empty_url)
    take_over(empty_url)
    sync(empty_url, TUNNEL, NEW, "New")
    for guid, project in ((GUIDS[0], BRIDGE), (NEW, TUNNEL)):
        run(empty_url, f"UPDATE all_of_it SET status = 'painted' WHERE guid = '{guid}'")
        kept = f"SELECT project_id, status FROM element_status WHERE guid = '{guid}'"
        assert run(empty_url, kept) == [(project, "painted")]
        run(empty_url, f"UPDATE public_earlier.elements SET status = NULL WHERE guid = '{guid}'")
        assert run(empty_url, kept) == [(project, "not_started")]
    assert run(empty_url, f"SELECT status FROM elements_earlier WHERE guid = '{GUIDS[0]}'") != [("painted",)]
    refused = {
        f"UPDATE all_of_it SET element_name = 'x' WHERE guid = '{NEW}'": ("PT400", "element_name"),
        f"UPDATE all_of_it SET contractor = 'x' WHERE guid = '{GUIDS[0]}'": ("PT400", "contractor"),
        f"UPDATE all_of_it SET status = 'x' WHERE guid = '{GUIDS[9]}'": ("PT409", "no project yet"),
    }
    for statement, (state, word) in refused.items():
        with pytest.raises(psycopg.Error, match=word) as caught:
            run(empty_url, statement)
        assert caught.value.sqlstate == state
        assert caught.value.diag.message_hint


def test_everything_that_hangs_on_the_tables_is_named_before_anything_happens(empty_url: str) -> None:
    made_up().restore(empty_url)
    run(
        empty_url,
        "CREATE RULE quiet AS ON DELETE TO elements DO INSTEAD NOTHING;"
        "ALTER TABLE elements ENABLE ROW LEVEL SECURITY; CREATE POLICY everybody ON elements USING (true);"
        "CREATE PUBLICATION out FOR TABLE projects;"
        "CREATE FUNCTION label(elements) RETURNS text LANGUAGE sql AS 'SELECT $1.element_name'",
    )
    with new_login(empty_url) as (name, _):
        run(empty_url, f"GRANT SELECT ON elements TO {name}")
        before = everything(empty_url)
        found = preview(empty_url, "public")
        assert everything(empty_url) == before
        kinds = {(item.kind, item.name) for item in found.dependents}
        assert kinds == {
            ("view", "public.mounted"), ("view", "public.all_of_it"), ("materialized view", "public.contractors"),
            ("foreign key", "public.acts_guid_fkey"), ("foreign key", "public.budgets_stream_fkey"),
            ("trigger", "public.elements_time"), ("rule", "public.quiet"), ("policy", "public.everybody"),
            ("publication", "out"), ("function", "public.how_many()"), ("function", "public.label(elements)"),
            ("reader", name),
        }  # fmt: skip
        assert all(item.effect for item in found.dependents)
        assert found.further_columns == {"elements": ("contractor", "crew_size", "row_number")}
        take_over(empty_url)


def test_what_people_are_told_to_run_does_what_it_says(empty_url: str) -> None:
    made_up().restore(empty_url)
    names = ("public.acts_guid_fkey", "public.budgets_stream_fkey", "public.contractors", "public.how_many()")
    statements = {name: statement_for(empty_url, name) for name in names}
    before = run(empty_url, "SELECT * FROM contractors ORDER BY 1")
    take_over(empty_url)
    sync(empty_url, TUNNEL, NEW, "New")
    assert run(empty_url, "SELECT how_many()") == [(1,)]
    for statement in statements.values():
        run(empty_url, statement)
    run(empty_url, f"INSERT INTO acts VALUES (100, '{NEW}', now(), '{TUNNEL}')")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        run(empty_url, f"INSERT INTO acts VALUES (101, '{uuid.UUID(int=77)}', now(), '{TUNNEL}')")
    run(empty_url, f"INSERT INTO budgets VALUES ('{TUNNEL}', 1)")
    assert sorted(run(empty_url, "SELECT * FROM contractors"), key=str)[:-1] == before
    assert run(empty_url, "SELECT * FROM contractors WHERE contractor IS NULL") == [(None, 1)]
    assert run(empty_url, "SELECT how_many()") == [(12,)]


def test_who_could_read_the_tables_reads_the_live_views_once_a_member(empty_url: str) -> None:
    made_up().restore(empty_url)
    with new_login(empty_url) as (name, url):
        run(empty_url, f"GRANT SELECT ON elements, projects TO {name}")
        statement = statement_for(empty_url, name)
        take_over(empty_url)
        reading = "SELECT guid FROM public_earlier.elements"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(url, reading)
        run(empty_url, statement)
        assert len(run(url, reading)) == 8
        run(empty_url, f"DELETE FROM project_members WHERE project_id = '{TUNNEL}'")
        assert len(run(url, reading)) == 5
        # To read is not to write.
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(url, f"UPDATE public_earlier.elements SET status = 'x' WHERE guid = '{GUIDS[0]}'")
        # What has no project, no membership shows.
        run(empty_url, f"INSERT INTO project_members VALUES ('', '{name}')")
        assert len(run(url, reading)) == 5


@pytest.mark.parametrize("privilege", ["SELECT, UPDATE", "SELECT, UPDATE (status)"])
def test_a_login_that_wrote_statuses_goes_on_and_signs_them(empty_url: str, privilege: str) -> None:
    made_up().restore(empty_url)
    with new_login(empty_url) as (name, url):
        run(empty_url, f"GRANT {privilege} ON elements TO {name}")
        statement = statement_for(empty_url, name)
        take_over(empty_url)
        run(empty_url, statement)
        run(url, f"UPDATE public_earlier.elements SET status = 'x' WHERE guid = '{GUIDS[0]}'")
        signed = run(empty_url, f"SELECT status, updated_by FROM element_status WHERE guid = '{GUIDS[0]}'")
        assert signed == [("x", name)]


def test_front_ends_see_and_write_only_their_projects_through_the_old_shape(empty_url: str) -> None:
    made_up().restore(empty_url)
    run(empty_url, "GRANT SELECT, UPDATE ON elements TO web_user; GRANT SELECT ON mounted TO web_user")
    take_over(empty_url)
    sync(empty_url, BRIDGE, NEW, "New")
    run(empty_url, f"INSERT INTO project_members VALUES ('{BRIDGE}', 'anna', true), ('{TUNNEL}', 'boris', true)")
    for person, mine, others in (("anna", [*GUIDS[:5], NEW], GUIDS[5]), ("boris", GUIDS[5:8], GUIDS[0])):
        with psycopg.connect(empty_url, autocommit=True) as connection:
            connection.execute(f'SET request.jwt.claims = \'{{"sub": "{person}"}}\''.encode())
            connection.execute("SET ROLE web_user")
            rows = connection.execute("SELECT guid FROM public_earlier.elements ORDER BY guid").fetchall()
            assert [row[0] for row in rows] == mine
            setting = b"UPDATE public_earlier.elements SET status = 'set' WHERE guid = %s"
            assert connection.execute(setting, (mine[-1],)).rowcount == 1
            assert connection.execute(setting, (others,)).rowcount == 0
    signed = run(empty_url, "SELECT guid, updated_by FROM element_status WHERE status = 'set' ORDER BY guid")
    assert signed == [(GUIDS[7], "boris"), (NEW, "anna")]


def test_a_view_of_somebody_elses_is_refused_by_name(empty_url: str) -> None:
    with new_login(empty_url) as (name, url), new_login(empty_url) as (other, _):
        run(
            empty_url,
            f"CREATE SCHEMA site AUTHORIZATION {name}; GRANT CREATE ON DATABASE {database(empty_url)} TO {name}",
        )
        made_up(schema="site", dependents="").restore(url)
        run(url, f"GRANT SELECT ON site.elements TO {other}; GRANT USAGE, CREATE ON SCHEMA site TO {other}")
        run(empty_url, f"SET ROLE {other}; CREATE VIEW site.theirs AS SELECT * FROM site.elements")
        before = everything(empty_url)
        with pytest.raises(SchemaError, match=rf"site\.theirs .*belongs to {other}"):
            take_over(url, "site")
        # Not even a superuser: what it makes the owner of the view could not read.
        with pytest.raises(SchemaError, match=f"table elements belongs to {name}"):
            take_over(empty_url, "site")
        assert everything(empty_url) == before
        run(empty_url, f"ALTER VIEW site.theirs OWNER TO {name}")
        take_over(url, "site")
        assert run(url, "SELECT count(*) FROM site.theirs") == [(11,)]


@pytest.mark.parametrize(
    "made",
    [
        "SELECT e FROM elements AS e",
        "SELECT guid, xmin FROM elements",
        "SELECT e.guid, e.status, count(*) FROM elements AS e JOIN acts USING (guid) GROUP BY e.guid",
        "SELECT guid, label(elements) FROM elements",
    ],
)
def test_a_view_that_cannot_follow_is_named_and_nothing_is_changed(empty_url: str, made: str) -> None:
    made_up().restore(empty_url)
    run(empty_url, "CREATE FUNCTION label(elements) RETURNS text LANGUAGE sql AS 'SELECT $1.element_name'")
    run(empty_url, f"CREATE VIEW stubborn AS {made}")
    before = everything(empty_url)
    # It is foreseen, also beside the adapter at work: only reading is possible beside this lock.
    with psycopg.connect(empty_url) as adapter:
        adapter.execute("LOCK TABLE elements, projects, models IN EXCLUSIVE MODE")
        effects = {item.name: item.effect for item in preview(empty_url, "public").dependents if item.kind == "view"}
    assert {name for name, effect in effects.items() if "cannot follow: " in effect} == {"public.stubborn"}
    assert everything(empty_url) == before
    with pytest.raises(SchemaError, match=r"public\.stubborn cannot .*Nothing was changed\. Rewrite it"):
        take_over(empty_url)
    assert everything(empty_url) == before


def test_a_view_that_cannot_follow_follows_once_it_names_every_column(empty_url: str) -> None:
    made_up().restore(empty_url)
    query = "SELECT e.guid, e.status, count(*) FROM elements AS e JOIN acts USING (guid) GROUP BY e.guid"
    run(empty_url, f"CREATE VIEW stubborn AS {query}; CREATE OR REPLACE VIEW stubborn AS {query}, e.status")
    run(empty_url, "CREATE SCHEMA reports CREATE VIEW elements AS SELECT guid FROM public.elements")
    before = run(empty_url, "SELECT * FROM stubborn ORDER BY guid")
    assert not [item for item in preview(empty_url, "public").dependents if "cannot" in item.effect]
    take_over(empty_url)
    assert run(empty_url, "SELECT * FROM stubborn ORDER BY guid") == before != []


def test_a_materialized_view_that_cannot_be_made_from_live_views_is_named(empty_url: str) -> None:
    made_up().restore(empty_url)
    run(empty_url, "CREATE MATERIALIZED VIEW kept AS SELECT e.guid, e.status FROM elements AS e GROUP BY e.guid")
    found = {item.name: item for item in preview(empty_url, "public").dependents}
    assert "cannot be made from the live views: " in found["public.kept"].effect
    assert (found["public.kept"].statement, found["public.contractors"].statement is None) == (None, False)
    before = run(empty_url, "SELECT * FROM kept ORDER BY guid")
    take_over(empty_url)
    run(empty_url, "REFRESH MATERIALIZED VIEW kept")
    assert run(empty_url, "SELECT * FROM kept ORDER BY guid") == before


def test_a_login_without_temporary_views_is_told_that_nothing_was_tried(empty_url: str) -> None:
    with new_login(empty_url) as (name, url):
        run(empty_url, f"CREATE SCHEMA site AUTHORIZATION {name}")
        run(empty_url, f"REVOKE TEMPORARY ON DATABASE {database(empty_url)} FROM PUBLIC")
        made_up(schema="site").restore(url)
        effects = {item.name: item.effect for item in preview(url, "site").dependents}
        assert "could not be tried: " in effects["site.mounted"]


def database(url: str) -> Any:
    """Name of the database."""
    return run(url, "SELECT current_database()")[0][0]

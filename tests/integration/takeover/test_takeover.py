# ruff: noqa: S608  (statements are made of the literals of this file)
"""An earlier adapter's tables are taken over: every row is kept, and goes where it belongs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from integration.takeover.places import BRIDGE, GUIDS, TUNNEL, made_up, take_over
from speckle2pg.store.takeover_report import outcome, preview
from support.logins import new_login, run

KEPT = ("elements", "models", "projects")


def test_every_row_stays_in_the_renamed_tables_with_all_that_is_theirs(empty_url: str) -> None:
    made_up().restore(empty_url)
    run(empty_url, "GRANT SELECT ON elements TO PUBLIC")
    what = (
        "SELECT 't', c.oid, c.relacl::text, c.relhastriggers FROM pg_class AS c WHERE oid IN ({}) UNION ALL "
        "SELECT 'c', oid, pg_get_constraintdef(oid), NULL FROM pg_constraint WHERE conrelid IN ({}) AND contype <> 'n' "
        "ORDER BY 1, 2"
    )
    old = ", ".join(f"'{name}'::regclass" for name in KEPT)
    new = ", ".join(f"'{name}_earlier'::regclass" for name in KEPT)
    before = run(empty_url, what.replace("{}", old))
    rows = {name: run(empty_url, f"SELECT * FROM {name} ORDER BY 1") for name in KEPT}
    take_over(empty_url)
    renamed = [
        (*row[:2], row[2] and row[2].replace("_earlier", ""), row[3]) for row in run(empty_url, what.replace("{}", new))
    ]
    assert renamed == before
    assert {name: run(empty_url, f"SELECT * FROM {name}_earlier ORDER BY 1") for name in KEPT} == rows
    # What people go on doing there works.
    run(empty_url, "INSERT INTO elements_earlier (guid, contractor) VALUES (gen_random_uuid(), 'new')")
    names = run(empty_url, "SELECT relname FROM pg_class WHERE relname LIKE '%\\_earlier' AND relkind IN ('i', 'S')")
    assert {row[0] for row in names} == {
        *(f"{name}_pkey_earlier" for name in KEPT), "elements_by_status_earlier", "elements_row_number_seq_earlier",
    }  # fmt: skip


def test_statuses_go_to_their_parts_and_those_without_a_project_wait(empty_url: str) -> None:
    earlier = made_up()
    earlier.restore(empty_url)
    take_over(empty_url)
    found = run(empty_url, "SELECT guid, project_id, status FROM taken_over")
    assert {row[0]: row[2] for row in found if row[2]} == earlier.given
    assert {row[0]: row[1] for row in found} == earlier.project_of()
    assigned = sorted((row for row in found if row[1] and row[2]), key=str)
    statuses = run(empty_url, "SELECT guid, project_id, status, effective_on, updated_by FROM element_status")
    assert sorted((row[:3] for row in statuses), key=str) == assigned
    assert {row[3:] for row in statuses} == {(None, "takeover")}
    logged = run(empty_url, "SELECT guid, project_id, new_status, old_status FROM element_status_log")
    assert sorted((row[:3] for row in logged), key=str) == assigned
    parts = run(empty_url, "SELECT guid, project_id FROM parts")
    assert sorted(parts, key=str) == sorted((row[:2] for row in found if row[1]), key=str)
    report = run(empty_url, "SELECT DISTINCT outcome FROM takeover_report")
    assert report == [("waiting",)]


def test_what_was_filled_is_known_to_the_planner(empty_url: str) -> None:
    made_up().restore(empty_url)
    take_over(empty_url)
    tables = "'{taken_over,parts,element_status}'::regclass[]"
    rows = run(empty_url, f"SELECT oid::regclass::text, reltuples FROM pg_class WHERE oid = ANY ({tables})")
    counts = run(empty_url, "SELECT (SELECT count(*) FROM parts), (SELECT count(*) FROM element_status)")[0]
    assert dict(rows) == {"taken_over": 11, "parts": counts[0], "element_status": counts[1]}


def test_projects_are_registered_with_what_was_known_of_them(empty_url: str) -> None:
    made_up().restore(empty_url)
    run(empty_url, "INSERT INTO elements (guid, contractor, project_id) VALUES (gen_random_uuid(), 'x', 'named0003')")
    take_over(empty_url, zone="Europe/Berlin")
    made = datetime(2023, 1, 2, 2, 4, 5, tzinfo=UTC)
    rows = run(empty_url, "SELECT id, name, description, created_at, enabled, state FROM projects ORDER BY id")
    assert rows[:1] + rows[2:] == [
        (BRIDGE, "Мост 0", "Earlier", made, True, "new"),
        (TUNNEL, "Мост 1", "Earlier", made, True, "new"),
    ]
    assert (rows[1][0], rows[1][1], rows[1][4]) == ("named0003", None, True)


@pytest.mark.parametrize(
    ("kept", "meant"),
    [
        ("2024-01-15 12:00:00", "2024-01-15 11:00:00"),
        ("2024-07-15 12:00:00", "2024-07-15 10:00:00"),
        # The hour that the clocks skip, and the one that they show twice.
        ("2024-03-31 02:30:00", "2024-03-31 01:30:00"),
        ("2024-10-27 02:30:00", "2024-10-27 01:30:00"),
    ],
)
def test_times_without_a_zone_are_read_in_the_zone_that_is_set(empty_url: str, kept: str, meant: str) -> None:
    made_up().restore(empty_url)
    run(empty_url, f"UPDATE elements SET created_at = '{kept}'")
    take_over(empty_url, zone="Europe/Berlin")
    moment = datetime.fromisoformat(meant).replace(tzinfo=UTC)
    assert run(empty_url, "SELECT DISTINCT created_at FROM taken_over") == [(moment,)]
    assert run(empty_url, "SELECT DISTINCT first_seen_at, last_seen_at FROM parts") == [(moment, moment)]
    assert run(empty_url, "SELECT DISTINCT created_at::text FROM public_earlier.elements") == [(kept,)]


def test_times_with_a_zone_stay_what_they_are(empty_url: str) -> None:
    made_up(dependents="").restore(empty_url)
    run(empty_url, "ALTER TABLE elements ALTER created_at TYPE timestamptz USING '2024-07-15 12:00+00'")
    take_over(empty_url, zone="Asia/Almaty")
    assert run(empty_url, "SELECT DISTINCT created_at FROM taken_over") == [(datetime(2024, 7, 15, 12, tzinfo=UTC),)]
    types = (
        "SELECT atttypid::regtype::text FROM pg_attribute WHERE attrelid = '{}'::regclass AND attname = 'created_at'"
    )
    assert run(empty_url, types.format("public_earlier.elements")) == [("timestamp with time zone",)]


def test_the_project_is_project_id_else_model_id_else_unknown(empty_url: str) -> None:
    made_up().restore(empty_url)
    run(empty_url, f"UPDATE elements SET project_id = 'other00004' WHERE guid = '{GUIDS[0]}'")
    run(empty_url, f"UPDATE elements SET project_id = '' WHERE guid = '{GUIDS[1]}'")
    run(empty_url, f"UPDATE elements SET project_id = 'no id at all' WHERE guid = '{GUIDS[2]}'")
    found = preview(empty_url, "public")
    assert (found.wrong_projects, found.counts["elements_unassigned"]) == (("no id at all",), 4)
    assert (found.projects, found.unlisted_projects) == ((BRIDGE, "other00004", TUNNEL), ("other00004",))
    take_over(empty_url)
    rows = dict(run(empty_url, "SELECT guid, project_id FROM taken_over"))
    assert [rows[guid] for guid in GUIDS[:4]] == ["other00004", BRIDGE, None, BRIDGE]
    # In its old shape it is as it was.
    shown = run(empty_url, f"SELECT project_id, model_id FROM public_earlier.elements WHERE guid = '{GUIDS[2]}'")
    assert shown == [("no id at all", BRIDGE)]


def test_the_least_that_is_known_is_enough(empty_url: str) -> None:
    run(
        empty_url,
        "CREATE TABLE projects (id varchar(20), name text);"
        "CREATE TABLE elements (guid uuid NOT NULL UNIQUE, element_type text, element_name text, status varchar(20), "
        "created_at timestamp, model_id varchar(20));"
        f"INSERT INTO elements VALUES ('{GUIDS[0]}', NULL, NULL, 'done', NULL, '{BRIDGE}');"
        f"INSERT INTO elements VALUES ('{GUIDS[1]}')",
    )
    take_over(empty_url)
    assert run(empty_url, "SELECT id FROM projects") == [(BRIDGE,)]
    assert run(empty_url, "SELECT status FROM element_status") == [("done",)]
    assert run(empty_url, "SELECT to_regclass('public_earlier.models')") == [(None,)]
    assert run(empty_url, "SELECT guid, status FROM public_earlier.elements ORDER BY 1") == [
        (GUIDS[0], "done"),
        (GUIDS[1], None),
    ]


def test_names_that_are_long_or_taken_get_others(empty_url: str) -> None:
    made_up(dependents="").restore(empty_url)
    long = "ü" * 31
    run(
        empty_url,
        "CREATE TABLE other (x int); CREATE INDEX elements_pkey_earlier ON other (x);"
        f'CREATE INDEX "{long}" ON elements (element_type); CREATE INDEX "{long[:28]}abc" ON elements (crew_size);'
        'ALTER TABLE elements ADD COLUMN "Ход; %s {x}" numeric(10, 2) DEFAULT 1.5',
    )
    take_over(empty_url)
    names = run(empty_url, "SELECT relname FROM pg_class WHERE relkind = 'i' AND relname ~ '_earlier'")
    assert {row[0] for row in names} >= {"elements_pkey_earlier2", f"{long[:27]}_earlier", f"{long[:27]}_earlier2"}
    assert run(empty_url, 'SELECT DISTINCT "Ход; %s {x}"::text FROM public_earlier.elements') == [("1.50",)]


def test_empty_tables_are_taken_over_too(empty_url: str) -> None:
    made_up(dependents="").restore(empty_url)
    run(empty_url, "TRUNCATE elements, projects, models")
    take_over(empty_url)
    found = outcome(empty_url, "public")
    assert found
    assert (found.counts["elements"], found.outcomes) == (0, {})


def test_a_schema_of_its_own_is_taken_over_by_an_owner_that_is_no_superuser(empty_url: str) -> None:
    with new_login(empty_url) as (name, url):
        run(empty_url, f"CREATE SCHEMA site AUTHORIZATION {name}")
        run(empty_url, f"GRANT CREATE ON DATABASE {run(empty_url, 'SELECT current_database()')[0][0]} TO {name}")
        earlier = made_up(schema="site")
        earlier.restore(url)
        before = (
            run(url, "SELECT * FROM site.mounted ORDER BY guid"),
            run(url, "SELECT * FROM site.all_of_it ORDER BY guid"),
        )
        take_over(url, "site")
        after = (
            run(url, "SELECT * FROM site.mounted ORDER BY guid"),
            run(url, "SELECT * FROM site.all_of_it ORDER BY guid"),
        )
        assert after == before
        assert run(url, "SELECT count(*) FROM site.taken_over WHERE status IS NOT NULL") == [(8,)]
        assert run(url, "SELECT to_regclass('site_earlier.elements') IS NOT NULL") == [(True,)]


def test_a_second_time_changes_nothing(empty_url: str) -> None:
    made_up().restore(empty_url)
    take_over(empty_url)
    content = (
        "SELECT (SELECT string_agg(t::text, ',' ORDER BY t) FROM {0} AS t), (SELECT max(xmin::text::bigint) FROM {0})"
    )
    tables = ("taken_over", "element_status", "parts", "projects", "elements_earlier")
    before = [run(empty_url, content.format(name)) for name in tables]
    take_over(empty_url)
    assert [run(empty_url, content.format(name)) for name in tables] == before
    found = outcome(empty_url, "public")
    assert found
    assert found.outcomes == {"waiting": 8}

"""The tables put aside lose nothing to anybody, and show front ends no more than is theirs."""

from __future__ import annotations

import pytest

from integration.takeover.places import BRIDGE, GUIDS, TUNNEL, made_up, sync, take_over
from speckle2pg.store.takeover_report import preview
from support.front import anonymous, member, refused, user
from support.logins import new_login, run

ROLES = "DO $$ BEGIN CREATE ROLE {}; EXCEPTION WHEN duplicate_object THEN NULL; END $$"


@pytest.fixture
def served(empty_url: str) -> str:
    """A database that an earlier front end served by PostgREST, taken over."""
    made_up().restore(empty_url)
    for role in ("web_anon", "web_user"):
        run(empty_url, ROLES.format(role))
    run(empty_url, "GRANT SELECT ON elements, projects, models TO web_anon, web_user")
    run(empty_url, "GRANT INSERT, UPDATE, DELETE, TRUNCATE ON elements TO web_user")
    run(empty_url, "GRANT UPDATE (status) ON elements TO PUBLIC")
    take_over(empty_url)
    return empty_url


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM elements_earlier",
        "UPDATE elements_earlier SET status = 'x'",
        "INSERT INTO elements_earlier (guid) VALUES (gen_random_uuid())",
        "TRUNCATE elements_earlier",
    ],
)
def test_nobody_but_the_owner_writes_the_tables_put_aside(served: str, statement: str) -> None:
    member(served, BRIDGE, "anna", can_write=True)
    for front in (user(served, "anna"), user(served, "stranger"), anonymous(served)):
        assert refused(front, statement).sqlstate == "42501"
    assert run(served, "SELECT count(*) FROM elements_earlier") == [(len(GUIDS),)]


def test_front_ends_see_their_projects_in_the_tables_put_aside(served: str) -> None:
    member(served, BRIDGE, "anna")
    for table in ("elements_earlier", "projects_earlier", "models_earlier"):
        for front in (user(served, "stranger"), anonymous(served)):
            assert front.rows(f"SELECT * FROM {table}") == []  # noqa: S608  (of this file)
    anna = user(served, "anna")
    assert {row["guid"] for row in anna.rows("SELECT guid FROM elements_earlier")} == set(GUIDS[:5])
    assert [row["id"] for row in anna.rows("SELECT id FROM projects_earlier")] == [BRIDGE]
    assert [row["id"] for row in anna.rows("SELECT id FROM models_earlier")] == [BRIDGE]


def test_a_report_reads_the_tables_put_aside_as_before(empty_url: str) -> None:
    made_up().restore(empty_url)
    with new_login(empty_url) as (name, url):
        run(empty_url, f"GRANT SELECT ON elements TO {name}")
        before = run(url, "SELECT * FROM elements ORDER BY guid")
        take_over(empty_url)
        assert run(url, "SELECT * FROM elements_earlier ORDER BY guid") == before


def test_a_column_that_people_have_is_not_written_by_what_they_are_told_to_run(empty_url: str) -> None:
    made_up(dependents="").restore(empty_url)
    run(
        empty_url,
        "CREATE TABLE acts (guid uuid REFERENCES elements (guid) ON DELETE SET NULL, project_id text);"
        "INSERT INTO acts SELECT guid, 'Contract 77' FROM elements WHERE model_id IS NOT NULL",
    )
    found = preview(empty_url, "public")
    (key,) = [item for item in found.dependents if item.kind == "foreign key"]
    assert key.statement is not None
    assert "ON DELETE SET NULL" in key.statement
    take_over(empty_url)
    run(empty_url, key.statement)
    rows = run(empty_url, "SELECT DISTINCT project_id, speckle_project_id FROM acts ORDER BY 2")
    assert rows == [("Contract 77", BRIDGE), ("Contract 77", TUNNEL)]


def test_a_further_column_that_cannot_be_null_is_null_for_new_elements(empty_url: str) -> None:
    made_up(dependents="").restore(empty_url)
    run(
        empty_url,
        "CREATE DOMAIN money_t AS numeric NOT NULL DEFAULT 0 CHECK (VALUE >= 0);"
        "ALTER TABLE elements ADD COLUMN price money_t; UPDATE elements SET price = 5",
    )
    take_over(empty_url)
    new = GUIDS[0].__class__(int=4711)
    sync(empty_url, BRIDGE, new, "New")
    prices = dict(run(empty_url, "SELECT guid, price FROM public_earlier.elements"))
    assert prices.pop(new) is None
    assert set(prices.values()) == {5}

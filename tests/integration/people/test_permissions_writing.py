# ruff: noqa: S608 - what the tests themselves ask
"""Statuses are written by those who may, under their own names, and the log says what was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.people.neighbours import session
from support.logins import run
from support.rows import guid

if TYPE_CHECKING:
    from integration.people.neighbours import Neighbours

MINE = f"'home', '{guid(2)}'"
SETS = {
    "insert": "INSERT INTO element_status (project_id, guid, status, updated_by, updated_at)"
    f" VALUES ({MINE}, 'mounted', 'boss', '2001-01-01')",
    "upsert": "INSERT INTO element_status (project_id, guid, status, updated_by)"
    f" VALUES ({MINE}, 'not_started', 'boss') ON CONFLICT (project_id, guid) DO UPDATE"
    " SET status = 'mounted', updated_by = 'boss', updated_at = '2001-01-01'",
    "update": "UPDATE element_status SET status = 'mounted', updated_by = 'boss', updated_at = '2001-01-01'",
    "name alone": "UPDATE element_status SET updated_by = 'boss', updated_at = '2001-01-01'",
    "note": "UPDATE element_status SET note = 'mine', updated_by = NULL, updated_at = 'infinity'",
    "merge": f"MERGE INTO element_status AS s USING (SELECT '{guid(2)}'::uuid AS guid) AS n ON s.guid = n.guid"
    " WHEN MATCHED THEN UPDATE SET status = 'mounted', updated_by = 'boss'"
    f" WHEN NOT MATCHED THEN INSERT (project_id, guid, status, updated_by) VALUES ({MINE}, 'mounted', 'boss')",
    "claims of a session": "SET request.jwt.claim.email = 'boss'; UPDATE element_status SET status = 'mounted'",
}
REFUSED = {
    "through the view": ("UPDATE elements SET status = 'mounted', status_updated_by = 'boss'", "PT400"),
    "when through the view": ("UPDATE elements SET status = 'mounted', status_updated_at = '2001-01-01'", "PT400"),
    "by set_status": (
        f"""SELECT set_status('[{{"guid": "{guid(2)}", "status": "mounted", "updated_by": "boss"}}]')""",
        "PT400",
    ),
    "another part's": (f"UPDATE element_status SET guid = '{guid(3)}'", "PT400"),
    "another project's": ("UPDATE element_status SET project_id = 'hidden1'", "42501"),
    "deleted": ("DELETE FROM element_status", "42501"),
    "logged": (f"INSERT INTO element_status_log (project_id, guid, changed_by) VALUES ({MINE}, 'boss')", "42501"),
    "not logged": ("DELETE FROM element_status_log", "42501"),
    "logged otherwise": ("UPDATE element_status_log SET changed_by = 'boss'", "42501"),
    "numbered otherwise": ("SELECT setval('element_status_log_id_seq', 1)", "42501"),
    "without triggers": ("ALTER TABLE element_status DISABLE TRIGGER ALL", "42501"),
}
SIGNED = "SELECT updated_by, updated_at = now() FROM element_status"
LOGGED = "SELECT old_status, new_status, changed_by, changed_at = now() FROM element_status_log ORDER BY id"


@pytest.mark.parametrize("way", SETS)
def test_a_status_is_signed_by_whoever_set_it_whatever_the_request_says(neighbours: Neighbours, way: str) -> None:
    with session(neighbours.fronts()["carl"]) as asker:
        execute = asker.connection.execute
        if "INTO" not in SETS[way]:
            execute(f"INSERT INTO element_status (project_id, guid, status) VALUES ({MINE}, 'not_started')".encode())
        execute(SETS[way].encode())
        assert execute(SIGNED).fetchall() == [("carl@example.org", True)]
        logged = execute(LOGGED).fetchall()
        assert {row[2:] for row in logged} == {("carl@example.org", True)}
        assert logged[-1][1] == execute("SELECT status FROM element_status").fetchall()[0][0]


@pytest.mark.parametrize("way", REFUSED)
def test_what_would_make_the_record_untrue_is_refused(neighbours: Neighbours, way: str) -> None:
    statement, state = REFUSED[way]
    with session(neighbours.fronts()["carl"]) as asker:
        asker.connection.execute(
            f"INSERT INTO element_status (project_id, guid, status) VALUES ({MINE}, 'not_started')".encode()
        )
        assert asker.refused(statement) == state


@pytest.mark.parametrize("who", ["anna", "nobody"])
def test_whoever_may_only_read_sets_nothing_and_is_told_so(neighbours: Neighbours, who: str) -> None:
    with session(neighbours.fronts()[who]) as asker:
        for statement in (
            f"""SELECT set_status('[{{"project_id": "home", "guid": "{guid(2)}", "status": "mounted"}}]')""",
            "UPDATE elements SET status = 'mounted'",
            f"INSERT INTO element_status (project_id, guid, status) VALUES ({MINE}, 'mounted')",
            f"INSERT INTO element_status (project_id, guid, status) VALUES ({MINE}, 'mounted') ON CONFLICT DO NOTHING",
            f"SELECT write_status({MINE}, 'mounted')",
        ):
            kind, state, message, *_ = asker.ask(statement)
            assert (kind, state) == ("error", "42501"), statement
            assert "may not" in message or "permission denied" in message
        seen = "UPDATE element_status SET status = 'mounted' RETURNING guid"
        assert asker.ask(seen) == ("rows",) or asker.refused(seen) == "42501"
    assert run(neighbours.owner_url, "SELECT 1 FROM element_status WHERE project_id = 'home'") == []


def test_the_daemon_writes_nothing_of_peoples_and_cannot_take_parts_away_from_it(neighbours: Neighbours) -> None:
    with session(neighbours.logins["daemon"]) as asker:
        asker.connection.execute("SELECT set_config('request.jwt.claims', '{\"sub\": \"carl\"}', true)")
        for statement in (
            f"""SELECT set_status('[{{"project_id": "home", "guid": "{guid(2)}", "status": "mounted"}}]')""",
            f"SELECT write_status({MINE}, 'mounted')",
            "UPDATE elements SET status = 'mounted'",
            "SET speckle2pg.keep_statuses = 'on'; UPDATE element_status SET status = 'mounted'",
        ):
            assert asker.refused(statement) == "42501", statement
        assert asker.refused("UPDATE parts SET guid = gen_random_uuid() WHERE project_id = 'hidden1'") == "23503"


def test_the_daemon_cannot_adopt_statuses_in_somebodys_name(own_neighbours: Neighbours) -> None:
    run(own_neighbours.owner_url, "DELETE FROM taken_over")
    run(own_neighbours.owner_url, "INSERT INTO taken_over (guid, status) VALUES (%s, 'mounted')", guid(2))
    run(own_neighbours.logins["daemon"], """SET request.jwt.claims = '{"sub": "boss"}'; SELECT adopt_statuses()""")
    status = "SELECT status, updated_by FROM element_status WHERE project_id = 'home'"
    assert run(own_neighbours.owner_url, status) == [("mounted", "takeover")]
    log = "SELECT new_status, changed_by FROM element_status_log WHERE project_id = 'home'"
    assert run(own_neighbours.owner_url, log) == [("mounted", "takeover")]

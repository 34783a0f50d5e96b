"""Wrong claims are an error in words, or show nothing; nobody becomes somebody else by what a token states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.people.neighbours import HIDDEN, MARK, claiming, session
from support.front import anonymous, member, refused, user
from support.logins import run
from support.rows import guid

if TYPE_CHECKING:
    from integration.people.neighbours import Neighbours

ASKED = (
    "SELECT * FROM elements",
    "SELECT * FROM projects",
    "SELECT * FROM project_members",
    "SELECT readable_projects()",
    "SELECT writable_projects()",
    "SELECT * FROM viewer_filter('hidden1', 'hidden-m')",
    "SELECT * FROM changes_since()",
)
SET_HIDDEN = 'SELECT * FROM set_status(\'[{"project_id": "hidden1", "guid": "%s", "status": "hidden-status"}]\')'


NO_OBJECTS = (
    *(
        "[]",
        '"hidden-dora"',
        "42",
        "null",
        "{",
        "hidden-dora",
        '{"sub": "hidden-dora"',
        '{"sub": "hidden-dora"} {}',
        " ",
    ),
    *('[{"sub": "hidden-dora"}]', "{'sub': 'hidden-dora'}", '{"sub": "hidden-dora\\u0000"}', '{"sub": "a",}'),
)


@pytest.mark.parametrize("claims", NO_OBJECTS)
def test_claims_that_are_no_json_object_are_an_error(neighbours: Neighbours, claims: str) -> None:
    newer = run(neighbours.owner_url, "SELECT current_setting('server_version_num')::int >= 160000")[0][0]
    with claiming(neighbours.owner_url, claims) as asker:
        for statement in (*ASKED, SET_HIDDEN % guid(3), "UPDATE elements SET status = 'mounted'"):
            kind, state, message, _, hint, _ = asker.ask(statement)
            assert kind == "error"
            if newer or not state.startswith("22"):
                assert (state, message) == ("28000", "request.jwt.claims is no JSON object"), statement
                assert "PostgREST sets it from the token" in hint


@pytest.mark.parametrize(
    "claims",
    [
        "",
        "{}",
        '{"sub": null}',
        '{"sub": ""}',
        '{"sub": 42}',
        '{"sub": true}',
        '{"sub": ["hidden-dora"]}',
        '{"sub": {"sub": "hidden-dora"}}',
        '{"SUB": "hidden-dora"}',
        '{"name": "hidden-dora", "preferred_username": "hidden-dora"}',
        '{"sub": "HIDDEN-DORA"}',
        '{"sub": " hidden-dora"}',
        '{"sub": "hidden-dora\\n"}',
        '{"sub": "*"}',
        '{"sub": "%"}',
        '{"sub": "hidden-dora%"}',
        '{"sub": "{hidden-dora}"}',
        '{"sub": "x,hidden-dora"}',
        '{"sub": "hidden-dora\'--"}',
        '{"sub": "x\' OR true --"}',
        '{"sub": "x\'::text); GRANT speckle2pg TO web_user; --"}',
        '{"sub": "$$ || \'hidden-dora\'"}',
        '{"sub": "hidden1"}',
        '{"sub": "hidden-dora", "sub": "x"}',
        '{"role": "speckle2pg", "sub": "x"}',
        '{"role": "postgres"}',
        # An address that is somebody else's.
        '{"sub": "x", "email": "hidden@example.org", "email_verified": false}',
        '{"sub": "x", "email": "hidden@example.org", "email_verified": "false"}',
        '{"sub": "hidden@example.org", "email": "x@example.org"}',
        '{"sub": "hidden@example.org", "email": "hidden@example.org", "email_verified": false}',
        '{"sub": "hidden@example.org", "email": ""}',
        '{"email": ["hidden@example.org"]}',
    ],
)
def test_claims_of_nobody_who_is_a_member_show_nothing(neighbours: Neighbours, claims: str) -> None:
    for role in ("web_anon", "web_user"):
        with claiming(neighbours.owner_url, claims, role) as asker:
            for statement in ASKED:
                told = " ".join(asker.ask(statement)).replace("hidden1 has no model", "").replace("name hidden-m", "")
                assert not MARK.search(told), (statement, told)
    with claiming(neighbours.owner_url, claims) as asker:
        assert asker.refused(SET_HIDDEN % guid(3)) == "42501"


def test_a_member_is_known_by_sub_or_by_email(neighbours: Neighbours) -> None:
    """Not all that looks odd is wrong: issuers put addresses into sub, and most say nothing of verification."""
    for claims in (
        '{"sub": "hidden-dora"}',
        '{"sub": "hidden-dora", "email": "x@example.org", "email_verified": false}',
        '{"sub": "hidden@example.org"}',
        '{"sub": "x", "email": "hidden@example.org"}',
        '{"sub": "hidden@example.org", "email": "hidden@example.org", "email_verified": true}',
    ):
        with claiming(neighbours.owner_url, claims) as asker:
            assert asker.ask("SELECT readable_projects()") == ("rows", "(['hidden1'],)"), claims


BECOMING = (
    "SET ROLE speckle2pg",
    "SET ROLE {owner}",
    "SET ROLE {daemon}",
    "SET ROLE pg_read_all_data",
    "SELECT set_config('role', 'speckle2pg', true)",
    "SET SESSION AUTHORIZATION speckle2pg",
    "SET session_replication_role = replica",
    "ALTER ROLE web_user BYPASSRLS",
    "GRANT speckle2pg TO web_user",
    "CREATE ROLE mine",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE public.mine ()",
    "CREATE OR REPLACE FUNCTION public.my_subjects() RETURNS text[] LANGUAGE sql AS 'SELECT NULL::text[]'",
    "ALTER FUNCTION public.my_subjects() SECURITY DEFINER",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT ALL ON TABLES TO web_user",
    "COPY elements TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
)


@pytest.mark.parametrize("who", ["carl", "nobody", "authenticator", "plain"])
def test_nobody_becomes_more_than_the_token_says(neighbours: Neighbours, who: str) -> None:
    ((owner,),) = run(neighbours.owner_url, "SELECT quote_ident(current_user)")
    with session(neighbours.logins["daemon"]) as asker:
        daemon = asker.connection.info.user
    with session(neighbours.strangers()[who]) as asker:
        found = {statement: asker.refused(statement.format(owner=owner, daemon=daemon)) for statement in BECOMING}
    assert found == dict.fromkeys(BECOMING, "42501")


def test_policies_that_are_switched_off_are_an_error_and_not_everything(neighbours: Neighbours) -> None:
    for name, who in neighbours.fronts().items():
        with session(who) as asker:
            asker.connection.execute("SET row_security = off")
            assert asker.refused("SELECT * FROM elements") == "42501", name
            assert asker.refused("UPDATE elements SET status = 'mounted'") == "42501", name


def test_a_project_for_everybody_is_read_without_a_token_and_written_only_by_somebody(
    own_neighbours: Neighbours,
) -> None:
    url = own_neighbours.owner_url
    member(url, HIDDEN, "*")
    for front in own_neighbours.fronts().values():
        assert HIDDEN in {row["project_id"] for row in front.rows("SELECT DISTINCT project_id FROM elements")}
        assert ("*",) in {tuple(row.values()) for row in front.rows("SELECT subject FROM project_members")}
        assert not front.rows("SELECT 1 FROM project_members WHERE subject LIKE '%%hidden%%'")
    statement = SET_HIDDEN % guid(3)
    assert refused(user(url, "anybody"), statement).sqlstate == "42501"
    run(url, "UPDATE project_members SET can_write = true WHERE subject = '*'")
    for claims in ({"sub": ""}, {"sub": 42}, {"sub": "*"}, {"email": "a@example.org", "email_verified": False}):
        assert refused(user(url, "", **claims), statement).sqlstate == "42501", claims
    assert refused(anonymous(url), statement).sqlstate == "42501"
    assert user(url, "anybody").rows(statement)
    signed = "SELECT updated_by FROM element_status WHERE project_id = 'hidden1' AND guid = %s"
    assert run(url, signed, guid(3)) == [("anybody",)]

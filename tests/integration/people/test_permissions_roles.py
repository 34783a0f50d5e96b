"""Roles that are there before, come later, or cannot be made: each migration leaves them with what they are for."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from integration.people.neighbours import MARK, session, settle
from integration.people.test_permissions import RIGHTS, WRITES, maintenance
from integration.people.test_permissions_functions import DEFINERS
from speckle2pg.store import migrations
from speckle2pg.store.embedded import EmbeddedServer, public_temporary_folder
from speckle2pg.store.queries import load_queries
from support.front import Front, member, refused
from support.logins import as_login, new_login, run
from support.rows import Twin, guid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.people.neighbours import Neighbours

ROLES = "speckle2pg, web_anon, web_user, authenticator"


@pytest.fixture(scope="module")
def lone_server() -> Iterator[EmbeddedServer]:
    """A server where roles may be broken."""
    folder = public_temporary_folder("speckle2pg-people-")
    server = EmbeddedServer.start(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def within(url: str, schema: str) -> str:
    """The same database, with names resolved in a schema."""
    return f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{schema}"


def warnings(url: str, schema: str = "public") -> str:
    """Migrates, and gives all that it warns of."""
    with capture_logs() as logs:
        migrations.migrate(url, schema)
    assert {entry["log_level"] for entry in logs} <= {"warning"}
    return "\n".join(entry["warning"] for entry in logs)


def test_where_the_owner_may_make_no_roles_they_may_come_later(lone_server: EmbeddedServer) -> None:
    admin, database = lone_server.admin_url, lone_server.owner_url
    run(admin, "DROP ROLE speckle2pg")
    run(admin, "CREATE ROLE plain LOGIN")
    run(database, "CREATE SCHEMA ours AUTHORIZATION plain")
    owner = as_login(database, "plain")
    told = warnings(owner, "ours")
    for role in ("speckle2pg", "web_anon NOLOGIN", "web_user NOLOGIN", "authenticator LOGIN NOINHERIT"):
        assert f"ask an administrator for CREATE ROLE {role}" in told
    assert run(database, "SELECT 1 FROM pg_policies WHERE schemaname = 'ours'") == []
    # One by one, as the administrator finds the time.
    run(admin, "CREATE ROLE web_user NOLOGIN")
    told = warnings(owner, "ours")
    assert "CREATE ROLE web_anon" in told
    assert "CREATE ROLE web_user" not in told
    run(admin, "CREATE ROLE web_anon NOLOGIN")
    run(admin, "CREATE ROLE speckle2pg LOGIN")
    run(admin, "CREATE ROLE authenticator LOGIN NOINHERIT")
    told = warnings(owner, "ours")
    assert "GRANT web_anon TO authenticator" in told
    assert "GRANT web_user TO authenticator" in told
    run(admin, "GRANT web_anon, web_user TO authenticator")
    assert warnings(owner, "ours") == ""
    twin = Twin(within(owner, "ours"), "home")
    twin.model()
    twin.element(1)
    member(twin.owner_url, "home", "anna", can_write=True)
    for role, subject, rows in (("web_anon", "anna", 1), ("web_anon", "x", 0), ("web_user", "anna", 1)):
        front = Front(database, role, {"sub": subject}, "ours")
        assert len(front.rows("SELECT 1 FROM elements")) == rows, (role, subject)
    Front(database, "web_user", {"sub": "anna"}, "ours").rows("UPDATE elements SET status = 'mounted'")
    assert run(as_login(database, "speckle2pg"), "SELECT status FROM ours.element_status") == [("mounted",)]
    # Dropped and made anew: a policy does not know the new one by its name.
    for statement in (
        "DROP OWNED BY web_anon",
        "DROP ROLE web_anon",
        "CREATE ROLE web_anon",
        "GRANT web_anon TO authenticator",
    ):
        run(database, statement)
    assert warnings(owner, "ours") == ""
    assert len(Front(database, "web_anon", {"sub": "anna"}, "ours").rows("SELECT 1 FROM elements")) == 1


def test_roles_that_see_past_the_policies_are_told_of(lone_server: EmbeddedServer) -> None:
    database = lone_server.owner_url
    migrations.migrate(database, "told")
    assert warnings(database, "told") == ""
    for make, unmake, said in (
        ("ALTER ROLE web_user BYPASSRLS", "ALTER ROLE web_user NOBYPASSRLS", "role web_user sees past all policies"),
        ("ALTER ROLE speckle2pg SUPERUSER", "ALTER ROLE speckle2pg NOSUPERUSER", "role speckle2pg is a superuser"),
        (
            "GRANT speckle2pg TO authenticator",
            "REVOKE speckle2pg FROM authenticator",
            "authenticator can become speckle2pg",
        ),
        ("GRANT postgres TO web_user", "REVOKE postgres FROM web_user", "role web_user can become postgres"),
        (
            "GRANT CREATE ON SCHEMA told TO PUBLIC",
            "REVOKE CREATE ON SCHEMA told FROM PUBLIC",
            'role web_anon may create things in schema "told"',
        ),
    ):
        run(database, make)
        told = warnings(database, "told")
        run(database, unmake)
        assert said in told, make
    assert warnings(database, "told") == ""


def test_rights_that_roles_brought_along_are_taken_away(empty_url: str) -> None:
    """Hosted databases grant everything in advance, and others nothing: both end with the same rights."""
    run(empty_url, f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {ROLES}, PUBLIC")
    run(empty_url, f"ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO {ROLES}, PUBLIC")
    run(empty_url, f"ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO {ROLES}, PUBLIC")
    assert "role web_user may not have TRUNCATE on" in warnings(empty_url)
    assert warnings(empty_url) == ""
    expect_usual_rights(empty_url)
    run(empty_url, "GRANT UPDATE (updated_by), INSERT (note) ON element_status TO speckle2pg")
    run(empty_url, "GRANT UPDATE (changed_by) ON element_status_log TO web_user")
    run(empty_url, "GRANT DELETE ON models TO PUBLIC")
    run(empty_url, "GRANT EXECUTE ON FUNCTION adopt_statuses() TO web_user")
    told = warnings(empty_url)
    assert "role web_user may not have UPDATE on element_status_log: revoked" in told
    assert "role web_user may not execute adopt_statuses(): revoked" in told
    expect_usual_rights(empty_url)


def test_where_functions_are_nobodys_by_default_the_roles_have_theirs(empty_url: str) -> None:
    """As PostgREST's manual advises."""
    run(empty_url, "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    assert warnings(empty_url) == ""
    functions = (
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND NOT prosecdef"
        " AND prorettype <> 'trigger'::regtype AND NOT has_function_privilege(%s, oid, 'EXECUTE')"
    )
    for role in ("speckle2pg", "web_anon", "web_user"):
        assert run(empty_url, functions, role) == []
    expect_usual_rights(empty_url)
    settle(empty_url)
    carl = Front(empty_url, "web_user", {"sub": "carl"})
    carl.rows("UPDATE elements SET status = 'mounted'")
    assert not MARK.search(str(carl.rows("SELECT * FROM changes_since()")))


def expect_usual_rights(url: str) -> None:
    """Every role has what it has in a database that nobody prepared."""
    tried = ["INSERT", "UPDATE", "DELETE", *maintenance(url)]
    for role, writes in WRITES.items():
        expected = {(role, name, privilege) for name, privileges in writes.items() for privilege in privileges}
        assert set(run(url, RIGHTS, [role], tried, [role])) == expected
    assert run(url, RIGHTS, ["authenticator", "public"], ["SELECT"], ["authenticator", "public"]) == []
    definers = (
        "SELECT p.oid::regprocedure::text, ARRAY(SELECT r FROM unnest(%s::text[]) AS r"
        " WHERE has_function_privilege(r, p.oid, 'EXECUTE')) FROM pg_proc AS p"
        " WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef"
    )
    found = run(url, definers, list(WRITES))
    assert {name: set(roles) for name, roles in found} == DEFINERS


def test_what_is_not_ours_keeps_its_grants(owner_url: str) -> None:
    run(owner_url, "CREATE TABLE theirs (id int); GRANT ALL ON theirs TO web_user, PUBLIC")
    run(owner_url, "CREATE FUNCTION theirs() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
    run(owner_url, "CREATE FUNCTION adopt_statuses(a int) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
    run(owner_url, "ALTER FUNCTION adopt_statuses(int) OWNER TO pg_monitor")
    assert warnings(owner_url) == ""
    table = "SELECT has_table_privilege('web_user', 'theirs', 'TRUNCATE')"
    assert run(owner_url, table) == [(True,)]
    for function in ("theirs()", "adopt_statuses(int)"):
        assert run(owner_url, "SELECT has_function_privilege('web_user', %s, 'EXECUTE')", function) == [(True,)]


def test_a_policy_that_is_another_than_ours_is_made_anew(owner_url: str) -> None:
    run(owner_url, "DROP POLICY members_read ON models")
    run(owner_url, "CREATE POLICY members_read ON models TO web_anon, web_user USING (true)")
    run(owner_url, "DROP POLICY writers_update ON element_status")
    settle(owner_url)
    assert warnings(owner_url) == ""
    with session(Front(owner_url, "web_user", {"sub": "anna"})) as asker:
        assert not MARK.search(" ".join(asker.ask("SELECT * FROM models")))
    Front(owner_url, "web_user", {"sub": "carl"}).rows("UPDATE elements SET status = 'mounted'")
    Front(owner_url, "web_user", {"sub": "carl"}).rows("UPDATE elements SET status = 'not_started'")


def test_members_of_one_schema_are_nobody_in_the_other(empty_url: str) -> None:
    for schema in ("east", "west"):
        assert warnings(empty_url, schema) == ""
        twin = Twin(within(empty_url, schema), "home")
        twin.model()
        twin.element(1)
    member(within(empty_url, "east"), "home", "anna", can_write=True)
    east, west = (Front(empty_url, "web_user", {"sub": "anna"}, schema) for schema in ("east", "west"))
    for statement in (
        "SELECT 1 FROM {0}.elements",
        "SELECT unnest({0}.readable_projects())",
        "SELECT 1 FROM {0}.changes_since()",
    ):
        for front in (east, west):
            assert len(front.rows(statement.format("east"))) == 1, statement
            assert front.rows(statement.format("west")) == [], statement
    put = f"""SELECT {{0}}.set_status('[{{{{"project_id": "home", "guid": "{guid(1)}", "status": "mounted"}}}}]')"""
    assert refused(east, put.format("west")).sqlstate == "42501"
    assert west.rows(put.format("east"))
    assert run(empty_url, "SELECT 1 FROM west.element_status_log") == []
    # One that was dropped takes nothing of the other with it.
    run(empty_url, "DROP SCHEMA west CASCADE")
    assert warnings(empty_url, "east") == ""
    assert len(east.rows("SELECT 1 FROM elements")) == 1


def test_a_repeated_migration_waits_for_nobody_and_keeps_nobody_waiting(own_neighbours: Neighbours) -> None:
    """Somebody reads everything and writes statuses the while."""
    url = own_neighbours.owner_url
    impatient = f"{url}{'&' if '?' in url else '?'}options=-clock_timeout%3D1s"
    with psycopg.connect(url) as holder:
        for name, kind in own_neighbours.relations():
            if kind in "rv":
                holder.execute(f"SELECT count(*) FROM {name}".encode())  # noqa: S608 (the database's own names)
        holder.execute("UPDATE element_status SET note = 'other'")
        assert warnings(impatient) == ""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        migrations._apply_again(connection, "public", "roles")
        locks = (
            "SELECT c.relname, l.mode FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
            " WHERE l.pid = pg_backend_pid() AND c.relnamespace = 'public'::regnamespace"
            " AND l.mode <> 'AccessShareLock'"
        )
        assert connection.execute(locks).fetchall() == []
        wrote = "SELECT pg_current_xact_id_if_assigned() AS transaction"
        assert connection.execute(wrote).fetchall() == [{"transaction": None}]


def test_a_login_with_grants_of_its_own_sees_no_rows_and_doctor_says_that_it_cannot_be_the_daemons(
    own_neighbours: Neighbours,
) -> None:
    """A grant alone shows the tables empty, not full: policies name the roles."""
    privileges = load_queries()["login_privileges"].text.replace("%(schema)s", "'public'")
    with new_login(own_neighbours.owner_url) as (name, url):
        run(own_neighbours.owner_url, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
        for table in ("model_elements", "elements", "projects", "element_status_log", "project_members"):
            assert run(url, f"SELECT 1 FROM {table}") == [], table  # noqa: S608 (the database's own names)
        assert run(url, privileges)[0][-2:] == (False, False)
    assert run(own_neighbours.logins["daemon"], privileges)[0][-2:] == (False, True)
    assert run(own_neighbours.owner_url, privileges)[0][-2:] == (True, True)

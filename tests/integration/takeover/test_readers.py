# ruff: noqa: S608  (statements are made of the literals of this file)
"""Whoever could read and write what people built on an earlier adapter's tables goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from integration.takeover.places import BRIDGE, GUIDS, documented, made_up, sync, take_over
from support.logins import new_login, run

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEWS = ("mounted", "mounted_by_project", "all_of_it", "reports.of_types")
WEB_ANON = "DO $$ BEGIN CREATE ROLE web_anon NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"


def rows(url: str, relation: str, role: str | None = None) -> list[tuple[Any, ...]]:
    """What a login, or a role that it becomes, reads."""
    with psycopg.connect(url, autocommit=True) as connection:
        if role:
            connection.execute(f"SET ROLE {role}".encode())
        return sorted(connection.execute(f"SELECT * FROM {relation}".encode()).fetchall(), key=str)


@pytest.fixture
def reader(empty_url: str) -> Iterator[tuple[str, str]]:
    """A login without any right of its own, beside an earlier database with views in two schemas."""
    made_up().restore(empty_url)
    run(
        empty_url,
        "CREATE SCHEMA reports CREATE VIEW of_types AS SELECT element_type, count(*) FROM public.elements GROUP BY 1;"
        "GRANT USAGE ON SCHEMA reports TO PUBLIC",
    )
    with new_login(empty_url) as login:
        yield login


@pytest.mark.parametrize("grantee", ["login", "PUBLIC"])
def test_whoever_could_read_only_a_view_reads_the_same_rows_afterwards(
    empty_url: str, reader: tuple[str, str], grantee: str
) -> None:
    name, url = reader
    for view in VIEWS:
        run(empty_url, f"GRANT SELECT ON {view} TO {name if grantee == 'login' else grantee}")
    before = {view: rows(url, view) for view in VIEWS}
    take_over(empty_url)
    assert {view: rows(url, view) for view in VIEWS} == before
    assert all(before.values())


def test_a_role_of_ours_that_was_there_before_reads_the_same_rows_afterwards(
    empty_url: str, reader: tuple[str, str]
) -> None:
    run(empty_url, WEB_ANON)
    for relation in (*VIEWS, "elements", "projects"):
        run(empty_url, f"GRANT SELECT ON {relation} TO web_anon")
    run(empty_url, "GRANT USAGE ON SCHEMA reports TO web_anon")
    before = {view: rows(empty_url, view, "web_anon") for view in VIEWS}
    take_over(empty_url)
    assert {view: rows(empty_url, view, "web_anon") for view in VIEWS} == before
    # What is not a view of somebody's goes by who is a member.
    assert rows(empty_url, "public_earlier.elements", "web_anon") == []
    assert reader


def test_a_view_of_the_askers_rights_goes_by_who_is_a_member(empty_url: str, reader: tuple[str, str]) -> None:
    name, url = reader
    run(
        empty_url,
        "CREATE VIEW mine WITH (security_barrier, security_invoker = on) AS SELECT guid FROM elements;"
        f"GRANT SELECT ON mine, elements, mounted TO {name}",
    )
    take_over(empty_url)
    run(empty_url, f"GRANT web_anon TO {name}; INSERT INTO project_members VALUES ('{BRIDGE}', '{name}')")
    run(empty_url, f"""ALTER ROLE {name} SET request.jwt.claims = '{{"sub": "{name}"}}'""")
    assert [row[0] for row in rows(url, "mine")] == GUIDS[:5]
    assert rows(url, "mounted") == rows(empty_url, "mounted")


def test_nobody_else_has_any_right_in_the_second_set_whatever_the_defaults_give(
    empty_url: str, reader: tuple[str, str]
) -> None:
    name, url = reader
    run(
        empty_url,
        f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, {name};"
        f"ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC, {name}; GRANT SELECT ON elements TO PUBLIC, {name}",
    )
    take_over(empty_url)
    for view in ("elements", "models", "projects"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(url, f"SELECT FROM public_earlier_owner.{view}")
    rights = (
        "SELECT count(*) FROM (SELECT nspacl AS acl, nspowner AS owner FROM pg_namespace "
        "WHERE nspname = 'public_earlier_owner' UNION ALL SELECT relacl, relowner FROM pg_class "
        "WHERE relnamespace = 'public_earlier_owner'::regnamespace) AS x CROSS JOIN aclexplode(acl) AS a "
        "WHERE a.grantee <> x.owner"
    )
    assert run(empty_url, rights) == [(0,)]
    assert run(empty_url, "SELECT obj_description('public_earlier_owner'::regnamespace) ~ 'all projects'") == [(True,)]


def test_where_no_view_needs_it_there_is_no_second_set(empty_url: str) -> None:
    made_up(dependents="CREATE VIEW mine WITH (security_invoker) AS SELECT guid FROM elements").restore(empty_url)
    take_over(empty_url)
    assert run(empty_url, "SELECT to_regnamespace('public_earlier_owner')") == [(None,)]
    assert run(empty_url, "SELECT count(*) FROM mine") == [(11,)]


def test_a_status_set_through_a_view_is_signed_and_only_by_who_may_write(
    empty_url: str, reader: tuple[str, str]
) -> None:
    name, url = reader
    run(empty_url, f"GRANT SELECT, UPDATE ON all_of_it TO {name}")
    # By its project_id it is of another project than by its model_id, and by both of none.
    run(empty_url, f"UPDATE elements SET project_id = 'other00004' WHERE guid = '{GUIDS[1]}'")
    run(empty_url, f"UPDATE elements SET project_id = 'no id at all' WHERE guid = '{GUIDS[2]}'")
    take_over(empty_url)
    for guid in GUIDS[:3]:
        sync(empty_url, BRIDGE, guid, "Now")
    setting = f"UPDATE all_of_it SET status = 'painted' WHERE guid = '{GUIDS[0]}'"
    # Reading goes on; setting needs a person who may.
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(url, setting)
    run(
        empty_url,
        f"GRANT web_user TO {name}; INSERT INTO project_members VALUES ('{BRIDGE}', '{name}', true);"
        f"""ALTER ROLE {name} SET request.jwt.claims = '{{"sub": "{name}"}}'""",
    )
    run(url, setting)
    for guid in (GUIDS[1], GUIDS[2], GUIDS[5]):
        with pytest.raises(psycopg.Error) as caught:
            run(url, f"UPDATE all_of_it SET status = 'painted' WHERE guid = '{guid}'")
        assert caught.value.sqlstate == ("PT409" if guid == GUIDS[2] else "42501")
    signed = run(empty_url, "SELECT project_id, guid, updated_by FROM element_status WHERE status = 'painted'")
    assert signed == [(BRIDGE, GUIDS[0], name)]


def test_statuses_and_members_are_filled_as_the_page_says(empty_url: str) -> None:
    earlier = made_up()
    earlier.restore(empty_url)
    take_over(empty_url)
    run(empty_url, documented("INTO status_values"))
    codes = [row[0] for row in run(empty_url, "SELECT code FROM status_values ORDER BY sort")]
    assert codes == sorted(set(earlier.given.values()))
    run(empty_url, documented("anna@example.com"))
    sync(empty_url, BRIDGE, GUIDS[0], "Now")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("""SET request.jwt.claims = '{"email": "anna@example.com"}'; SET ROLE web_user""")
        setting = b"UPDATE elements SET status = %s WHERE guid = %s"
        assert connection.execute(setting, (codes[0], GUIDS[0])).rowcount == 1

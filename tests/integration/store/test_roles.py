"""The daemon's login: it can do the daemon's work and nothing to the tables themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
import pytest

from speckle2pg.sandbox.bridge import sample_bridge
from support.daemon import make_settings, running_daemon
from support.logins import new_login, run
from support.oracle import until_current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from speckle2pg.sandbox import SandboxServer


@pytest.fixture
def member_url(owner_url: str) -> Iterator[str]:
    """The test's database for a login that is only a member of the daemon's role."""
    with new_login(owner_url, member=True) as (_, url):
        yield url


async def test_a_member_of_the_role_can_do_what_the_daemon_does(
    owner_url: str, member_url: str, sandbox: SandboxServer
) -> None:
    """Two versions, the second with changes and removals: load, history, tree and notification are all used."""
    user = sandbox.world.add_user("Anna")
    token = sandbox.world.add_token(user)
    project = sandbox.world.create_project(user, "Bridge")
    model = sandbox.world.create_model(project.id, "structure")
    run(owner_url, "INSERT INTO projects (id) VALUES (%s)", project.id)
    bridge = sample_bridge()
    for version in bridge:
        sandbox.world.add_objects(project.id, version.objects)
    async with running_daemon(make_settings(member_url, sandbox.url, token)):
        for version in bridge[:2]:
            await sandbox.publish(project.id, model.id, version.root_id)
            await until_current(owner_url, sandbox, [project.id])
    count = "SELECT count(*) FROM model_elements WHERE removed_at IS NULL"
    assert (await asyncio.to_thread(run, owner_url, count))[0][0] == bridge[1].elements
    assert await asyncio.to_thread(run, owner_url, "SELECT state FROM versions") == [("synced",), ("synced",)]


@pytest.mark.parametrize(
    "statements",
    [
        (
            "INSERT INTO instance (only_row) VALUES (true)",
            "DELETE FROM instance",
            "DELETE FROM parts",
            "UPDATE purges SET purged_by = 'x'",
            "DELETE FROM purges",
            "UPDATE speckle2pg_migrations SET migration_id = 'x'",
            "DELETE FROM speckle2pg_migrations",
            "INSERT INTO speckle2pg_migrations VALUES ('h', 'x', now())",
        ),
        (
            "CREATE TABLE mine (x int)",
            "CREATE SCHEMA mine",
            "CREATE OR REPLACE FUNCTION announce_registry_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
            "DROP FUNCTION announce_registry_change() CASCADE",
            "ALTER SEQUENCE load_ids RESTART",
        ),
        ("ALTER ROLE speckle2pg SUPERUSER", "ALTER ROLE speckle2pg BYPASSRLS", "CREATE ROLE mine", "SET ROLE web_user"),
    ],
    ids=["rows", "things", "roles"],
)
def test_the_daemon_cannot(member_url: str, statements: tuple[str, ...]) -> None:
    """What it may do with each table is tried with the other roles' rights, in people/test_permissions.py."""
    for statement in statements:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(member_url, statement)


def test_the_daemon_cannot_pass_its_rights_on(owner_url: str, member_url: str) -> None:
    """PostgreSQL only warns; what counts is that nothing was granted."""
    run(member_url, "GRANT SELECT ON projects TO PUBLIC")
    with new_login(owner_url) as (_, url), pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(url, "SELECT id FROM projects")


def test_the_daemon_may_only_update_the_instance(member_url: str) -> None:
    run(member_url, "UPDATE instance SET server_url = 'http://s'")
    assert run(member_url, "SELECT server_url FROM instance") == [("http://s",)]


def test_the_daemon_owns_nothing(owner_url: str) -> None:
    owned = (
        "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = 'speckle2pg' UNION ALL "
        "SELECT count(*) FROM pg_proc WHERE pg_get_userbyid(proowner) = 'speckle2pg' UNION ALL "
        "SELECT count(*) FROM pg_namespace WHERE pg_get_userbyid(nspowner) = 'speckle2pg' UNION ALL "
        "SELECT count(*) FROM pg_database WHERE pg_get_userbyid(datdba) = 'speckle2pg'"
    )
    assert run(owner_url, owned) == [(0,)] * 4

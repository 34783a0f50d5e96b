"""Yesterday's dump restored and the daemon started: the tables are Speckle's of today, people's are as dumped."""

from __future__ import annotations

import asyncio
import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from integration.people.days import BRIDGE, KEPT, Days, peoples
from integration.people.restoring import catch_up, check_feed, check_history, check_peoples, lose, rights
from integration.takeover.places import BRIDGE as BRIDGE_TAKEN_OVER
from integration.takeover.places import GUIDS, made_up, sync, take_over
from speckle2pg.pipeline.extract import canonical
from speckle2pg.sandbox.faults import Fault
from speckle2pg.store import migrations
from speckle2pg.store.scratch import with_database
from support.daemon import running_daemon
from support.documents import ROOT
from support.dumps import DOCUMENT, Shell, documented
from support.logins import as_login, new_login, run
from support.oracle import rows
from support.waiting import until

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator
    from pathlib import Path

    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.embedded import EmbeddedServer
    from support.databases import Cluster
    from support.front import Row

WHOLE, ROLES = documented("Back up")[0].splitlines(keepends=True)
RESTORE_ROLES, RESTORE, RESTORE_WITHOUT_ROLES = documented("Restore everything")
PEOPLES, RESTORE_PEOPLES, EXTRACT_PEOPLES = documented("Only people's tables")
# What is there after a takeover, whatever else is.
LEFT = (
    *("taken_over", "element_status", "elements_earlier", "projects_earlier", "models_earlier"),
    *("public_earlier.elements", "public_earlier.projects", "mounted", "mounted_by_project", "contractors", "acts"),
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Where an administrator works."""
    return Shell(tmp_path)


async def test_whole_dump_of_yesterday_catches_up_with_today_and_keeps_what_people_entered(
    cluster: Cluster, sandbox: SandboxServer, owner_url: str, database_url: str, shell: Shell
) -> None:
    days = await Days.begin(sandbox)
    known = await lose(days, owner_url, database_url, shell, WHOLE)
    with cluster.database(migrated=False) as (restored_url, restored_daemon_url):
        assert await asyncio.to_thread(shell, RESTORE, restored_url) == ""
        assert rights(restored_url) == known.rights
        await catch_up(days, cluster, (restored_url, restored_daemon_url))
        check_history(days, restored_url, known)
        check_peoples(days, restored_url, known)
        await check_feed(restored_url, known)


async def test_whole_dump_comes_up_in_a_fresh_cluster_with_its_roles_or_without(
    cluster: Cluster,
    sandbox: SandboxServer,
    owner_url: str,
    database_url: str,
    own_server: EmbeddedServer,
    shell: Shell,
) -> None:
    days = await Days.begin(sandbox)
    known = await lose(days, owner_url, database_url, shell, WHOLE, ROLES)
    restored_url = own_server.owner_url
    run(own_server.admin_url, "DROP ROLE speckle2pg")
    told = await asyncio.to_thread(shell, RESTORE_WITHOUT_ROLES, restored_url, code=1)
    errors = re.findall(r"could not execute query: ERROR: *(.*)", told)
    assert errors
    about_roles = r'role "\w+" does not exist|policy "\w+" for table "\w+" does not exist'
    assert [error for error in errors if not re.fullmatch(about_roles, error)] == []
    after = RESTORE.splitlines(keepends=True)[1:]
    await asyncio.to_thread(shell, "".join(after), restored_url)
    assert rights(restored_url) == known.rights
    with new_login(restored_url, member=True) as (_, restored_daemon_url):
        await catch_up(days, cluster, (restored_url, restored_daemon_url))
    check_history(days, restored_url, known)
    check_peoples(days, restored_url, known)
    await check_feed(restored_url, known)
    for role in ("speckle2pg", "web_anon", "web_user", "authenticator"):
        run(restored_url, f"DROP OWNED BY {role}")
        run(restored_url, f"DROP ROLE {role}")
    told = await asyncio.to_thread(shell, RESTORE_ROLES, restored_url)
    assert re.findall(r"ERROR: *(.*)", told) == ['role "postgres" already exists']
    run(own_server.admin_url, "CREATE DATABASE other")
    other_url = with_database(own_server.admin_url, "other")
    assert await asyncio.to_thread(shell, RESTORE.splitlines()[0], other_url) == ""
    assert rights(other_url) == known.rights
    assert peoples(other_url) == known.peoples


async def test_peoples_tables_fit_into_a_newly_migrated_database(
    cluster: Cluster, sandbox: SandboxServer, owner_url: str, database_url: str, shell: Shell
) -> None:
    days = await Days.begin(sandbox)
    known = await lose(days, owner_url, database_url, shell, PEOPLES, WHOLE)
    with cluster.database(migrated=False) as restored, cluster.database() as (other_url, _):
        restored_url, _ = restored
        assert await asyncio.to_thread(shell, RESTORE_PEOPLES, restored_url) == ""
        assert rights(restored_url) == known.rights
        # As long as one project cannot be read, nobody knows whether its part is the one without a project.
        away = sandbox.faults.add(Fault(path="/graphql", operation=days.other, status=503))
        async with running_daemon(days.settings(restored[1])):
            was_read = "SELECT state = 'ok' AND last_reconciled_at IS NOT NULL FROM projects WHERE id = %s"
            await until(lambda: run(restored_url, was_read, days.project) == [(True,)])
        assert peoples(restored_url) == known.peoples
        away.remove()
        await catch_up(days, cluster, restored)
        check_peoples(days, restored_url, known)
        await check_feed(restored_url, known)
        assert rows(restored_url, "SELECT * FROM status_conflicts") == []
        # The same out of a whole dump.
        again = EXTRACT_PEOPLES + RESTORE_PEOPLES.partition("\n")[2]
        assert await asyncio.to_thread(shell, again, other_url) == ""
        assert peoples(other_url) == known.peoples
        entry = "INSERT INTO element_status_log (project_id, guid) SELECT 'p', gen_random_uuid() RETURNING id"
        assert run(other_url, entry)[0][0] > known.peoples["element_status_log"][-1]["id"]
        assert run(other_url, "INSERT INTO admin_log (actor, action) VALUES ('anna', 'x') RETURNING id")[0][0] > 1


async def test_in_another_schema_an_owner_who_is_no_superuser_restores_alone(
    cluster: Cluster, sandbox: SandboxServer, tmp_path: Path
) -> None:
    days = await Days.begin(sandbox, "twin")
    shell = Shell(tmp_path, "twin")
    with owned_databases(cluster, 3) as ((owner_url, database_url), *restored):
        migrations.migrate(owner_url, "twin", canonical.NOISE)
        known = await lose(days, owner_url, database_url, shell, WHOLE, PEOPLES)
        for (restored_url, _), commands in zip(restored, (RESTORE, RESTORE_PEOPLES), strict=True):
            assert await asyncio.to_thread(shell, commands, restored_url) == ""
            assert rights(restored_url) == known.rights
        await catch_up(days, cluster, *restored)
        for restored_url, _ in restored:
            check_peoples(days, restored_url, known)
            await check_feed(restored_url, known)


@contextmanager
def owned_databases(cluster: Cluster, count: int) -> Iterator[list[tuple[str, str]]]:
    """Empty databases of a login that has no other rights, where names are looked up in schema twin."""
    with ExitStack() as stack:
        name, _ = stack.enter_context(new_login(cluster.admin_url))
        urls = [stack.enter_context(cluster.database(migrated=False)) for _ in range(count)]
        for url, _ in urls:
            database = urlsplit(url).path.strip("/")
            run(url, f'ALTER DATABASE "{database}" OWNER TO {name}')
            run(url, f'ALTER DATABASE "{database}" SET search_path = twin')
        yield [(as_login(url, name, "of-the-tests"), daemon_url) for url, daemon_url in urls]


async def test_a_dump_made_while_a_version_is_loaded_and_statuses_are_set_is_one_moment(
    cluster: Cluster, sandbox: SandboxServer, owner_url: str, database_url: str, shell: Shell
) -> None:
    days = await Days.begin(sandbox)
    days.enter(owner_url)
    async with running_daemon(days.settings(database_url)):
        await days.current(owner_url)
        days.set_yesterday(owner_url)
        slow = sandbox.faults.add(Fault(path="/api/*", silent=True))
        version = await days.publish("structure", BRIDGE[1].root_id, BRIDGE[1].objects)
        await slow.used.wait()
        with foremen(days, owner_url) as entries:
            await until(lambda: len(entries) > 10)
            await asyncio.to_thread(shell, WHOLE, owner_url)
            until_then = len(entries)
            await until(lambda: len(entries) > until_then)
        slow.remove()
        await days.current(owner_url)
    with cluster.database(migrated=False) as (restored_url, restored_daemon_url):
        assert await asyncio.to_thread(shell, RESTORE, restored_url) == ""
        dumped = peoples(restored_url)
        last = {entry["guid"]: entry["new_status"] for entry in dumped["element_status_log"]}
        set_then = {row["guid"]: row["status"] for row in dumped["element_status"]}
        assert set_then == {guid: status for guid, status in last.items() if status is not None}
        entered = peoples(owner_url)["element_status_log"]
        assert [entry for entry in dumped["element_status_log"] if entry not in entered] == []
        (loading,) = rows(restored_url, "SELECT state FROM versions WHERE id = %s", version)
        assert loading["state"] == "syncing"
        await catch_up(days, cluster, (restored_url, restored_daemon_url))
        assert peoples(restored_url) == dumped


@contextmanager
def foremen(days: Days, owner_url: str) -> Iterator[list[Row]]:
    """Two people who set statuses of parts of their own during the block; what they were told."""
    entries: list[Row] = []
    ended = Event()

    def work(guid: uuid.UUID) -> None:
        for status in itertools.cycle(("mounted", "planned")):
            if ended.is_set():
                return
            entries.append(days.set_status(owner_url, guid, status=status))

    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(work, guid) for guid in KEPT[10:12]]
        try:
            yield entries
        finally:
            ended.set()
        for person in working:
            person.result()


def test_what_an_earlier_adapter_left_comes_back_with_the_views_on_it(
    cluster: Cluster, empty_url: str, shell: Shell
) -> None:
    made_up().restore(empty_url)
    take_over(empty_url)
    sync(empty_url, BRIDGE_TAKEN_OVER, GUIDS[0], "New name")
    with cluster.database(migrated=False) as (restored_url, _):
        shell(WHOLE, empty_url)
        assert shell(RESTORE, restored_url) == ""
        for relation in LEFT:
            query = f"SELECT * FROM {relation} ORDER BY 1"  # noqa: S608  (names of this file)
            assert run(restored_url, query) == run(empty_url, query) != []
        assert rights(restored_url) == rights(empty_url)
        status = "UPDATE public_earlier.elements SET status = 'welded ü' WHERE guid = %s"
        run(restored_url, status, GUIDS[0])
        assert run(restored_url, "SELECT status FROM element_status WHERE guid = %s", GUIDS[0]) == [("welded ü",)]


def test_whoever_would_dump_less_than_everything_is_refused(cluster: Cluster, owner_url: str, shell: Shell) -> None:
    with new_login(owner_url, member=True) as (_, daemon_url):
        told = shell(WHOLE, daemon_url, code=1)
    assert "permission denied" in told or "row-level security" in told


def test_the_page_says_of_every_table_whether_it_can_be_had_again(owner_url: str) -> None:
    text = (ROOT / DOCUMENT).read_text(encoding="utf-8").split("## What is where")[1].split("## Back up")[0]
    named = set(re.findall(r"`([a-z_*]+)[`.]", text))
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    tables = {name for (name,) in run(owner_url, query)}
    unnamed = {t for t in tables if t not in named and not t.startswith(("staged_", "speckle2pg_migrations"))}
    assert unnamed == set()

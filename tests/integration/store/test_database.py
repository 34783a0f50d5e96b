# ruff: noqa: PT012  (a fault may come at the end of the transaction, so the block is inside)
"""Transactions, and what each fault of PostgreSQL becomes, provoked for real."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from speckle2pg.errors import ConfigurationError, DatabaseUnavailableError, FatalError, Speckle2pgError
from speckle2pg.sources.registry import RegistryChange, RegistrySource
from speckle2pg.store import migrations
from speckle2pg.store.database import Database
from speckle2pg.store.listen import listen
from speckle2pg.store.scratch import with_database
from support.logins import as_login, new_login, run
from support.waiting import until

if TYPE_CHECKING:
    from speckle2pg.store.database import Transaction
    from speckle2pg.store.embedded import EmbeddedServer

PASSWORD = "hunter2-of-the-tests"
NOWHERE = f"postgresql://me:{PASSWORD}@127.0.0.1:1/x"
ADD = {"name": None, "model_globs": None}


async def execute(tx: Transaction, statement: str, *parameters: Any) -> None:
    """A statement that the program itself does not have."""
    await tx._connection.execute(statement.encode(), parameters or None)


async def ids(database: Database) -> list[str]:
    return [row["id"] for row in await database.all("list_projects")]


async def test_a_transaction_commits_at_its_end_and_rolls_back_on_any_error(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.one("add_project", project_id="kept", **ADD)
    with pytest.raises(KeyError):
        async with database.transaction() as tx:
            await tx.one("add_project", project_id="ours", **ADD)
            raise KeyError
    with pytest.raises(FatalError):
        async with database.transaction() as tx:
            await tx.one("add_project", project_id="theirs", **ADD)
            await tx.one("add_project", project_id="not valid", **ADD)
    async with database.transaction(commit=False) as tx:
        await tx.one("add_project", project_id="only-a-look", **ADD)
    assert await ids(database) == ["kept"]


async def test_a_cancelled_transaction_rolls_back_and_its_connection_is_usable_again(database_url: str) -> None:
    async with Database(database_url, max_size=1) as database:
        written = asyncio.Event()

        async def write() -> None:
            async with database.transaction() as tx:
                await tx.one("add_project", project_id="cancelled", **ADD)
                written.set()
                await execute(tx, "SELECT pg_sleep(60)")

        task = asyncio.create_task(write())
        await written.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert await ids(database) == []


async def test_a_lock_that_is_not_to_be_had_is_retryable(database: Database) -> None:
    await database.one("add_project", project_id="abc", **ADD)
    async with database.transaction() as holder:
        await holder.one("add_project", project_id="abc", **ADD)
        with pytest.raises(DatabaseUnavailableError, match="55P03"):
            async with database.transaction() as tx:
                await execute(tx, "SET LOCAL lock_timeout = '20ms'")
                await tx.one("add_project", project_id="abc", **ADD)


async def test_a_statement_that_takes_too_long_is_retryable(database: Database) -> None:
    with pytest.raises(DatabaseUnavailableError, match="57014"):
        async with database.transaction() as tx:
            await execute(tx, "SET LOCAL statement_timeout = '20ms'")
            await execute(tx, "SELECT pg_sleep(60)")


async def test_a_serialization_failure_is_retryable(database: Database) -> None:
    await database.one("add_project", project_id="abc", **ADD)
    with pytest.raises(DatabaseUnavailableError, match="40001"):
        async with database.transaction() as tx:
            await execute(tx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await tx.all("list_projects")
            await database.one("add_project", project_id="abc", **ADD)
            await tx.one("add_project", project_id="abc", **ADD)


async def test_a_deadlock_is_retryable_for_one_and_nothing_for_the_other(database: Database) -> None:
    for name in ("one", "two"):
        await database.one("add_project", project_id=name, **ADD)
    both_hold = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> None:
        async with database.transaction() as tx:
            await tx.one("add_project", project_id=first, **ADD)
            await both_hold.wait()
            await tx.one("add_project", project_id=second, **ADD)

    results = await asyncio.gather(lock("one", "two"), lock("two", "one"), return_exceptions=True)
    (loser,) = [result for result in results if result is not None]
    assert isinstance(loser, DatabaseUnavailableError)
    assert "40P01" in str(loser)


async def test_a_terminated_connection_is_retryable_and_the_next_transaction_works(
    owner_url: str, database: Database
) -> None:
    with pytest.raises(DatabaseUnavailableError):
        async with database.transaction() as tx:
            await tx.one("add_project", project_id="lost", **ADD)
            pid = tx._connection.info.backend_pid
            await asyncio.to_thread(run, owner_url, f"SELECT pg_terminate_backend({pid}, 5000)")
            await tx.all("list_projects")
    assert await ids(database) == []


async def test_a_database_that_only_reads_is_retryable(database: Database) -> None:
    """As in a failover, when the standby is met."""
    with pytest.raises(DatabaseUnavailableError, match="25006"):
        async with database.transaction() as tx:
            await execute(tx, "SET TRANSACTION READ ONLY")
            await tx.one("add_project", project_id="abc", **ADD)


async def test_a_missing_privilege_is_a_matter_of_configuration(owner_url: str) -> None:
    with new_login(owner_url) as (_, url):
        async with Database(url) as database:
            with pytest.raises(ConfigurationError, match=r"permission denied.*42501.*doctor"):
                await ids(database)


async def test_a_schema_that_is_not_there_is_a_matter_of_configuration(database_url: str) -> None:
    async with Database(database_url, schema="absent") as database:
        with pytest.raises(ConfigurationError, match="42P01"):
            await ids(database)


async def test_an_unreachable_host_is_retryable_and_named_without_the_password() -> None:
    async with Database(NOWHERE, timeout=0.3) as database:
        with pytest.raises(DatabaseUnavailableError, match=r"cannot be reached.*127\.0\.0\.1.*refused") as caught:
            await ids(database)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


async def test_an_unknown_database_or_login_is_a_matter_of_configuration(owner_url: str) -> None:
    for url in (with_database(owner_url, "absent"), as_login(owner_url, "absent", PASSWORD)):
        async with Database(url, timeout=0.3) as database:
            with pytest.raises(ConfigurationError, match=r"\"absent\" does not exist|authentication failed") as caught:
                await ids(database)
        assert PASSWORD not in "".join(traceback.format_exception(caught.value))


async def test_too_many_connections_are_retryable(owner_url: str) -> None:
    with new_login(owner_url, member=True, options="CONNECTION LIMIT 1") as (_, url), psycopg.connect(url):
        async with Database(url, timeout=0.3) as database:
            with pytest.raises(DatabaseUnavailableError, match="too many connections"):
                await ids(database)


async def test_a_busy_pool_is_retryable(database_url: str) -> None:
    async with Database(database_url, max_size=1, timeout=0.2) as database, database.transaction():
        with pytest.raises(DatabaseUnavailableError, match="no database connection"):
            await ids(database)


def demand_passwords_of(admin_url: str, login: str) -> None:
    """The server no longer trusts this login."""
    rules = Path(run(admin_url, "SHOW hba_file")[0][0])
    rules.write_text(f"local all {login} scram-sha-256\n" + rules.read_text(encoding="utf-8"), encoding="utf-8")
    run(admin_url, "SELECT pg_reload_conf()")


async def test_a_wrong_password_is_a_matter_of_configuration(own_server: EmbeddedServer) -> None:
    run(own_server.admin_url, f"CREATE ROLE careful LOGIN PASSWORD '{PASSWORD}'")
    demand_passwords_of(own_server.admin_url, "careful")
    for password, reason in (("wrong-password", "password authentication failed"), ("", "no password supplied")):
        url = as_login(own_server.owner_url, "careful", password)
        async with Database(url, timeout=0.3) as database:
            with pytest.raises(ConfigurationError, match=reason):
                await ids(database)
        with pytest.raises(ConfigurationError, match=reason) as caught:
            await asyncio.to_thread(migrations.inspect, url, "public")
        assert "wrong-password" not in "".join(traceback.format_exception(caught.value))


async def test_a_stopped_server_is_retryable_and_found_again_when_it_is_back(own_server: EmbeddedServer) -> None:
    await asyncio.to_thread(migrations.migrate, own_server.owner_url, "public")
    async with Database(own_server.url, timeout=0.3) as database:
        assert await ids(database) == []
        await asyncio.to_thread(own_server._server._stop)
        with pytest.raises(DatabaseUnavailableError):
            await ids(database)
        await asyncio.to_thread(own_server._server.ensure_postgres_running)
        async with asyncio.timeout(20):
            while True:
                with suppress(DatabaseUnavailableError):
                    assert await ids(database) == []
                    return


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("SELECT %s::integer", "row-data"),
        ("SELECT %s::uuid", "row-data"),
        ("SELECT %s::timestamptz", "row-data"),
        ("SELECT %s::jsonb", "row-data"),
        ("INSERT INTO projects (id) VALUES (%s)", "row data"),
        ("INSERT INTO projects (id, name) VALUES ('first', 'row-data'), ('first', %s)", "row-data"),
        ("INSERT INTO parts VALUES (%s, NULL, now(), now())", "row-data"),
        ("SELECT 1 / (length(%s) - 8)", "row-data"),
        ("SELECT %s || chr(0)", "row-data"),
        ("SELECT %s::text", "row-data\0"),
        ("SELECT %s::jsonb", Jsonb({"row-data": "\0"})),
    ],
)
async def test_a_refused_statement_is_fatal_and_its_message_quotes_no_row(
    owner_url: str, statement: str, value: Any
) -> None:
    async with Database(owner_url) as database:
        with pytest.raises(FatalError) as caught:
            async with database.transaction() as tx:
                await execute(tx, statement, value)
        message = str(caught.value)
        assert message.startswith("the database ")
        assert "row-data" not in message
        assert "row data" not in message
        assert await ids(database) == []


async def test_nothing_is_left_on_a_connection_so_that_a_pooler_may_stand_between(database_url: str) -> None:
    async with Database(database_url, schema="public", max_size=1) as database:
        async with database._pool.connection() as raw:
            before = await (await raw.execute("SHOW search_path")).fetchone()
        for _ in range(10):
            await database.all("list_projects")
        async with database._pool.connection() as raw:
            after = await (await raw.execute("SHOW search_path")).fetchone()
            prepared = await (await raw.execute("SELECT count(*) AS n FROM pg_prepared_statements")).fetchone()
    assert before == after
    assert prepared == {"n": 0}


async def test_tables_of_the_same_names_in_another_schema_are_never_met(empty_url: str) -> None:
    """Also where the login's own search_path names the other schema first."""
    await asyncio.to_thread(migrations.migrate, empty_url, "ours")
    run(empty_url, "CREATE TABLE public.projects (id text, enabled text, bait text DEFAULT 'taken')")
    run(empty_url, "GRANT ALL ON public.projects TO PUBLIC")
    run(
        empty_url,
        "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT '1999-01-01'::timestamptz$$",
    )
    with new_login(empty_url, member=True) as (name, url):
        run(empty_url, f"ALTER ROLE {name} SET search_path = public, ours")
        async with Database(url, schema="ours") as database:
            await database.one("add_project", project_id="abc", **ADD)
            assert await ids(database) == ["abc"]
    assert run(empty_url, "SELECT count(*) FROM public.projects") == [(0,)]
    assert run(empty_url, "SELECT created_at > '2001-01-01' FROM ours.projects") == [(True,)]


async def test_without_listen_a_new_row_of_the_registry_is_found_by_the_poll(
    owner_url: str, database: Database
) -> None:
    found = asyncio.Event()

    def report(change: RegistryChange) -> None:
        if "abc" in change.followed:
            found.set()

    task = asyncio.create_task(RegistrySource(database, NOWHERE, report).run())
    await asyncio.to_thread(run, owner_url, "INSERT INTO projects (id) VALUES ('abc')")
    await asyncio.wait_for(found.wait(), 5)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_listening_ends_with_a_retryable_error_when_its_connection_is_cut(owner_url: str) -> None:
    heard: list[str | None] = []
    with pytest.raises(DatabaseUnavailableError):
        async for payload in listen(owner_url, "some_channel"):
            heard.append(payload)
            if payload is None:
                await asyncio.to_thread(run, owner_url, "SELECT pg_notify('some_channel', 'hello')")
                continue
            kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'speckle2pg listen'"
            await asyncio.to_thread(run, owner_url, f"{kill} AND datname = current_database()")
    assert heard == [None, "hello"]


async def test_every_error_of_the_adapter_is_one_of_ours(database: Database) -> None:
    """A condition that nobody thought of is still translated."""
    with pytest.raises(Speckle2pgError, match="P0001"):
        async with database.transaction() as tx:
            await execute(tx, "DO $$BEGIN RAISE EXCEPTION 'unforeseen'; END$$")


async def test_a_cancellation_is_not_lost_whatever_it_coincides_with(database_url: str) -> None:
    """A waiter gets its connection turns of the loop after it is free; it is cancelled after each number of them."""

    async def want(database: Database) -> None:
        async with database.transaction():
            pass
        await asyncio.Event().wait()

    async with Database(database_url, max_size=1) as database:
        for turns in range(40):
            async with database.transaction():
                task = asyncio.create_task(want(database))
                await until(lambda: database.pool_stats()["requests_waiting"] == 1)
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task], timeout=5)
            heard = task.done()
            task.cancel()
            await asyncio.wait([task])
            assert heard, f"a cancellation {turns} turns after the connection was free is lost"

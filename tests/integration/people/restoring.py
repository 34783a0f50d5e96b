"""A database that is lost after its dump, and what must be true of the one that is restored from it."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from integration.history.feeding import Consumer, table
from integration.people.days import BRIDGE, DOOMED, KEPT, Days, peoples, shown
from support.daemon import running_daemon
from support.documents import blocks
from support.dumps import DOCUMENT
from support.logins import run
from support.oracle import rows
from support.waiting import until

if TYPE_CHECKING:
    from support.databases import Cluster
    from support.dumps import Shell
    from support.front import Row

_DRILL = next(blocks(DOCUMENT, "sql")).statements
# What an administrator can give and take, but for what is the owner's.
_RIGHTS = """
SELECT 'policy', tablename, policyname || cmd, roles::text, qual, with_check FROM pg_policies
UNION ALL
SELECT 'grant', c.relname, '', a.grantee::regrole::text, a.privilege_type, NULL
    FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS a
    WHERE a.grantee <> c.relowner AND c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'grant', p.oid::regprocedure::text, '', a.grantee::regrole::text, a.privilege_type, NULL
    FROM pg_proc AS p CROSS JOIN aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) AS a
    WHERE a.grantee <> p.proowner AND p.pronamespace = current_schema()::regnamespace
UNION ALL
SELECT 'grant', nspname, '', a.grantee::regrole::text, a.privilege_type, NULL
    FROM pg_namespace CROSS JOIN aclexplode(nspacl) AS a
    WHERE nspname = current_schema() AND a.grantee <> nspowner
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, tgname, tgenabled::text, pg_get_triggerdef(oid), NULL
    FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, convalidated::text, pg_get_constraintdef(oid), NULL
    FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'
ORDER BY 1, 2, 3, 4, 5
"""


@dataclass(frozen=True, slots=True)
class Yesterday:
    """What was known when the dump was made.

    Attributes:
        peoples: What people had entered, by table.
        first_seen: When each part was seen first.
        consumer: Who had read the feed.
        rights: Policies, grants, triggers and constraints.
        history: The applications.
    """

    peoples: dict[str, list[Row]]
    first_seen: dict[Any, Any]
    consumer: Consumer
    rights: list[tuple[Any, ...]]
    history: list[Row]


def rights(url: str) -> list[tuple[Any, ...]]:
    """Policies, grants, triggers and constraints of a database, in order."""
    return run(url, _RIGHTS)


def first_seen(url: str) -> dict[Any, Any]:
    """When each part was seen first."""
    return {(row["project_id"], row["guid"]): row["first_seen_at"] for row in rows(url, "SELECT * FROM parts")}


async def lose(days: Days, owner_url: str, database_url: str, shell: Shell, *back_up: str) -> Yesterday:
    """Lives through two days of a database; what is known of the first one, at whose end it is backed up."""
    days.enter(owner_url)
    async with running_daemon(days.settings(database_url)):
        await days.current(owner_url)
        days.set_yesterday(owner_url)
        for commands in back_up:
            await asyncio.to_thread(shell, commands, owner_url)
        consumer = Consumer(owner_url)
        await until(lambda: bool(consumer.follow()))
        known = Yesterday(
            peoples(owner_url),
            first_seen(owner_url),
            consumer,
            rights(owner_url),
            rows(owner_url, "SELECT * FROM model_syncs ORDER BY project_id, model_id, seq"),
        )
        await days.today(owner_url)
    return known


def differences(found: dict[str, list[str]], wanted: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Rows that only one of them has."""
    both = {(name, row) for name, items in found.items() for row in items}
    return sorted(both ^ {(name, row) for name, items in wanted.items() for row in items})


async def catch_up(days: Days, cluster: Cluster, *restored: tuple[str, str]) -> None:
    """Runs daemons on what was restored; a database that is loaded from nothing then shows the same."""
    with cluster.database() as (blank_url, blank_daemon_url):
        days.register(blank_url)
        daemons = [(days.settings(daemon_url), url) for url, daemon_url in restored]
        daemons.append((replace(days, schema="public").settings(blank_daemon_url), blank_url))
        async with AsyncExitStack() as stack:
            for settings, _ in daemons:
                await stack.enter_async_context(running_daemon(settings))
            await days.current(*(url for _, url in daemons))
        for url, _ in restored:
            assert differences(shown(url), shown(blank_url)) == []
            assert run(url, _DRILL[0]) == run(blank_url, _DRILL[0]) != []


def check_peoples(days: Days, owner_url: str, known: Yesterday) -> None:
    """What people entered is as dumped, and their work goes on."""
    assert peoples(owner_url) == known.peoples
    seen = first_seen(owner_url)
    assert {key: seen[key] for key in known.first_seen} == known.first_seen
    assert sum(row[2] for row in run(owner_url, _DRILL[1])) == len(known.peoples["element_status"])
    last = known.peoples["element_status_log"][-1]["id"]
    changed = days.set_status(owner_url, KEPT[9], status="mounted")
    assert changed["changed"]
    with pytest.raises(psycopg.errors.CheckViolation):
        days.set_status(owner_url, KEPT[9], status="odd")
    log = rows(owner_url, "SELECT * FROM element_status_log WHERE guid = %s", KEPT[9])
    assert [(entry["new_status"], entry["changed_by"]) for entry in log] == [("mounted", "anna@example.org")]
    assert log[0]["id"] > last
    run(owner_url, "INSERT INTO admin_log (actor, action) VALUES ('anna', 'restore')")


def check_history(days: Days, owner_url: str, known: Yesterday) -> None:
    """Nothing but the difference between the dump and today was applied, and it is told as that."""
    syncs = rows(owner_url, "SELECT * FROM model_syncs ORDER BY project_id, model_id, seq")
    new = [(entry["model_id"], entry["seq"]) for entry in syncs if entry not in known.history]
    models = days.models
    assert sorted(new) == sorted(
        [(models["structure"], 2), (models["annex"], 2), (models["still"], 2), (models["fresh"], 1)]
    )
    assert [entry for entry in syncs if (entry["model_id"], entry["seq"]) not in new] == known.history
    counts = {
        (row["model_id"], row["seq"]): (row["added"], row["modified"], row["removed"])
        for row in rows(owner_url, "SELECT * FROM versions WHERE state = 'synced' AND seq > 1")
    }
    assert counts == {
        (models["structure"], 2): (BRIDGE[1].added, BRIDGE[1].modified, BRIDGE[1].removed),
        (models["still"], 2): (0, 0, 0),
    }
    conflicts = {
        (row["guid"], row["removed_reason"])
        for row in rows(owner_url, "SELECT guid, removed_reason FROM status_conflicts WHERE conflict = 'removed'")
    }
    assert conflicts == {*((guid, "absent") for guid in DOOMED), (uuid.UUID(int=5), "model_deleted")}


async def check_feed(owner_url: str, known: Yesterday) -> None:
    """Who had read the feed is told to begin anew, and then has all."""
    with pytest.raises(psycopg.Error, match="cursor_expired"):
        Consumer(owner_url, known.consumer.cursor).page()
    anew = Consumer(owner_url)
    # A transaction of the cluster itself, such as autovacuum's, can hold the end back for a moment.
    await until(lambda: (anew.follow(), anew.held)[1] == table(owner_url))

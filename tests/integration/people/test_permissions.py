# ruff: noqa: S608  (names that the database itself gave)
"""Each role can do with each table and view what it is for, and nothing else, also those still to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.people.neighbours import MARK, session
from support.front import user
from support.logins import run

if TYPE_CHECKING:
    from integration.people.neighbours import Neighbours

# What is written, and how. Whatever is not named here nobody but the owner may write.
READ_WRITE = frozenset({"INSERT", "UPDATE", "DELETE"})
DAEMON_WRITES = {
    **dict.fromkeys(("projects", "models", "versions", "model_syncs", "model_objects", "model_elements"), READ_WRITE),
    **dict.fromkeys(("element_history", "sync_requests", "leases", "replicas", "outbound_notifications"), READ_WRITE),
    **dict.fromkeys(("monitoring_snapshots", "admin_log", "loads", "staged_facts", "staged_tree"), READ_WRITE),
    "parts": frozenset({"INSERT", "UPDATE"}),
    "purges": frozenset({"INSERT"}),
    "instance": frozenset({"UPDATE"}),
    "load_ids": frozenset({"USAGE"}),
}
WEB_USER_WRITES = {"element_status": frozenset({"INSERT", "UPDATE"}), "elements": frozenset({"UPDATE"})}
WRITES = {"speckle2pg": DAEMON_WRITES, "web_anon": {}, "web_user": WEB_USER_WRITES, "authenticator": {}, "public": {}}
# Of no project.
FOR_ALL = {"instance", "noise_rules"}
# Nobody but the daemon reads them: staging, and the migrator's notes.
WITHOUT_POLICIES = {
    *("loads", "staged_facts", "staged_tree"),
    *("speckle2pg_migrations", "speckle2pg_migrations_log", "speckle2pg_migrations_version"),
}

RIGHTS = """
SELECT r.name, c.relname, p.privilege
FROM unnest(%s::text[]) AS r (name)
CROSS JOIN pg_class AS c
CROSS JOIN unnest(%s::text[]) AS p (privilege)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND CASE WHEN p.privilege IN ('INSERT', 'UPDATE', 'REFERENCES')
      THEN has_table_privilege(r.name, c.oid, p.privilege) OR has_any_column_privilege(r.name, c.oid, p.privilege)
      ELSE has_table_privilege(r.name, c.oid, p.privilege) END
UNION ALL
SELECT r.name, c.relname, p.privilege
FROM unnest(%s::text[]) AS r (name)
CROSS JOIN pg_class AS c
CROSS JOIN unnest('{USAGE,SELECT,UPDATE}'::text[]) AS p (privilege)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S' AND has_sequence_privilege(r.name, c.oid, p.privilege)
ORDER BY 1, 2, 3
"""

# What only owners do.
TABLES_OWNERS = (
    "TRUNCATE {name}",
    "ALTER TABLE {name} ADD COLUMN mine text",
    "ALTER TABLE {name} RENAME TO mine",
    "ALTER TABLE {name} OWNER TO current_user",
    "ALTER TABLE {name} DISABLE TRIGGER ALL",
    "ALTER TABLE {name} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY",
    "CREATE POLICY mine ON {name} USING (true)",
    "CREATE RULE mine AS ON UPDATE TO {name} DO INSTEAD NOTHING",
    "CREATE TRIGGER mine BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION announce_registry_change()",
    "CREATE INDEX ON {name} ((1))",
    "COMMENT ON TABLE {name} IS 'mine'",
    "DROP TABLE {name}",
    "CLUSTER {name}",
)
VIEWS_OWNERS = (
    "ALTER VIEW {name} RENAME TO mine",
    "ALTER VIEW {name} OWNER TO current_user",
    "ALTER VIEW {name} SET (security_invoker = false)",
    "ALTER VIEW {name} ALTER COLUMN project_id SET DEFAULT 'mine'",
    "CREATE OR REPLACE VIEW {name} AS SELECT 1 AS mine",
    "CREATE TRIGGER mine INSTEAD OF UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION announce_registry_change()",
    "COMMENT ON VIEW {name} IS 'mine'",
    "DROP VIEW {name}",
)
# By right, and as how it is tried.
TRIES = {
    "INSERT": (
        "INSERT INTO {name} DEFAULT VALUES",
        "INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT * FROM {name} WHERE false",
    ),
    "UPDATE": ("UPDATE {name} SET {column} = {column}", "SELECT * FROM {name} FOR UPDATE"),
    "DELETE": ("DELETE FROM {name}", "DELETE FROM {name} WHERE false"),
}
DENIED = "42501"
# A view of several tables cannot be written by anybody, and what cannot be locked or truncated is not.
OF_VIEWS = {DENIED, "55000", "0A000"}
FIRST_COLUMN = """
SELECT attname FROM pg_attribute
WHERE attrelid = to_regclass(quote_ident(%s)) AND attnum > 0 AND NOT attisdropped AND attidentity = ''
ORDER BY attnum LIMIT 1
"""


def maintenance(url: str) -> list[str]:
    """Rights beside reading and writing that this server knows."""
    is_known = run(url, "SELECT current_setting('server_version_num')::int >= 170000")[0][0]
    return ["TRUNCATE", "REFERENCES", "TRIGGER", *(["MAINTAIN"] if is_known else [])]


@pytest.mark.parametrize("role", WRITES)
def test_a_role_may_write_what_it_is_for_and_nothing_else_in_any_column(neighbours: Neighbours, role: str) -> None:
    roles = [role]
    found = run(
        neighbours.owner_url, RIGHTS, roles, ["INSERT", "UPDATE", "DELETE", *maintenance(neighbours.owner_url)], roles
    )
    expected = {(role, name, privilege) for name, privileges in WRITES[role].items() for privilege in privileges}
    assert set(found) == expected


def forbidden(kind: str, mine: frozenset[str]) -> list[str]:
    """What whoever may do only so much with a relation must not succeed with."""
    if kind == "S":
        use = [] if mine else ["SELECT nextval('{name}')"]
        return [*use, "SELECT setval('{name}', 1)", "ALTER SEQUENCE {name} RESTART", "SELECT last_value FROM {name}"]
    writes = [text for right, texts in TRIES.items() if right not in mine for text in texts]
    locks = [] if mine & {"UPDATE", "DELETE"} else ["LOCK TABLE {name} IN SHARE MODE"]
    return [*writes, *locks, *(VIEWS_OWNERS if kind == "v" else TABLES_OWNERS)]


@pytest.mark.parametrize("who", ["daemon", "anna", "carl", "nobody", "authenticator", "plain"])
def test_what_a_role_may_not_do_is_refused_when_it_is_tried(neighbours: Neighbours, who: str) -> None:
    writes = {"daemon": DAEMON_WRITES, "anna": WEB_USER_WRITES, "carl": WEB_USER_WRITES}.get(who, {})
    wrong = []
    with session(neighbours.everybody()[who]) as asker:
        for name, kind in neighbours.relations():
            ((column,),) = run(neighbours.owner_url, FIRST_COLUMN, name)
            for statement in forbidden(kind, writes.get(name, frozenset())):
                outcome = asker.refused(statement.format(name=name, column=column))
                if outcome not in (OF_VIEWS if kind == "v" else {DENIED}):
                    wrong.append((name, statement, outcome))
    assert wrong == []


@pytest.mark.parametrize("who", ["anna", "carl", "nobody", "authenticator", "plain"])
def test_no_table_and_no_view_shows_anything_of_a_project_that_is_not_ones_own(
    neighbours: Neighbours, who: str
) -> None:
    shown = {}
    with session(neighbours.strangers()[who]) as asker:
        for name, _ in neighbours.relations():
            for statement in (
                f"SELECT * FROM {name}",
                f"SELECT * FROM {name} WHERE {name}::text ~ 'hidden'",
                f"SELECT max(t::text), count(*) FROM {name} AS t",
                f"COPY (SELECT * FROM {name}) TO '/dev/null'",
            ):
                outcome = asker.ask(statement)
                if MARK.search(" ".join(outcome).replace(statement, "")):
                    shown[statement] = outcome
    assert shown == {}


def test_whoever_is_a_member_sees_the_project_and_the_daemon_sees_all(neighbours: Neighbours) -> None:
    """The tests above would pass where nobody sees anything: what a web role may read holds something hidden."""
    may_read = run(neighbours.owner_url, RIGHTS, ["web_user", "web_anon"], ["SELECT"], [])
    readable = {name for _, name, _ in may_read} - FOR_ALL
    assert {role for role, _, _ in may_read} == {"web_user", "web_anon"}
    for who in (user(neighbours.owner_url, "hidden-dora"), neighbours.logins["daemon"]):
        with session(who) as asker:
            without = {name for name in readable if not MARK.search(" ".join(asker.ask(f"SELECT * FROM {name}")))}
            assert without == set(), who


def test_every_table_has_policies_and_every_view_asks_with_the_rights_of_whoever_asks(neighbours: Neighbours) -> None:
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND "
    assert {name for (name,) in run(neighbours.owner_url, f"{tables} NOT relrowsecurity")} == WITHOUT_POLICIES
    views = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
    invoker = " AND NOT COALESCE(reloptions @> '{security_invoker=true}', false)"
    assert run(neighbours.owner_url, views + invoker) == []
    assert len(run(neighbours.owner_url, views)) >= 6


def test_a_policy_lets_nobody_see_all_but_the_daemon(neighbours: Neighbours) -> None:
    """What is for all is of no project."""
    found = run(
        neighbours.owner_url,
        "SELECT tablename FROM pg_policies WHERE schemaname = 'public' AND roles <> '{speckle2pg}'"
        " AND COALESCE(qual, with_check) !~ 'readable_projects|writable_projects|my_subjects'",
    )
    assert {name for (name,) in found} == FOR_ALL
    foreign = "SELECT roles FROM pg_policies WHERE schemaname = 'public' AND roles && '{public}'"
    assert run(neighbours.owner_url, foreign) == []

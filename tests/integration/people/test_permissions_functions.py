# ruff: noqa: S608 - the database's own names, and what the tests themselves ask
"""No function tells anything of a project whose member one is not: it answers as if that project did not exist.

Every function of the schema is called with everything of the hidden project that somebody could guess, by everybody who
may not see it. Then the project is deleted, and the same calls must give the same rows and the same errors.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from integration.people.neighbours import HIDDEN, HIDDEN_GUID, forget_hidden, session
from support.front import user
from support.logins import run
from support.rows import guid

if TYPE_CHECKING:
    from integration.people.neighbours import Neighbours, Outcome
    from support.front import Front

# With the owner's rights, and not for any web role: the trigger that keeps the log, and what the daemon calls.
DEFINERS = {"adopt_statuses()": {"speckle2pg"}, "log_status()": set[str]()}
# They tell transaction ids, which go on.
MOVING = {"feed_bounds", "next_position"}

# What is immutable reads no table.
FUNCTIONS = """
SELECT p.proname, COALESCE(p.proargnames[:p.pronargs], '{}'), ARRAY(
    SELECT format_type(t, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, n) ORDER BY n)
FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace AND p.provolatile <> 'i'
ORDER BY p.oid::regprocedure::text
"""

_ITEMS = (
    [{"project_id": HIDDEN, "guid": str(HIDDEN_GUID), "status": "mounted"}],
    [{"guid": str(HIDDEN_GUID), "status": "hidden-status"}],
    [{"guid": str(guid(3)), "status": "mounted"}, {"guid": str(HIDDEN_GUID), "status": "mounted"}],
    [{"project_id": "home", "guid": str(HIDDEN_GUID), "status": "hidden-status"}],
)
_RECORD = {
    "project_id": HIDDEN,
    "model_id": "hidden-m",
    "id": "hidden-m",
    "guid": str(HIDDEN_GUID),
    "parent_guid": str(HIDDEN_GUID),
    "from_seq": 1,
    "properties": {},
}
# What there is to guess, by type, as SQL.
GUESSES = {
    "text": ("'hidden1'", "'hidden-m'", "'hidden name'", "'v-hidden-m'"),
    "uuid": (f"'{HIDDEN_GUID}'", f"'{guid(3)}'"),
    "bigint": ("1",),
    "integer": ("1000",),
    "numeric": ("1",),
    "double precision": ("1",),
    "date": ("'2026-01-01'",),
    "timestamp with time zone": ("'2020-01-01'", "now()"),
    "jsonb": tuple(f"'{json.dumps(items)}'" for items in _ITEMS),
}
# What else could tell: rows that cannot be written, keys that are taken, statistics.
STATEMENTS = (
    *(
        f"INSERT INTO element_status (project_id, guid, status) VALUES ('{project}', '{part}', '{status}') {conflict}"
        for project in ("home", "hidden1")
        for part in (HIDDEN_GUID, guid(3))
        for status in ("mounted", "hidden-status")
        for conflict in ("", "ON CONFLICT (project_id, guid) DO UPDATE SET status = 'mounted' RETURNING guid")
    ),
    f"UPDATE elements SET status = 'mounted' WHERE guid = '{HIDDEN_GUID}' RETURNING project_id",
    "UPDATE element_status SET status = 'mounted' WHERE project_id = 'hidden1' RETURNING guid",
    "UPDATE element_status SET project_id = 'hidden1'",
    "SELECT * FROM pg_stats WHERE schemaname = 'public'",
    "SELECT * FROM pg_stats_ext_exprs WHERE schemaname = 'public'",
    "SELECT stavalues1 FROM pg_statistic",
    "SELECT query FROM pg_stat_activity WHERE query ~ 'hidden1' AND pid <> pg_backend_pid()",
)
# Of the texts, by the parameter's name; where that says nothing, all of them.
TEXTS = {
    **dict.fromkeys(("project", "project_id"), ("'hidden1'",)),
    **dict.fromkeys(("model", "model_id", "wanted"), ("'hidden-m'", "'hidden name'")),
    **dict.fromkeys(("version", "version_a", "version_b"), ("'v-hidden-m'",)),
    "status": ("NULL", "'hidden-status'"),
}
OTHER_TEXTS = {
    "changes_since": ("NULL", "'2020-01-01T00:00:00Z'", "{cursor}"),
    "feed_start": ("{cursor}", "'2020-01-01'"),
}


def guesses(function: str, name: str, kind: str, cursor: str) -> tuple[str, ...]:
    """Arguments for a parameter: those that its name asks for, or all of its type."""
    if kind == "text":
        others = tuple(text.format(cursor=f"'{cursor}'") for text in OTHER_TEXTS.get(function, ()))
        return others + TEXTS.get(name, GUESSES["text"])
    if kind in GUESSES:
        return GUESSES[kind]
    return (f"jsonb_populate_record(NULL::{kind}, '{json.dumps(_RECORD)}')",)


def calls(owner_url: str) -> list[tuple[str, str]]:
    """Names of functions, and calls of them with every guess for every parameter; and the other statements."""
    cursor = run(owner_url, "SELECT cursor FROM changes_since(NULL, 1000) WHERE guid = %s", HIDDEN_GUID)[0][0]
    found = [("", statement) for statement in STATEMENTS]
    for function, names, kinds in run(owner_url, FUNCTIONS):
        parameters = zip(names, kinds, strict=True)
        for arguments in itertools.product(*(guesses(function, name, kind, cursor) for name, kind in parameters)):
            given = ", ".join(f"{argument}::{kind}" for argument, kind in zip(arguments, kinds, strict=True))
            found.append((function, f"SELECT r FROM {function}({given}) AS r"))
    return found


def answers(who: str | Front, asked: list[tuple[str, str]]) -> dict[str, Outcome]:
    """What somebody is told, call by call."""
    with session(who) as asker:
        return {call: asker.ask(call) for _, call in asked}


def test_functions_answer_strangers_as_if_the_project_did_not_exist(own_neighbours: Neighbours) -> None:
    asked = calls(own_neighbours.owner_url)
    # Who logs in as authenticator and takes no role may do what a plain login may.
    strangers = {name: who for name, who in own_neighbours.strangers().items() if name != "authenticator"}
    before = {name: answers(who, asked) for name, who in strangers.items()}
    member = answers(user(own_neighbours.owner_url, "hidden-dora"), asked)
    forget_hidden(own_neighbours.owner_url)
    after = {name: answers(who, asked) for name, who in strangers.items()}
    different = {
        (who, call): (before[who][call], after[who][call])
        for who in strangers
        for name, call in asked
        if name not in MOVING and before[who][call] != after[who][call]
    }
    assert different == {}
    # The calls are such that whoever may see the project is told of it.
    telling = {name for name, call in asked if member[call] != before["anna"][call]}
    assert telling >= {
        *(
            "version_diff",
            "elements_as_of",
            "changes_since",
            "viewer_filter",
            "set_status",
            "elements_at",
            "element_at",
        ),
        *("part_states", "find_model", "status_list", "readable_projects", "last_position"),
    }


def test_functions_with_the_owners_rights_are_two_and_no_web_role_may_execute_them(neighbours: Neighbours) -> None:
    found = run(
        neighbours.owner_url,
        "SELECT p.oid::regprocedure::text, ARRAY("
        "SELECT r FROM unnest('{public,web_anon,web_user,authenticator,speckle2pg}'::text[]) AS r"
        " WHERE has_function_privilege(r, p.oid, 'EXECUTE'))"
        " FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef",
    )
    assert {name: set(roles) for name, roles in found} == DEFINERS


def test_functions_with_the_owners_rights_find_names_in_no_schema_of_others(neighbours: Neighbours) -> None:
    paths = run(
        neighbours.owner_url, "SELECT proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    )
    assert all("search_path=pg_catalog, pg_temp" in settings for (settings,) in paths)


@pytest.mark.parametrize("who", ["anna", "carl", "nobody", "authenticator", "plain"])
def test_the_functions_with_the_owners_rights_cannot_be_reached(neighbours: Neighbours, who: str) -> None:
    """Neither called nor hung on a table of one's own, where the trigger would write into the log what it is given."""
    with session(neighbours.strangers()[who]) as asker:
        asker.connection.execute("CREATE TEMP TABLE mine (LIKE pg_class)")
        for function in DEFINERS:
            assert asker.refused(f"SELECT {function}") == "42501"
            assert asker.refused(f"CREATE TRIGGER t AFTER INSERT ON mine EXECUTE FUNCTION {function}") == "42501"

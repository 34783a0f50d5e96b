# ruff: noqa: S608 - the database's own names
"""What is hidden does not come out sideways: by messages, plans, statistics, other names, or another's request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from integration.people.neighbours import HIDDEN, MARK, session
from support.front import user
from support.logins import as_login, run

if TYPE_CHECKING:
    from psycopg.errors import Diagnostic

    from integration.people.neighbours import Asker, Neighbours
    from support.front import Front

# Cheaper than any policy, so that a planner that may choose asks it first.
SPY = """
CREATE FUNCTION pg_temp.spy(given text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
    RAISE NOTICE 'seen: %', given;
    RETURN true;
END
$$;
CREATE FUNCTION pg_temp.spy(given text, other text) RETURNS boolean LANGUAGE sql COST 0.0000001
    AS 'SELECT pg_temp.spy(given)';
CREATE OPERATOR pg_temp.~~~ (
    FUNCTION = pg_temp.spy, LEFTARG = text, RIGHTARG = text, RESTRICT = eqsel, JOIN = eqjoinsel)
"""


def overheard(asker: Asker, statement: str) -> str:
    """All that a statement shows, says or announces."""
    notices: list[str] = []

    def note(diagnostic: Diagnostic) -> None:
        notices.append(str(diagnostic.message_primary))

    asker.connection.add_notice_handler(note)
    outcome = asker.ask(statement)
    asker.connection.remove_notice_handler(note)
    return " ".join((*outcome, *notices))


def readable(neighbours: Neighbours) -> list[str]:
    """Tables and views that web roles read."""
    rights = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
    return [
        name for (name,) in run(neighbours.owner_url, f"{rights} AND has_table_privilege('web_user', oid, 'SELECT')")
    ]


def views(neighbours: Neighbours) -> set[str]:
    """Names of the views."""
    return {name for name, kind in neighbours.relations() if kind == "v"}


SIDEWAYS = (
    "SELECT count(*) FROM {name} AS t WHERE pg_temp.spy(t::text)",
    "SELECT count(*) FROM {name} AS t WHERE t::text OPERATOR(pg_temp.~~~) 'x'",
    "SELECT count(v.x) FROM {name} AS t LEFT JOIN (VALUES (1), (2)) AS v (x) ON pg_temp.spy(t::text)",
    "SELECT (SELECT count(*) FROM {name} AS u WHERE pg_temp.spy(u::text || t::text)) FROM {name} AS t",
    "SELECT count(*) FILTER (WHERE pg_temp.spy(t::text)) FROM {name} AS t",
    "SELECT count(*) FROM {name} AS t WHERE ('x' || t::text)::integer = 1",
    "SELECT 1 / CASE WHEN t::text ~ 'hidden' THEN 0 ELSE 1 END FROM {name} AS t",
    "SELECT count(*) FROM {name} AS t WHERE 1 / CASE WHEN t::text ~ 'hidden' THEN 0 ELSE 1 END = 1",
    "EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM {name} AS t WHERE t::text ~ 'x'",
)


@pytest.mark.parametrize("who", ["carl", "nobody"])
def test_conditions_that_talk_or_fail_are_not_asked_of_hidden_rows(neighbours: Neighbours, who: str) -> None:
    found = []
    with session(neighbours.fronts()[who]) as asker:
        asker.connection.execute(SPY)
        for name in readable(neighbours):
            for statement in SIDEWAYS:
                told = overheard(asker, statement.format(name=name)).replace("~ 'hidden'", "")
                if MARK.search(told) or "22012" in told:
                    found.append((name, statement, told))
    assert found == []


def test_the_spy_hears_of_rows_that_may_be_seen(neighbours: Neighbours) -> None:
    with session(user(neighbours.owner_url, "hidden-dora")) as asker:
        asker.connection.execute(SPY)
        for statement in SIDEWAYS[:5]:
            assert MARK.search(overheard(asker, statement.format(name="elements"))), statement
        assert "22012" in overheard(asker, SIDEWAYS[7].format(name="elements"))


def test_names_of_ones_own_do_not_stand_in_for_ours(neighbours: Neighbours) -> None:
    """Temporary tables come before all others where a name has no schema."""
    with session(neighbours.fronts()["carl"]) as asker:
        execute = asker.connection.execute
        execute(
            "CREATE TEMP TABLE project_members AS"
            " SELECT 'hidden1'::text AS project_id, 'carl'::text AS subject, true AS can_write"
        )
        execute("CREATE TEMP TABLE parts AS SELECT 'hidden1'::text AS project_id, gen_random_uuid() AS guid")
        execute("CREATE TEMP TABLE status_values AS SELECT 'home'::text AS project_id, 'mine'::text AS code")
        execute(
            "CREATE FUNCTION pg_temp.my_subjects() RETURNS text[] LANGUAGE sql AS 'SELECT ''{hidden-dora}''::text[]'"
        )
        execute("SET search_path = pg_temp, public")
        assert execute("SELECT public.readable_projects(), public.writable_projects()").fetchall() == [
            (["home"], ["home"])
        ]
        assert not MARK.search(" ".join(asker.ask("SELECT * FROM public.elements")))
        assert asker.refused("UPDATE public.elements SET status = 'mine'") == "23514"


def test_statistics_tell_nothing_of_tables_with_policies(neighbours: Neighbours) -> None:
    statements = (
        "SELECT * FROM pg_stats WHERE schemaname = 'public'",
        "SELECT * FROM pg_stats_ext WHERE schemaname = 'public'",
        "SELECT * FROM pg_stats_ext_exprs WHERE schemaname = 'public'",
    )
    assert MARK.search(str(run(neighbours.owner_url, statements[0])))
    for who in neighbours.strangers().values():
        with session(who) as asker:
            assert [asker.ask(statement) for statement in statements] == [("rows",)] * 3
            assert asker.refused("SELECT * FROM pg_statistic") == "42501"


def test_copy_shows_no_more_than_select_and_brings_nothing_in(neighbours: Neighbours) -> None:
    with session(neighbours.fronts()["carl"]) as asker:
        for name in readable(neighbours):
            source = f"COPY (TABLE {name})" if name in views(neighbours) else f"COPY {name}"
            with asker.connection.cursor().copy(f"{source} TO STDOUT".encode()) as copy:
                assert not MARK.search(" ".join(bytes(block).decode() for block in copy)), name
        with (
            pytest.raises(psycopg.errors.FeatureNotSupported),
            asker.connection.cursor().copy("COPY element_status FROM STDIN") as copy,
        ):
            copy.write(b"")


def test_a_session_that_serves_many_shows_each_only_what_is_theirs(neighbours: Neighbours) -> None:
    """Plans are kept from one request to the next, and PostgREST prepares its statements."""
    asked = (
        "SELECT DISTINCT project_id FROM elements",
        "SELECT unnest(readable_projects())",
        "SELECT DISTINCT project_id FROM changes_since()",
    )
    people: tuple[tuple[Front, list[str]], ...] = (
        (user(neighbours.owner_url, "hidden-dora"), [HIDDEN]),
        (neighbours.fronts()["anna"], ["home"]),
        (neighbours.fronts()["nobody"], []),
    )
    with psycopg.connect(as_login(neighbours.owner_url, "authenticator"), prepare_threshold=0) as connection:
        for mode in ("auto", "force_generic_plan"):
            for _ in range(7):
                for front, expected in people:
                    with connection.transaction():
                        front.begin(connection)
                        connection.execute(f"SET LOCAL plan_cache_mode = {mode}".encode())
                        for statement in asked:
                            assert [row[0] for row in connection.execute(statement.encode())] == expected, statement


def test_parallel_workers_know_who_asks(neighbours: Neighbours) -> None:
    newer = run(neighbours.owner_url, "SELECT current_setting('server_version_num')::int >= 160000")[0][0]
    setting = "debug_parallel_query" if newer else "force_parallel_mode"
    with session(neighbours.fronts()["anna"]) as asker:
        asker.connection.execute(f"SELECT set_config('{setting}', 'on', true)".encode())
        asker.connection.execute("SET LOCAL parallel_setup_cost = 0; SET LOCAL min_parallel_table_scan_size = 0")
        plan = " ".join(asker.ask("EXPLAIN SELECT * FROM model_elements"))
        # Older servers let no workers help where a plan has a part that is evaluated once.
        assert "Gather" in plan or not newer
        for name in readable(neighbours):
            outcome = asker.ask(f"SELECT * FROM {name}")
            assert outcome[0] == "rows", outcome
            assert not MARK.search(" ".join(outcome)), name
        assert len(asker.ask("SELECT * FROM model_elements")) == 4

"""Policies cost the daemon nothing: what it asks is planned as for the owner, whom no policy binds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from speckle2pg.store.queries import load_queries, sql_folder
from support.rows import guid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.people.neighbours import Neighbours

ROWS = """
INSERT INTO model_elements (project_id, model_id, guid, application_id, object_id, content_hash, canonical_version,
    kind, version_id, from_seq, created_at, updated_at, change_pos, properties)
SELECT project_id, model_id, gen_random_uuid(), n, n, content_hash, 1, 'part', version_id, n, now(), now(), n, '{}'
FROM model_elements, generate_series(1, 2000) AS n
WHERE project_id = 'home' AND guid = %s;
INSERT INTO model_objects (project_id, model_id, parent_object_id, position, object_id, kind, guid, is_row)
SELECT project_id, model_id, '', from_seq, object_id, kind, guid, true FROM model_elements WHERE from_seq > 1;
INSERT INTO parts SELECT project_id, guid, now(), now() FROM model_elements WHERE from_seq > 1;
ANALYZE model_elements, model_objects, parts;
"""
# By primary key, along the feed, and as a load finds what it has to write.
OF_THE_DAEMON = (
    "SELECT * FROM model_elements WHERE project_id = 'home' AND model_id = 'm1' AND guid = '{guid}'",
    "SELECT * FROM model_elements WHERE project_id = 'home' AND model_id = 'm1' AND guid = ANY ('{{{guid}}}'::uuid[])",
    "UPDATE model_elements SET level = 'x' WHERE project_id = 'home' AND model_id = 'm1' AND guid = '{guid}'",
    """
    SELECT e.* FROM staged_tree AS t
    JOIN model_elements AS e ON e.project_id = 'home' AND e.model_id = 'm1' AND e.guid = t.guid
    WHERE t.load_id = 1 AND t.is_row AND e.content_hash <> t.content_hash
    """,
    "SELECT * FROM model_elements WHERE change_pos > 1999 ORDER BY change_pos, project_id, model_id, guid LIMIT 10",
    "SELECT count(*) FROM model_elements WHERE project_id = 'home' AND model_id = 'm1' AND from_seq > 1999",
    "DELETE FROM element_history WHERE project_id = 'home' AND model_id = 'm1' AND to_seq < 5",
)


@pytest.fixture
def owner(neighbours: Neighbours) -> Iterator[psycopg.Connection]:
    """The owner's session, with a model of some size that is gone afterwards."""
    with psycopg.connect(neighbours.owner_url, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(ROWS.encode(), (guid(2),))
        yield connection
        connection.rollback()


def plan(owner: psycopg.Connection, statement: str, *, login: str | None = None) -> list[str]:
    """How a statement is planned for the owner or for a login, or that it cannot be."""
    try:
        with owner.transaction(force_rollback=True):
            if login:
                owner.execute(f"SET SESSION AUTHORIZATION {login}".encode())
            return [line for (line,) in owner.execute(f"EXPLAIN {statement}".encode()).fetchall()]
    except psycopg.Error as error:
        return [str(error.sqlstate)]


def test_policies_do_not_make_the_daemon_scan_more(owner: psycopg.Connection) -> None:
    for text in OF_THE_DAEMON:
        statement = text.format(guid=guid(2))
        assert plan(owner, statement, login="speckle2pg") == plan(owner, statement)
    assert "Index Scan using model_elements" in plan(owner, OF_THE_DAEMON[0].format(guid=guid(2)))[0]


def test_every_statement_of_the_program_costs_the_daemon_what_it_costs_the_owner(owner: psycopg.Connection) -> None:
    if owner.info.server_version < 160000:
        pytest.skip("older servers do not plan a statement without its parameters")
    costs = {}
    # The daemon takes nothing over.
    files = (sql_folder() / "queries").iterdir()
    texts = [file.read_text(encoding="utf-8") for file in files if file.name.startswith("takeover")]
    migrators = set(re.findall(r"-- name: (\w+)", "\n".join(texts)))
    for name, query in load_queries().items():
        if name in migrators:
            continue
        places = {place: f"${n}" for n, place in enumerate(dict.fromkeys(re.findall(r"%\((\w+)\)s", query.text)), 1)}
        text = re.sub(r"%\((\w+)\)s", lambda found: places[found[1]], query.text).replace("%%", "%")  # noqa: B023
        mine, daemons = (plan(owner, f"(GENERIC_PLAN) {text}", login=login)[0] for login in (None, "speckle2pg"))
        # What the daemon may not do at all is the migrator's, and what has no plan is no query.
        if "cost=" in mine and daemons != "42501":
            costs[name] = (mine, daemons)
    assert {name: pair for name, pair in costs.items() if pair[0] != pair[1]} == {}
    assert len(costs) > 100

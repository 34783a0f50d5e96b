"""What is asked of the views reads what it gives and not whole tables, for the owner and behind the policies."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from support.front import member, user
from support.logins import run
from support.oracle import rows
from support.plans import Run, measure
from support.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.databases import Cluster

    Ask = Callable[[str], list[dict[str, Any]]]

PROJECTS, FIRST, SECOND = 16, 1_200, 300
"""How many projects there are, with how many elements in their two models, which share parts."""

LARGE = {"model_elements", "model_objects", "parts", "element_history", "element_status"}
MIDDLE = "'80000000-0000-0000-0000-000000000000'"

PAGES = {
    "the first page": "FROM elements WHERE project_id = 'p1' ORDER BY project_id, model_id, guid LIMIT 50",
    "a page in the middle": f"FROM elements WHERE project_id = 'p1' AND model_id = 'm1' AND guid > {MIDDLE}"
    " ORDER BY project_id, model_id, guid LIMIT 50",
    "a page by the whole key": f"FROM elements WHERE (project_id, model_id, guid) > ('p1', 'm1', {MIDDLE})"
    " ORDER BY project_id, model_id, guid LIMIT 50",
    "a page of all projects": "FROM elements ORDER BY project_id, model_id, guid LIMIT 50",
    "removed ones too": "FROM elements_all WHERE project_id = 'p1' ORDER BY project_id, model_id, guid LIMIT 50",
    "the first parts": "FROM parts_current WHERE project_id = 'p1' ORDER BY project_id, guid LIMIT 50",
    "parts in the middle": f"FROM parts_current WHERE project_id = 'p1' AND guid > {MIDDLE}"
    " ORDER BY project_id, guid LIMIT 50",
}

PROJECT_WIDE = {
    "a level": "SELECT guid, status, effective_status FROM elements WHERE project_id = 'p1' AND level = 'L0'",
    "a model": "SELECT count(*) FROM elements WHERE project_id = 'p1' AND model_id = 'm2'",
    "parts": "SELECT count(*) FROM parts_current WHERE project_id = 'p1'",
    "a status": "SELECT count(*) FROM elements WHERE project_id = 'p1' AND status = 'painted'",
    "an effective status": "SELECT count(*) FROM elements WHERE project_id = 'p1' AND effective_status = 'painted'",
    "counts": "SELECT * FROM status_counts WHERE project_id = 'p1'",
    "progress by level": "SELECT * FROM progress WHERE project_id = 'p1' AND dimension = 'level'",
    "progress by model": "SELECT * FROM progress WHERE project_id = 'p1' AND dimension = 'model'",
    "all progress": "SELECT * FROM progress WHERE project_id = 'p1'",
    "colours": "SELECT * FROM viewer_filter('p1', 'm1')",
    "conflicts": "SELECT * FROM status_conflicts WHERE project_id = 'p1'",
}


def fill(owner_url: str) -> None:
    """The projects, their statuses, changes after them, and a person who sees all but one."""
    volume = Volume(owner_url)
    for number in range(PROJECTS):
        project = f"p{number}"
        volume.project(project, m1=FIRST, m2=SECOND)
        volume.statuses(project, FIRST)
        volume.change(project, "m1", 20)
        if number:
            member(owner_url, project, "carl", can_write=True)


@pytest.fixture(scope="module")
def filled(cluster: Cluster) -> Iterator[str]:
    """A database with the projects, as it is once autovacuum has seen them; tests only read it."""
    with cluster.database() as (owner_url, _):
        fill(owner_url)
        Volume(owner_url).finish()
        yield owner_url


@pytest.fixture(scope="module")
def fresh(cluster: Cluster) -> Iterator[str]:
    """The same right after the first load: nothing has statistics."""
    with cluster.database() as (owner_url, _):
        for (table,) in run(owner_url, "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND oid > 16383"):
            run(owner_url, f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        fill(owner_url)
        yield owner_url


def asking(owner_url: str, who: str) -> Ask:
    """How the owner, or a member through PostgREST's roles, asks."""
    return partial(rows, owner_url) if who == "owner" else user(owner_url, who).rows


@pytest.fixture(params=["owner", "carl"])
def ask(filled: str, request: pytest.FixtureRequest) -> Ask:
    """Asks as the owner, who sees all, and as a member, who is bound by the policies."""
    return asking(filled, request.param)


@pytest.fixture(params=["owner", "carl"])
def ask_fresh(fresh: str, request: pytest.FixtureRequest) -> Ask:
    """The same where nothing has statistics."""
    return asking(fresh, request.param)


def check_page(page: Run) -> None:
    """A page of whole rows: by indexes, and no more than its rows and what belongs to them."""
    assert page.rows == 50
    assert not page.whole_tables & LARGE, page.plan
    # Its own row, those that enclose it, and where it is a part its rows in other models.
    assert page.rows_read("model_elements") < 50 * 12
    assert page.rows_read("element_status") < 50 * 6
    assert page.buffers < 50 * 80


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_about_as_much_as_it_gives(ask: Ask, name: str) -> None:
    check_page(measure(ask, f"SELECT * {PAGES[name]}"))


@pytest.mark.parametrize("name", [name for name, query in PAGES.items() if "project_id = 'p1'" in query])
def test_a_page_reads_its_project_at_most_before_there_are_statistics(ask_fresh: Ask, name: str) -> None:
    page = measure(ask_fresh, f"SELECT * {PAGES[name]}")
    assert page.rows == 50
    assert page.rows_read("model_elements") < 10 * (FIRST + SECOND)
    assert page.buffers < 60 * (FIRST + SECOND)


@pytest.mark.parametrize("view", ["elements", "elements_all", "parts_current"])
def test_one_guid_reads_what_belongs_to_it(ask: Ask, filled: str, view: str) -> None:
    ((guid,),) = run(filled, "SELECT guid FROM model_elements WHERE project_id = 'p1' AND kind = 'part' LIMIT 1")
    found = measure(ask, f"SELECT * FROM {view} WHERE project_id = 'p1' AND guid = '{guid}'")  # noqa: S608
    assert found.rows >= 1
    assert not found.whole_tables & LARGE
    assert found.buffers < 400


@pytest.mark.parametrize("name", PROJECT_WIDE)
def test_a_question_about_a_project_does_not_read_the_others(ask: Ask, filled: str, name: str) -> None:
    found = measure(ask, PROJECT_WIDE[name])
    assert found.rows > 0
    assert "model_elements" not in found.whole_tables
    assert "model_objects" not in found.whole_tables
    assert found.buffers < 30 * (FIRST + SECOND), "each element of the project a few times"
    ((pages,),) = run(filled, "SELECT relpages FROM pg_class WHERE relname = 'model_elements'")
    reading = [n for n in found.nodes if n.get("Relation Name") == "model_elements" and "Heap" in n["Node Type"]]
    for node in reading:
        assert node["Shared Hit Blocks"] + node["Shared Read Blocks"] < pages / 4 * node["Actual Loops"]


@pytest.mark.parametrize("name", ["counts", "progress by level", "all progress", "colours", "conflicts"])
def test_no_plan_falls_over_before_there_are_statistics(ask_fresh: Ask, name: str) -> None:
    found = measure(ask_fresh, PROJECT_WIDE[name])
    assert found.rows > 0
    assert found.buffers < 60 * (FIRST + SECOND)


@pytest.mark.parametrize("columns", ["count(*)", "count(guid)", "sum(weight_kg)"])
@pytest.mark.parametrize("view", ["elements", "elements_all"])
def test_tables_whose_columns_nobody_asks_for_are_not_read(ask: Ask, view: str, columns: str) -> None:
    query = f"SELECT {columns} FROM {view} WHERE project_id = 'p1'"  # noqa: S608
    assert measure(ask, query).tables == {"model_elements", "models"}


@pytest.mark.parametrize(
    ("column", "table"),
    [("status", "element_status"), ("object_id", "model_objects"), ("created_at", "taken_over")],
)
def test_a_column_costs_its_own_table_only(ask: Ask, column: str, table: str) -> None:
    found = measure(ask, f"SELECT guid, {column} {PAGES['the first page']}")
    assert found.tables == {"model_elements", "models", table}


@pytest.mark.parametrize("column", ["effective_status", "status_source"])
def test_assemblies_are_walked_only_for_rows_that_are_given(ask: Ask, column: str) -> None:
    assert "Recursive Union" not in measure(ask, f"SELECT guid, status {PAGES['the first page']}").kinds
    query = f"SELECT guid, {column} FROM elements WHERE project_id = 'p1' ORDER BY mark, guid LIMIT 20"  # noqa: S608
    page = measure(ask, query)
    (walk,) = [node for node in page.nodes if node["Node Type"] == "Recursive Union"]
    assert walk["Actual Loops"] <= 20


def test_progress_works_out_only_the_dimension_that_is_asked_for(ask: Ask) -> None:
    by_level = measure(ask, PROJECT_WIDE["progress by level"])
    assert not [node for node in by_level.nodes if node.get("Function Name") in {"jsonb_each_text", "unnest"}]
    by_attribute = measure(ask, "SELECT * FROM progress WHERE project_id = 'p1' AND dimension = 'attribute'")
    assert {node.get("Function Name") for node in by_attribute.nodes} >= {"jsonb_each_text"}


def test_conflicts_look_only_at_what_was_applied_after_the_first_status(ask: Ask) -> None:
    found = measure(ask, PROJECT_WIDE["conflicts"])
    changed = FIRST / 20
    assert 0 < found.rows <= changed
    # The changed elements, and each conflict's image now.
    assert found.rows_read("model_elements") <= 3 * changed


def test_who_may_see_what_is_asked_once_and_not_per_row(filled: str) -> None:
    carl = user(filled, "carl")

    def calls(query: str) -> int:
        before = _calls(filled)
        carl.rows(query)
        return _calls(filled) - before

    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET track_functions = 'all'".encode())
    query = "SELECT * FROM elements WHERE project_id = 'p1' ORDER BY project_id, model_id, guid LIMIT"
    few, many = (calls(f"{query} {count}") for count in (20, 1_000))
    # Once for each mention of a table.
    assert 0 < few <= many <= 12


def _calls(owner_url: str) -> int:
    """How often the policies' function was called so far, by sessions that have ended."""
    ((count,),) = run(owner_url, "SELECT sum(calls) FROM pg_stat_user_functions WHERE funcname = 'readable_projects'")
    return int(count or 0)

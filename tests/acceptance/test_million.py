"""A million elements: what people ask reads in proportion to what it gives, or to its own project."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

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

LARGE_FIRST, LARGE_SECOND, FIRST, SECOND, OTHERS = 240_000, 60_000, 30_000, 6_850, 19
"""Elements of the two models of p0 and of each other project; models of a project share parts."""

TABLES = {"model_elements", "model_objects", "parts", "element_history", "element_status"}
MIDDLE = "'80000000-0000-0000-0000-000000000000'"

PAGES = {
    "first page": "FROM elements WHERE project_id = '%s' ORDER BY project_id, model_id, guid",
    "middle page": "FROM elements WHERE project_id = '%s' AND model_id = 'm1' AND guid > {middle}"
    " ORDER BY project_id, model_id, guid",
    "page by the whole key": "FROM elements WHERE (project_id, model_id, guid) > ('%s', 'm1', {middle})"
    " ORDER BY project_id, model_id, guid",
    "first parts": "FROM parts_current WHERE project_id = '%s' ORDER BY project_id, guid",
    "middle parts": "FROM parts_current WHERE project_id = '%s' AND guid > {middle} ORDER BY project_id, guid",
}

# How many pages of 8 KiB per element of the project. Rows of a kilobyte and a half are five to a page.
PROJECT_WIDE = {
    "count": ("SELECT count(*) FROM elements WHERE project_id = '%s'", 2),
    "parts": ("SELECT count(*) FROM parts_current WHERE project_id = '%s'", 5),
    "one level": ("SELECT guid, effective_status FROM elements WHERE project_id = '%s' AND level = 'L3'", 3),
    "effective status": ("SELECT guid FROM elements WHERE project_id = '%s' AND effective_status = 'painted'", 12),
    "status_counts": ("SELECT * FROM status_counts WHERE project_id = '%s'", 6),
    "progress by level": ("SELECT * FROM progress WHERE project_id = '%s' AND dimension = 'level'", 6),
    "progress by model": ("SELECT * FROM progress WHERE project_id = '%s' AND dimension = 'model'", 6),
    "all progress": ("SELECT * FROM progress WHERE project_id = '%s'", 6),
    "viewer_filter": ("SELECT * FROM viewer_filter('%s', 'm1')", 5),
    "status_conflicts": ("SELECT * FROM status_conflicts WHERE project_id = '%s'", 3),
}

Report = dict[str, tuple[float, int, int]]


@pytest.fixture(scope="module")
def million(cluster: Cluster) -> Iterator[str]:
    """A database with a million elements."""
    with cluster.database() as (owner_url, _):
        volume = Volume(owner_url)
        volume.project("p0", m1=LARGE_FIRST, m2=LARGE_SECOND)
        for number in range(1, OTHERS + 1):
            volume.project(f"p{number}", m1=FIRST, m2=SECOND)
        assert volume.statuses("p0", LARGE_FIRST) == 99_000
        volume.statuses("p1", FIRST)
        volume.change("p0", "m1", 20)
        volume.change("p1", "m1", 20)
        volume.finish()
        for project in ("p0", "p1"):
            member(owner_url, project, "carl", can_write=True)
        assert run(owner_url, "SELECT count(*) FROM model_elements")[0][0] >= 1_000_000
        yield owner_url


def measured(ask: Ask, report: Report, name: str, query: str) -> Run:
    """Runs a query and notes how long it took and what it read."""
    begin = time.perf_counter()
    found = measure(ask, query)
    report[name] = (time.perf_counter() - begin, found.rows, found.buffers)
    return found


def show(who: str, report: Report) -> str:
    """The report, with times relative to counting the elements of the project."""
    unit = report["count of p0"][0]
    lines = [f"{name:32}{spent / unit:8.2f}{given:10,}{read:12,}" for name, (spent, given, read) in report.items()]
    return "\n".join(["", f"{who:32}{'time':>8}{'rows':>10}{'buffers':>12}", *lines])


@pytest.mark.slow
@pytest.mark.parametrize("who", ["owner", "carl"])
def test_a_million_elements_are_asked_at_the_cost_of_the_answer(
    million: str, who: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ask: Ask = partial(rows, million) if who == "owner" else user(million, who).rows
    report: Report = {}
    for project, elements in (("p0", LARGE_FIRST + LARGE_SECOND), ("p1", FIRST + SECOND)):
        for name, (query, share) in PROJECT_WIDE.items():
            found = measured(ask, report, f"{name} of {project}", query % project)
            assert found.rows > 0
            assert found.buffers < elements * share, (name, project)
        for name, query in PAGES.items():
            text = f"SELECT * {query.format(middle=MIDDLE) % project} LIMIT 200"
            page = measured(ask, report, f"{name} of {project}", text)
            assert page.rows == 200
            assert not page.whole_tables & TABLES, (name, project)
            assert page.rows_read("model_elements") < 200 * 12, (name, project)
            assert page.buffers < 200 * 80, (name, project)
    # A page of the large project costs as one of the small.
    for name in PAGES:
        assert report[f"{name} of p0"][2] < 1.5 * report[f"{name} of p1"][2], name
    few = measured(ask, report, "20 conflicts", "SELECT * FROM status_conflicts WHERE project_id = 'p0' LIMIT 20")
    assert few.rows == 20
    assert few.buffers < 10_000
    with capsys.disabled():
        print(show(who, report))  # noqa: T201  (a measurement)


@pytest.mark.slow
def test_statuses_are_set_at_the_cost_of_those_that_are_set(million: str, capsys: pytest.CaptureFixture[str]) -> None:
    carl = user(million, "carl")
    report: Report = {}
    measured(carl.rows, report, "count of p0", "SELECT count(*) FROM elements WHERE project_id = 'p0'")
    parts = carl.rows("SELECT guid FROM parts_current WHERE project_id = 'p0' AND level < 'L2' LIMIT 10000")
    for turn, changed in (("set_status, 10,000 changed", 10_000), ("set_status, the same again", 0)):
        items = json.dumps([{"project_id": "p0", "guid": str(part["guid"]), "status": "not_started"} for part in parts])
        query = f"SELECT FROM set_status('{items}') WHERE changed"
        found = measured(carl.rows, report, turn, query)
        assert found.rows == changed
        assert found.buffers < 10_000 * 120
    query = "UPDATE elements SET status = 'cut' WHERE project_id = 'p0' AND level = 'L9'"
    updated = measured(carl.rows, report, "UPDATE of one level", query)
    assert updated.buffers < 300_000 + 4_000 * 100
    assert carl.value("SELECT count(*) FROM element_status WHERE project_id = 'p0' AND status = 'cut'") >= 4_000
    run(
        million,
        "INSERT INTO taken_over (guid, status)"
        " SELECT DISTINCT guid, 'cut' FROM model_elements WHERE project_id > 'p2' AND kind = 'part' LIMIT 100000",
    )
    owner = partial(rows, million)
    adopted = measured(owner, report, "adopt_statuses of 100,000", "SELECT adopt_statuses()")
    assert run(million, "SELECT count(*) FROM element_status WHERE updated_by = 'takeover'") == [(100_000,)]
    # Each guid is looked up in each project.
    assert adopted.buffers < 100_000 * (OTHERS + 1) * 12
    with capsys.disabled():
        print(show("carl", report))  # noqa: T201  (a measurement)

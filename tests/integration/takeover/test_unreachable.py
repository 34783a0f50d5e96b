# ruff: noqa: S608  (statements are made of the literals of this file)
"""Statuses whose project cannot be read are told as that, and a person can move or settle them."""

from __future__ import annotations

import pytest

from integration.takeover.places import BRIDGE, GUIDS, TUNNEL, documented, made_up, sync, take_over
from speckle2pg.store.takeover_report import outcome
from support.logins import run


def settled(words: str) -> str:
    """The statements of the page for the projects of these tests."""
    return documented(words).replace("old123", BRIDGE).replace("new123", TUNNEL)


def read(url: str, project: str) -> None:
    """As if the daemon had read it."""
    run(url, f"UPDATE projects SET state = 'ok', last_reconciled_at = now() WHERE id = '{project}'")


def outcomes(url: str, where: str = "true") -> dict[str, int]:
    """Statuses by outcome."""
    return dict(run(url, f"SELECT outcome, count(*) FROM takeover_report WHERE {where} GROUP BY 1"))


@pytest.fixture
def taken_over_url(empty_url: str) -> str:
    """An earlier database that was taken over; each element has a status."""
    made_up(statuses=11).restore(empty_url)
    take_over(empty_url)
    return empty_url


@pytest.mark.parametrize(
    ("happened", "reason"),
    [
        ("UPDATE projects SET state = 'gone'", "gone"),
        ("UPDATE projects SET state = 'unreadable'", "unreadable"),
        ("UPDATE projects SET enabled = false", "not followed"),
        ("DELETE FROM projects", "not registered"),
    ],
)
def test_statuses_of_a_project_that_cannot_be_read_do_not_wait(taken_over_url: str, happened: str, reason: str) -> None:
    read(taken_over_url, TUNNEL)
    run(taken_over_url, f"{happened} WHERE id = '{BRIDGE}'")
    found = outcome(taken_over_url, "public")
    assert found
    assert found.unreachable == ({"project_id": BRIDGE, "reason": reason, "statuses": 5},)
    assert outcomes(taken_over_url, f"project_id = '{BRIDGE}'") == {"unreachable": 5}
    # What was read before stays what it was.
    run(taken_over_url, f"UPDATE projects SET last_reconciled_at = now() WHERE id = '{BRIDGE}'")
    sync(taken_over_url, BRIDGE, GUIDS[0], "There")
    expected = {"found": 1, "unreachable": 4} if reason == "not registered" else {"found": 1, "missing": 4}
    assert outcomes(taken_over_url, f"project_id = '{BRIDGE}'") == expected


def test_statuses_without_a_project_wait_for_projects_that_were_never_read(taken_over_url: str) -> None:
    def told() -> tuple[dict[str, int], tuple[str, ...], int]:
        found = outcome(taken_over_url, "public")
        assert found
        waiting = outcomes(taken_over_url, "project_id IS NULL")
        (adopted,) = run(taken_over_url, "SELECT adopt_statuses()")
        return waiting, found.unread, adopted[0]

    sync(taken_over_url, TUNNEL, GUIDS[8], "Found")
    assert told() == ({"waiting": 3}, (BRIDGE, TUNNEL), 0)
    read(taken_over_url, TUNNEL)
    run(taken_over_url, f"UPDATE projects SET state = 'unreadable' WHERE id = '{BRIDGE}'")
    assert told() == ({"unreachable": 3}, (BRIDGE,), 0)
    run(taken_over_url, f"UPDATE projects SET state = 'gone' WHERE id = '{BRIDGE}'")
    assert told() == ({"waiting": 1, "unassigned": 2}, (), 1)
    assert told() == ({"unassigned": 2}, (), 0)


def test_statuses_are_moved_to_the_project_that_has_the_elements_now(taken_over_url: str) -> None:
    run(taken_over_url, f"UPDATE projects SET state = 'gone' WHERE id = '{BRIDGE}'")
    read(taken_over_url, TUNNEL)
    # What people have set since comes along, and what they have set there stays.
    run(taken_over_url, f"UPDATE element_status SET status = 'later' WHERE guid = '{GUIDS[0]}'")
    run(taken_over_url, "INSERT INTO status_values (code) VALUES ('of today')")
    for guid in GUIDS[:4]:
        sync(taken_over_url, TUNNEL, guid, "Now here")
    run(
        taken_over_url,
        f"INSERT INTO element_status (project_id, guid, status) VALUES ('{TUNNEL}', '{GUIDS[1]}', 'of today')",
    )
    before = dict(run(taken_over_url, f"SELECT guid, status FROM element_status WHERE project_id = '{BRIDGE}'"))
    run(taken_over_url, settled("WITH moved"))
    after = dict(run(taken_over_url, f"SELECT guid, status FROM element_status WHERE project_id = '{TUNNEL}'"))
    assert {guid: after[guid] for guid in GUIDS[:4]} == {
        **{guid: before[guid] for guid in GUIDS[:4]},
        GUIDS[1]: "of today",
    }
    assert outcomes(taken_over_url, "project_id IS NOT NULL") == {"found": 4, "missing": 3, "unreachable": 1}
    shown = f"SELECT status, model_id FROM public_earlier.elements WHERE guid = '{GUIDS[0]}'"
    assert run(taken_over_url, shown) == [("later", TUNNEL)]


def test_statuses_that_nobody_will_find_are_settled(taken_over_url: str) -> None:
    run(taken_over_url, f"UPDATE projects SET state = 'gone' WHERE id = '{BRIDGE}'")
    sync(taken_over_url, BRIDGE, GUIDS[0], "There before")
    kept = run(taken_over_url, "SELECT * FROM element_status ORDER BY guid")
    shown = run(taken_over_url, "SELECT * FROM all_of_it ORDER BY guid")
    run(taken_over_url, settled("SET status = NULL"))
    assert outcomes(taken_over_url, f"project_id = '{BRIDGE}'") == {"found": 1}
    assert run(taken_over_url, "SELECT * FROM element_status ORDER BY guid") == kept
    assert run(taken_over_url, "SELECT * FROM all_of_it ORDER BY guid") == shown

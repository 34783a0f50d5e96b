"""Statuses: checked, signed and logged, one by one or in bulk, all or none."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from support.front import Front, member, refused, user
from support.logins import as_login, run
from support.rows import Twin, guid
from support.waiting import until

if TYPE_CHECKING:
    from support.front import Row

SET = "SELECT * FROM set_status(%s)"
LOG = "SELECT guid, old_status, new_status, effective_on, changed_by FROM element_status_log ORDER BY id"


@pytest.fixture
def twin(owner_url: str) -> Twin:
    """A project with two models; part 1 is in both, 2 and 3 in the first."""
    twin = Twin(owner_url)
    twin.model("m1")
    twin.model("m2")
    for number, model in ((1, "m1"), (1, "m2"), (2, "m1"), (3, "m1")):
        twin.element(number, model)
    return twin


@pytest.fixture
def carl(twin: Twin) -> Front:
    """Somebody who may set statuses in the project."""
    member(twin.owner_url, twin.project_id, "carl", can_write=True)
    return user(twin.owner_url, "carl", email="carl@example.org")


def item(number: int, status: str, **more: Any) -> Row:
    """An item of set_status."""
    return {"project_id": "p1", "guid": str(guid(number)), "status": status, **more}


def set_status(front: Front, *items: Any) -> list[Row]:
    """Calls set_status as PostgREST does."""
    return front.rows(SET, json.dumps(items))


def refusal(front: Front, *items: Any) -> psycopg.errors.Diagnostic:
    """What set_status says of items that it must refuse; nothing is set then."""
    before = run(front.owner_url, "SELECT * FROM element_status ORDER BY guid")
    diagnostic = refused(front, SET, json.dumps(items))
    assert run(front.owner_url, "SELECT * FROM element_status ORDER BY guid") == before
    assert diagnostic.message_hint, diagnostic.message_primary
    return diagnostic


def test_a_part_that_nobody_touched_is_not_started(carl: Front) -> None:
    rows = carl.rows("SELECT status, effective_status, status_source, effective_on FROM elements")
    assert len(rows) == 4
    assert {tuple(row.values()) for row in rows} == {("not_started", "not_started", "default", None)}


def test_setting_a_status_is_signed_dated_and_logged_once_for_a_part_in_two_models(carl: Front) -> None:
    carl.rows("UPDATE elements SET status = 'mounted' WHERE guid = %s", guid(1))
    today = carl.value("SELECT current_date")
    rows = carl.rows("SELECT model_id, status, effective_on, status_updated_by FROM elements WHERE guid = %s", guid(1))
    assert {tuple(row.values()) for row in rows} == {
        (model, "mounted", today, "carl@example.org") for model in ("m1", "m2")
    }
    assert run(carl.owner_url, LOG) == [(guid(1), None, "mounted", today, "carl@example.org")]


def test_an_unchanged_status_writes_nothing_at_all(carl: Front) -> None:
    set_status(carl, item(1, "mounted", effective_on="2026-01-05", note="crane 2"))
    before = run(carl.owner_url, "SELECT xmin, * FROM element_status"), run(carl.owner_url, LOG)
    assert [row["changed"] for row in set_status(carl, item(1, "mounted"))] == [False]
    carl.rows("UPDATE elements SET status = 'mounted' WHERE guid = %s", guid(1))
    carl.rows("UPDATE elements SET status = status")
    carl.rows(
        "INSERT INTO element_status (project_id, guid, status, effective_on, note)"
        " VALUES ('p1', %s, 'mounted', '2026-01-05', 'crane 2')"
        " ON CONFLICT (project_id, guid) DO UPDATE SET status = EXCLUDED.status",
        guid(1),
    )
    after = (
        run(carl.owner_url, "SELECT status, effective_on, note, updated_at FROM element_status"),
        run(carl.owner_url, LOG),
    )
    assert [row[3:6] for row in before[0]] == [row[:3] for row in after[0] if row[0] != "not_started"]
    assert before[1] == [entry for entry in after[1] if entry[2] != "not_started"]


def test_updating_with_the_status_that_is_shown_makes_no_row(carl: Front) -> None:
    """A front end that sends all that it shows back has not set anything."""
    carl.rows("UPDATE elements SET status = status")
    assert run(carl.owner_url, "SELECT count(*) FROM element_status") == [(0,)]


def test_a_corrected_date_is_logged(carl: Front) -> None:
    set_status(carl, item(1, "mounted", effective_on="2026-01-05"))
    assert [row["changed"] for row in set_status(carl, item(1, "mounted", effective_on="2026-01-04"))] == [True]
    assert [(row[1], row[2], str(row[3])) for row in run(carl.owner_url, LOG)] == [
        (None, "mounted", "2026-01-05"),
        ("mounted", "mounted", "2026-01-04"),
    ]


def test_a_date_and_a_note_belong_to_their_status(carl: Front) -> None:
    set_status(carl, item(1, "mounted", effective_on="2026-01-05", note="crane 2"))
    set_status(carl, item(1, "mounted"))
    assert run(carl.owner_url, "SELECT effective_on::text, note FROM element_status") == [("2026-01-05", "crane 2")]
    set_status(carl, item(1, "painted"))
    assert run(carl.owner_url, "SELECT effective_on = current_date, note FROM element_status") == [(True, None)]
    set_status(carl, item(1, "mounted", note="again"))
    carl.rows("UPDATE elements SET status = 'painted' WHERE guid = %s", guid(1))
    assert run(carl.owner_url, "SELECT effective_on = current_date, note FROM element_status") == [(True, None)]


def test_a_note_can_be_taken_back(carl: Front) -> None:
    set_status(carl, item(1, "mounted", note="crane 2"))
    set_status(carl, item(1, "mounted", note=None))
    assert run(carl.owner_url, "SELECT note FROM element_status") == [(None,)]


def test_many_are_set_at_once_new_or_not_and_the_answer_says_which_changed(carl: Front) -> None:
    set_status(carl, item(2, "mounted"))
    answer = set_status(carl, item(1, "mounted"), item(2, "mounted"), item(3, "painted"), item(3, "painted"))
    assert [(row["guid"], row["status"], row["changed"]) for row in answer] == [
        (guid(1), "mounted", True),
        (guid(2), "mounted", False),
        (guid(3), "painted", True),
    ]


def test_the_project_may_be_left_out_where_only_one_has_the_part(carl: Front) -> None:
    alone = {"guid": str(guid(2)), "status": "mounted"}
    assert [row["project_id"] for row in set_status(carl, alone)] == ["p1"]
    assert [row["project_id"] for row in carl.rows(SET, json.dumps(alone | {"status": "painted"}))] == ["p1"]
    other = Twin(carl.owner_url, "p2")
    other.model()
    other.element(2)
    # Whoever does not see the other project is not told of it.
    assert [row["project_id"] for row in set_status(carl, alone)] == ["p1"]
    member(carl.owner_url, "p2", "carl")
    assert refusal(carl, alone).message_primary == "parts are in several projects"


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([4], "item 1: is no object"),
        ([{"status": "x"}], "item 1: has no guid"),
        ([{"guid": "2O2Fr$t4X7Zf8NOew3FLOH", "status": "x"}], "item 1: guid is no uuid"),
        ([{"guid": str(guid(1))}], "item 1: has no status"),
        ([item(1, "")], "item 1: has no status"),
        ([item(1, "x") | {"status": 5}], "item 1: has no status"),
        ([item(1, "x"), item(2, "x", effective_on="5.1.2026")], "item 2: effective_on is no day"),
        ([item(1, "x", effective_on="2026-13-01")], "item 1: effective_on is no day"),
        ([item(1, "x", effective_on="2026-02-29")], "item 1: effective_on is no day"),
        ([item(1, "x", effective_on="0000-01-01")], "item 1: effective_on is no day"),
        ([item(1, "x", effective_on=20260101)], "item 1: effective_on is no day"),
        ([item(1, "x", effectiveOn="2026-01-01")], "item 1: has unknown members (effectiveOn)"),
    ],
)
def test_items_that_cannot_be_read_are_named(carl: Front, items: list[Any], said: str) -> None:
    diagnostic = refusal(carl, *items)
    assert diagnostic.sqlstate == "PT400"
    assert said in (diagnostic.message_detail or "")


@pytest.mark.parametrize("items", ["5", '"x"', "null"])
def test_what_is_no_list_is_refused(carl: Front, items: str) -> None:
    assert refused(carl, SET, items).sqlstate == "PT400"


def test_a_fault_is_found_wherever_it_is(carl: Front, twin: Twin) -> None:
    items = [item(2, "mounted") for _ in range(1500)]
    for wrong in (
        {"status": ""},
        {"status": {"a": 1}},
        {"effectiv_on": "2020-01-01"},
        {"guid": "nonsense"},
        {"status": None},
    ):
        diagnostic = refusal(carl, *items, item(3, "mounted") | wrong)
        assert diagnostic.sqlstate == "PT400"
        assert (diagnostic.message_detail or "").startswith("item 1501: "), wrong
    diagnostic = refusal(carl, *({"guid": "x"} for _ in range(1500)))
    assert (diagnostic.message_detail or "").count("item ") <= 20


def test_an_update_returns_what_the_next_request_reads(carl: Front) -> None:
    columns = "status, effective_status, status_source, effective_on, status_note, status_updated_by"
    set_status(carl, item(2, "delivered", note="old"))
    returned = carl.rows(f"UPDATE elements SET status = 'mounted' WHERE guid = %s RETURNING {columns}", guid(2))  # noqa: S608
    assert returned == carl.rows(f"SELECT {columns} FROM elements WHERE guid = %s", guid(2))  # noqa: S608


async def test_what_somebody_sets_at_the_same_time_is_not_erased(carl: Front, twin: Twin) -> None:
    member(twin.owner_url, "p1", "anna", can_write=True)
    theirs = item(1, "mounted", effective_on="2026-01-05", note="by anna")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
    with psycopg.connect(as_login(twin.owner_url, "authenticator")) as connection:
        user(twin.owner_url, "anna").begin(connection)
        connection.execute(SET.encode(), (json.dumps([theirs]),))
        second = asyncio.create_task(asyncio.to_thread(set_status, carl, item(1, "mounted")))
        await until(lambda: run(twin.owner_url, waiting) == [(1,)])
    assert [row["changed"] for row in await second] == [False]
    query = "SELECT effective_on::text, note, updated_by FROM element_status"
    assert run(twin.owner_url, query) == [("2026-01-05", "by anna", "anna")]


def test_an_empty_list_sets_nothing(carl: Front) -> None:
    assert set_status(carl) == []


def test_an_unknown_guid_is_refused_and_nothing_is_set(carl: Front) -> None:
    diagnostic = refusal(carl, item(1, "mounted"), item(77, "mounted"))
    assert diagnostic.sqlstate == "23503"
    assert str(guid(77)) in (diagnostic.message_detail or "")
    assert str(guid(1)) not in (diagnostic.message_detail or "")


def test_an_unknown_guid_is_refused_by_the_table_too(carl: Front) -> None:
    insert = "INSERT INTO element_status (project_id, guid, status) VALUES ('p1', %s, 'mounted')"
    diagnostic = refused(carl, insert, guid(77))
    assert diagnostic.sqlstate == "23503"
    assert diagnostic.message_primary == f"project p1 has no part {guid(77)}"
    assert diagnostic.message_hint


def test_a_leap_day_is_a_day(carl: Front) -> None:
    set_status(carl, item(1, "mounted", effective_on="2028-02-29"))
    assert run(carl.owner_url, "SELECT effective_on::text FROM element_status") == [("2028-02-29",)]


def test_a_guid_of_another_project_is_refused_and_told_only_to_its_members(carl: Front) -> None:
    other = Twin(carl.owner_url, "p2")
    other.model()
    other.element(9)
    diagnostic = refusal(carl, item(9, "mounted"))
    assert diagnostic.sqlstate == "23503"
    assert "p2" not in (diagnostic.message_detail or "")
    member(carl.owner_url, "p2", "carl@example.org")
    assert "it is in p2" in (refusal(carl, item(9, "mounted")).message_detail or "")


def test_only_listed_statuses_can_be_set_where_any_are_listed(carl: Front, twin: Twin) -> None:
    set_status(carl, item(1, "whatever"))
    twin.status_values("mounted", "painted")
    diagnostic = refusal(carl, item(1, "mounted"), item(2, "Mounted"), item(3, "paintet"))
    assert diagnostic.sqlstate == "23514"
    assert diagnostic.message_detail == "item 2: Mounted, item 3: paintet"
    assert "mounted, painted, not_started" in (diagnostic.message_hint or "")
    set_status(carl, item(1, "mounted"), item(2, "not_started"))
    # A common one beside the project's own.
    twin.status_values("delivered", common=True)
    set_status(carl, item(3, "delivered"))
    update = "UPDATE elements SET status = 'nix' WHERE guid = %s"
    assert refused(carl, update, guid(3)).sqlstate == "23514"
    insert = "INSERT INTO element_status (project_id, guid, status) VALUES ('p1', %s, 'nix')"
    assert refused(carl, insert, guid(3)).message_hint


def test_a_project_without_a_list_of_its_own_goes_by_the_common_one(carl: Front, twin: Twin) -> None:
    twin.status_values("delivered", common=True)
    assert refusal(carl, item(1, "mounted")).sqlstate == "23514"


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("level = 'L9'", "level"),
        ("status = 'mounted', weight_kg = 1", "weight_kg"),
        ("effective_status = 'mounted'", "effective_status"),
        ("effective_on = '2026-01-01'", "effective_on"),
        ("guid = gen_random_uuid()", "guid"),
        ("properties = '{}'::jsonb || '{\"a\": 1}'", "properties"),
        ("removed_at = now()", "removed_at"),
    ],
)
def test_nothing_but_status_can_be_updated_through_the_view(carl: Front, change: str, column: str) -> None:
    diagnostic = refused(carl, f"UPDATE elements SET {change} WHERE guid = %s", guid(2))  # noqa: S608  (of this file)
    assert diagnostic.sqlstate == "PT400"
    assert diagnostic.message_primary == f"{column} cannot be changed here"
    assert diagnostic.message_hint


def test_a_status_cannot_be_null(carl: Front) -> None:
    assert refused(carl, "UPDATE elements SET status = NULL").sqlstate == "23502"


@pytest.mark.parametrize(
    "statement", ["INSERT INTO elements (guid) VALUES (gen_random_uuid())", "DELETE FROM elements"]
)
def test_elements_come_from_speckle_and_nowhere_else(twin: Twin, carl: Front, statement: str) -> None:
    assert refused(carl, statement).sqlstate == "42501"
    with pytest.raises(psycopg.Error, match="come from Speckle") as caught:
        run(twin.owner_url, statement)
    assert caught.value.diag.sqlstate == "PT405"


def test_upsert_into_the_table_works_as_postgrest_does_it(carl: Front) -> None:
    """`Prefer: resolution=merge-duplicates` sets every column of the payload, the key as well."""
    upsert = (
        "INSERT INTO element_status (project_id, guid, status) SELECT project_id, guid, status"
        " FROM json_populate_recordset(null::element_status, %s) ON CONFLICT (project_id, guid) DO UPDATE"
        " SET project_id = EXCLUDED.project_id, guid = EXCLUDED.guid, status = EXCLUDED.status RETURNING updated_by"
    )
    for status in ("mounted", "painted"):
        rows = carl.rows(upsert, json.dumps([item(1, status), item(2, status)]))
        assert [row["updated_by"] for row in rows] == ["carl@example.org"] * 2
    assert len(run(carl.owner_url, LOG)) == 4


def test_a_status_cannot_be_given_to_another_part(carl: Front) -> None:
    set_status(carl, item(1, "mounted"))
    diagnostic = refused(carl, "UPDATE element_status SET guid = %s", guid(2))
    assert diagnostic.sqlstate == "PT400"


def test_a_status_that_an_owner_deletes_leaves_a_trace(carl: Front) -> None:
    set_status(carl, item(1, "mounted"))
    run(carl.owner_url, "DELETE FROM element_status")
    owner = run(carl.owner_url, "SELECT session_user")[0][0]
    assert run(carl.owner_url, LOG)[-1] == (guid(1), "mounted", None, None, owner)


def test_statuses_survive_removal_and_return(carl: Front, twin: Twin) -> None:
    set_status(carl, item(2, "mounted"))
    run(twin.owner_url, "UPDATE model_elements SET removed_at = now(), removed_seq = 2 WHERE guid = %s", guid(2))
    assert carl.rows("SELECT guid FROM elements WHERE guid = %s", guid(2)) == []
    assert carl.value("SELECT status FROM elements_all WHERE guid = %s", guid(2)) == "mounted"
    # Also of what is not there somebody may know better.
    set_status(carl, item(2, "scrapped"))
    run(twin.owner_url, "UPDATE model_elements SET removed_at = NULL, removed_seq = NULL WHERE guid = %s", guid(2))
    assert carl.value("SELECT status FROM elements WHERE guid = %s", guid(2)) == "scrapped"


def test_two_who_set_the_same_parts_in_other_orders_wait_for_each_other(carl: Front, twin: Twin) -> None:
    for number in range(10, 60):
        twin.element(number)
    member(twin.owner_url, "p1", "dora", can_write=True)
    everyone = [carl, user(twin.owner_url, "dora")]
    faults: list[Exception] = []

    def work(front: Front, turn: int) -> None:
        numbers = list(range(10, 60))[:: 1 if turn % 2 else -1]
        try:
            for step in range(10):
                set_status(front, *(item(number, f"{turn} {step}") for number in numbers))
        except psycopg.Error as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(everyone[turn % 2], turn)) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    # The log is a chain: what was is what came before.
    chains = run(
        twin.owner_url,
        "SELECT count(*) FILTER (WHERE old_status IS DISTINCT FROM before), count(*) FROM (SELECT old_status,"
        " lag(new_status) OVER (PARTITION BY guid ORDER BY id) AS before FROM element_status_log) AS l",
    )
    assert chains[0][0] == 0
    assert chains[0][1] > 50

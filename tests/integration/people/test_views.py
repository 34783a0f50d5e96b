"""The views and functions of front ends say what follows from the rows, whichever way it is asked."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from support.front import Front, anonymous, member, user
from support.logins import run
from support.oracle import rows
from support.rows import BEGIN, Twin, guid

if TYPE_CHECKING:
    import uuid


@pytest.fixture
def twin(owner_url: str) -> Twin:
    """A project with a model."""
    twin = Twin(owner_url)
    twin.model()
    return twin


def status_of(twin: Twin, number: int, status: str) -> None:
    """Sets a status as the owner."""
    run(
        twin.owner_url,
        "INSERT INTO element_status (project_id, guid, status) VALUES (%s, %s, %s)"
        " ON CONFLICT (project_id, guid) DO UPDATE SET status = EXCLUDED.status",
        twin.project_id,
        guid(number),
        status,
    )


def effective(twin: Twin, number: int, model_id: str = "m1") -> tuple[str, str]:
    """Effective status of an element and where it comes from."""
    query = "SELECT effective_status, status_source FROM elements_all WHERE guid = %s AND model_id = %s"
    return run(twin.owner_url, query, guid(number), model_id)[0]


def test_a_part_inherits_from_the_nearest_assembly_with_a_status(twin: Twin) -> None:
    outer = twin.element(1, kind="assembly")
    inner = twin.element(2, kind="assembly", assembly_guid=outer, parent_guid=outer)
    twin.element(3, assembly_guid=inner, parent_guid=inner)
    assert effective(twin, 3) == ("not_started", "default")
    status_of(twin, 1, "delivered")
    assert [effective(twin, number) for number in (1, 2, 3)] == [
        ("delivered", "own"),
        ("delivered", "assembly"),
        ("delivered", "assembly"),
    ]
    status_of(twin, 2, "mounted")
    assert effective(twin, 3) == ("mounted", "assembly")
    status_of(twin, 3, "painted")
    assert effective(twin, 3) == ("painted", "own")


def test_an_assembly_is_found_along_parents_where_no_assembly_is_named(twin: Twin) -> None:
    assembly = twin.element(1, kind="assembly")
    beam = twin.element(2, parent_guid=assembly)
    twin.element(3, parent_guid=beam)
    status_of(twin, 1, "mounted")
    assert effective(twin, 3) == ("mounted", "assembly")
    # A part passes its own status on to nobody: a mounted wall says nothing of its window.
    status_of(twin, 2, "painted")
    assert effective(twin, 3) == ("mounted", "assembly")


def test_a_storey_passes_nothing_on(twin: Twin) -> None:
    storey = twin.element(1, kind="spatial")
    twin.element(2, parent_guid=storey)
    status_of(twin, 1, "mounted")
    assert effective(twin, 2) == ("not_started", "default")


def test_a_part_can_stand_against_its_assembly(twin: Twin) -> None:
    assembly = twin.element(1, kind="assembly")
    twin.element(2, assembly_guid=assembly)
    status_of(twin, 1, "mounted")
    member(twin.owner_url, twin.project_id, "carl", can_write=True)
    carl = user(twin.owner_url, "carl")
    # A form that sends back what it got says nothing against the assembly.
    carl.rows("UPDATE elements SET status = status")
    assert effective(twin, 2) == ("mounted", "assembly")
    carl.rows("SELECT * FROM set_status(%s)", json.dumps({"guid": str(guid(2)), "status": "not_started"}))
    assert effective(twin, 2) == ("not_started", "own")


def test_an_element_that_is_its_own_ancestor_ends_no_query(twin: Twin) -> None:
    for first, second in ((1, 2), (2, 1)):
        twin.element(first, kind="assembly", assembly_guid=guid(second))
    twin.element(3, assembly_guid=guid(1))
    twin.element(4, assembly_guid=guid(4), kind="assembly")
    assert effective(twin, 3) == ("not_started", "default")
    status_of(twin, 2, "mounted")
    status_of(twin, 4, "mounted")
    assert [effective(twin, number)[0] for number in (1, 2, 3, 4)] == ["mounted"] * 4
    assert run(twin.owner_url, "SELECT parts FROM status_counts WHERE status = 'mounted'") == [(1,)]


def test_what_is_removed_or_not_followed_is_hidden_from_elements_only(twin: Twin) -> None:
    twin.model("m2", state="excluded")
    twin.element(1)
    twin.element(2, removed_at=BEGIN, removed_seq=1, removed_reason="absent")
    twin.element(3, "m2")
    shown = "SELECT guid FROM {} ORDER BY guid"
    assert run(twin.owner_url, shown.format("elements")) == [(guid(1),)]
    assert run(twin.owner_url, shown.format("elements_all")) == [(guid(number),) for number in (1, 2, 3)]
    assert run(twin.owner_url, shown.format("parts_current")) == [(guid(1),)]


def test_the_object_id_is_the_newest_versions_and_the_link_leads_to_it(twin: Twin) -> None:
    twin.element(1, object_id="old")
    twin.element(2, object_id="last", removed_at=BEGIN, removed_seq=1)
    run(twin.owner_url, "UPDATE model_objects SET object_id = 'new'")
    run(twin.owner_url, "UPDATE instance SET server_url = 'http://internal', public_url = 'https://speckle.example'")
    query = "SELECT object_id, viewer_url FROM elements_all ORDER BY guid"
    assert run(twin.owner_url, query) == [
        ("new", "https://speckle.example/projects/p1/models/new"),
        ("last", "https://speckle.example/projects/p1/models/last"),
    ]
    run(twin.owner_url, "UPDATE instance SET public_url = NULL")
    assert run(twin.owner_url, query)[0][1] == "http://internal/projects/p1/models/new"


def test_a_part_in_two_models_is_one_part(twin: Twin) -> None:
    twin.model("m2")
    twin.model("m3", state="excluded")
    twin.element(1, level="L1", weight_kg=10.0)
    twin.element(1, "m2", level="L2", weight_kg=12.0, updated_at=BEGIN.replace(month=2))
    twin.element(1, "m3", level="L3", weight_kg=99.0, updated_at=BEGIN.replace(month=3))
    shown = run(twin.owner_url, "SELECT model_id, model_ids, level FROM parts_current")
    assert shown == [("m2", ["m1", "m2"], "L2")]
    assert run(twin.owner_url, "SELECT parts, weight_kg FROM status_counts") == [(1, 12.0)]
    query = "SELECT name, parts FROM progress WHERE dimension = 'model' ORDER BY 1"
    assert run(twin.owner_url, query) == [("m1", 1), ("m2", 1)]
    assert run(twin.owner_url, "SELECT value, parts FROM progress WHERE dimension = 'level'") == [("L2", 1)]


def test_progress_weighs_statuses_relative_to_the_greatest(twin: Twin) -> None:
    for number, kilograms in ((1, 10.0), (2, 30.0), (3, None), (4, 60.0)):
        twin.element(number, level="L1", weight_kg=kilograms, volume_m3=1.0)
    values = "INSERT INTO status_values (project_id, code, weight, is_done, sort) VALUES ('p1', %s, %s, %s, %s)"
    for value in (("delivered", 25, False, 1), ("mounted", 50, False, 2), ("accepted", 100, True, 3)):
        run(twin.owner_url, values, *value)
    for number, status in ((1, "delivered"), (2, "mounted"), (3, "accepted")):
        status_of(twin, number, status)
    (row,) = rows(twin.owner_url, "SELECT * FROM progress WHERE dimension = 'level'")
    assert (row["parts"], row["done_parts"]) == (4, 1)
    assert (row["weight_kg"], row["done_weight_kg"]) == (100.0, 0.0)
    assert (row["volume_m3"], row["done_volume_m3"]) == (4.0, 1.0)
    assert row["weighted_done"] == pytest.approx((0.25 + 0.5 + 1 + 0) / 4)
    assert row["weighted_done_by_weight"] == pytest.approx((0.25 * 10 + 0.5 * 30) / 100)


def test_weights_that_cannot_be_count_as_not_known(twin: Twin) -> None:
    for number, kilograms in enumerate((1e308, 1e308, -5.0, 10.0), 1):
        twin.element(number, weight_kg=kilograms, volume_m3=kilograms)
    twin.status_values("mounted", done="mounted")
    assert run(twin.owner_url, "SELECT parts, weight_kg, volume_m3 FROM status_counts WHERE parts > 0") == [
        (4, 10.0, 10.0)
    ]
    progress = "SELECT parts, weight_kg, weighted_done_by_weight FROM progress WHERE dimension = 'level'"
    assert run(twin.owner_url, progress) == [(4, 10.0, 0.0)]


def test_a_projects_own_status_value_stands_before_the_common_one(twin: Twin) -> None:
    values = "INSERT INTO status_values (project_id, code, title, is_done, color) VALUES (%s, 'mounted', %s, %s, %s)"
    run(twin.owner_url, values, None, "Mounted", True, "#00ff00")
    run(twin.owner_url, values, "p1", "Смонтировано", False, "#0000ff")
    twin.element(1)
    status_of(twin, 1, "mounted")
    counts = "SELECT status, title, is_done, color, parts FROM status_counts"
    assert run(twin.owner_url, counts) == [("mounted", "Смонтировано", False, "#0000ff", 1)]
    assert run(twin.owner_url, "SELECT * FROM viewer_filter('p1', 'm1')") == [("mounted", "#0000ff", ["object-1"])]


def test_statuses_that_no_part_has_count_nothing(twin: Twin) -> None:
    twin.status_values("mounted", "painted")
    assert run(twin.owner_url, "SELECT status, parts, weight_kg FROM status_counts ORDER BY sort") == [
        ("mounted", 0, 0.0),
        ("painted", 0, 0.0),
    ]


def test_the_viewer_gets_the_objects_of_one_status_or_of_all(twin: Twin) -> None:
    assembly = twin.element(1, kind="assembly")
    twin.element(2, assembly_guid=assembly)
    twin.element(3)
    twin.element(4, kind="spatial")
    twin.element(5, kind="void")
    status_of(twin, 1, "mounted")
    everything = run(twin.owner_url, "SELECT status, object_ids FROM viewer_filter('p1', 'model m1')")
    assert dict(everything) == {"mounted": ["object-2"], "not_started": ["object-3"]}
    one = run(twin.owner_url, "SELECT object_ids FROM viewer_filter('p1', 'm1', 'mounted')")
    assert one == [(["object-2"],)]
    assert run(twin.owner_url, "SELECT * FROM viewer_filter('p1', 'm1', 'painted')") == []


def test_a_model_that_is_not_there_is_named(twin: Twin) -> None:
    member(twin.owner_url, "p1", "anna")
    for front in (user(twin.owner_url, "anna"), user(twin.owner_url, "dora"), anonymous(twin.owner_url)):
        with pytest.raises(Exception, match="no model with the id or the name mX") as caught:
            front.rows("SELECT * FROM viewer_filter('p1', 'mX')")
        assert getattr(caught.value, "sqlstate", None) == "PT404"


@dataclass
class Thing:
    """An element of a random project."""

    number: int
    kind: str
    assembly: int | None
    parent: int | None
    columns: dict[str, Any]


class RandomProject:
    """Random trees, doubles and statuses, and an oracle that knows only the words of the rule.

    Attributes:
        shown: Elements by model and number.
        statuses: Own statuses by number.
    """

    def __init__(self, twin: Twin, seed: int) -> None:
        self._twin = twin
        self._choice = random.Random(seed)
        self.shown: dict[tuple[str, int], Thing] = {}
        for model, most in (("m1", 60), ("m2", 20)):
            twin.model(model)
            numbers = self._choice.sample(range(1, 90), self._choice.randrange(5, most))
            for place, number in enumerate(numbers):
                self._add(model, number, numbers[:place])
        twin.status_values("delivered", "mounted", "done", done="done")
        known = sorted({number for _, number in self.shown})
        codes = ("delivered", "mounted", "done", "not_started")
        chosen = self._choice.sample(known, len(known) // 3)
        self.statuses = {number: self._choice.choice(codes) for number in chosen}
        for number, status in self.statuses.items():
            status_of(twin, number, status)

    def _add(self, model: str, number: int, before: list[int]) -> None:
        choice = self._choice
        above = choice.choice([*before, None])
        is_in_assembly = above is not None and self.shown[model, above].kind == "assembly" and choice.random() < 0.8
        thing = Thing(
            number,
            choice.choice(("part", "part", "part", "assembly", "spatial", "void")),
            above if is_in_assembly else None,
            above if choice.random() < 0.9 else None,
            {
                "level": choice.choice((None, "L1", "Этаж 2")),
                "weight_kg": choice.choice((None, 1.5, 20.0)),
                "attributes": choice.choice(({}, {"span": choice.randrange(3)})),
                "updated_at": BEGIN.replace(day=choice.randrange(1, 28), hour=0 if model == "m1" else 1),
            },
        )
        self.shown[model, number] = thing
        links = {"assembly_guid": thing.assembly, "parent_guid": thing.parent}
        guids = {name: guid(value) if value is not None else None for name, value in links.items()}
        self._twin.element(number, model, kind=thing.kind, **thing.columns, **guids)

    def effective(self, model: str, number: int) -> str:
        """Effective status of an element."""
        if number in self.statuses:
            return self.statuses[number]
        thing = self.shown[model, number]
        while (above := thing.assembly if thing.assembly is not None else thing.parent) is not None:
            thing = self.shown[model, above]
            if thing.kind == "assembly" and thing.number in self.statuses:
                return self.statuses[thing.number]
        return "not_started"

    def parts(self) -> dict[int, str]:
        """Per part the model that shows it: one that knows its assembly, else where it changed last."""
        chosen: dict[int, str] = {}
        for number in {number for (_, number), thing in self.shown.items() if thing.kind == "part"}:
            held = [(model, thing) for (model, n), thing in self.shown.items() if n == number and thing.kind == "part"]
            chosen[number] = max(held, key=lambda h: (h[1].assembly is not None, h[1].columns["updated_at"], h[0]))[0]
        return chosen


@pytest.mark.parametrize("seed", range(6))
def test_every_way_of_asking_gives_what_follows_from_the_rows(owner_url: str, seed: int) -> None:
    project = RandomProject(Twin(owner_url), seed)
    other = Twin(owner_url, "p2")
    other.model()
    other.element(1, level="L1")
    member(owner_url, "p1", "anna")
    front = user(owner_url, "anna")
    found = {
        (row["model_id"], row["guid"].int): row["effective_status"]
        for row in front.rows("SELECT model_id, guid, effective_status FROM elements")
    }
    assert found == {key: project.effective(*key) for key in project.shown}
    current = {row["guid"].int: row for row in front.rows("SELECT * FROM parts_current")}
    assert {number: row["model_id"] for number, row in current.items()} == project.parts()
    for number, row in current.items():
        assert row["effective_status"] == project.effective(row["model_id"], number)
    check_counts(front, project)
    parts = {key: project.effective(*key) for key, thing in project.shown.items() if thing.kind == "part"}
    check_viewer(front, parts)


def check_counts(front: Front, project: RandomProject) -> None:
    """status_counts and progress count each part once."""
    parts = {number: project.effective(model, number) for number, model in project.parts().items()}
    counts = {row["status"]: row["parts"] for row in front.rows("SELECT * FROM status_counts")}
    assert {status: count for status, count in counts.items() if count} == Counter(parts.values())
    columns = {number: project.shown[model, number].columns for number, model in project.parts().items()}
    by = "SELECT * FROM progress WHERE dimension = %s"
    levels = {row["value"]: (row["parts"], row["done_parts"]) for row in front.rows(by, "level")}
    done = Counter(columns[number]["level"] for number, status in parts.items() if status == "done")
    every = Counter(given["level"] for given in columns.values())
    assert levels == {level: (count, done[level]) for level, count in every.items()}
    spans = {row["value"]: row["parts"] for row in front.rows(by, "attribute")}
    assert spans == Counter(str(given["attributes"]["span"]) for given in columns.values() if given["attributes"])


def check_viewer(front: Front, expected: dict[tuple[str, int], str]) -> None:
    """viewer_filter gives each part of each model once, under its status."""
    for model in ("m1", "m2"):
        given = front.rows("SELECT * FROM viewer_filter('p1', %s)", model)
        objects = {name: row["status"] for row in given for name in row["object_ids"]}
        assert objects == {f"object-{number}": status for (m, number), status in expected.items() if m == model}


def test_keyset_pages_give_every_row_once(owner_url: str) -> None:
    for project in ("p1", "p2"):
        twin = Twin(owner_url, project)
        for model in ("m1", "m2"):
            twin.model(model)
            for number in range(1, 12):
                twin.element(number, model)
        member(owner_url, project, "anna")
    front = user(owner_url, "anna")
    seen: list[tuple[str, str, uuid.UUID]] = []
    after: tuple[Any, ...] = ("", "", guid(0))
    while page := front.rows(
        "SELECT project_id, model_id, guid FROM elements WHERE (project_id, model_id, guid) > (%s, %s, %s)"
        " ORDER BY project_id, model_id, guid LIMIT 5",
        *after,
    ):
        seen.extend(tuple(row.values()) for row in page)
        after = seen[-1]
    assert len(seen) == 44
    assert seen == sorted(set(seen))

# ruff: noqa: RUF001  (names and stations in Cyrillic)
"""What the rules of a project pick out of properties."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speckle2pg.pipeline.extract.attributes import NO_ATTRIBUTES, AttributeMap, compile_rules
from speckle2pg.pipeline.extract.decode import parse

DATA = "Objects.Data.DataObject"
PROPERTIES: dict[str, Any] = {
    "Property Sets": {
        "Tekla Common": {"Phase": 3, "Part mark": " b/7 ", "Class.Sub/1": "x"},
        "Мост": {"Пикет": "ПК12+50", "Сдан": "да", "Дата": "17.05.2024"},
        "3.5kN_systeem": {"Last": "2,5"},
    },
    "Quantities": {"BaseQuantities": {"Length": {"name": "Length", "value": 120.0, "units": "Millimetre"}}},
    "parameters": {"MARK": {"name": "Mark", "value": "W-7", "isShared": False, "applicationUnitType": None}},
    "list": [{"name": "first"}, "second"],
    "null": None,
}


def rules(*rows: tuple[str, list[str], str]) -> AttributeMap:
    return compile_rules({"name": name, "paths": paths, "type": kind} for name, paths, kind in rows)


def picked(path: str, kind: str = "text", properties: dict[str, Any] = PROPERTIES) -> Any:
    return rules(("a", [path], kind)).pick(properties).get("a")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Property Sets.Tekla Common.Phase", "3"),
        ("Property Sets.Tekla Common.Part mark", " b/7 "),
        ("Property Sets.Tekla Common.Class.Sub/1", "x"),
        ("Property Sets.3.5kN_systeem.Last", "2,5"),
        ("Property Sets.*.Phase", "3"),
        ("*.Пикет", "ПК12+50"),
        ("*Пикет", "ПК12+50"),
        ("Property*Common*Phase", "3"),
        ("Quantities.BaseQuantities.Length", "120"),
        ("Quantities.*", "120"),
        ("parameters.MARK", "W-7"),
        ("list.1", "second"),
        ("list.0.name", "first"),
        ("Phase", None),
        ("property sets.tekla common.phase", None),
        ("Property Sets.Tekla Common", None),
        ("Property Sets.Tekla Common.Phase.", None),
        ("Quantities.BaseQuantities.Length.value", None),
        ("Quantities.BaseQuantities.Length.units", None),
        ("Property Sets.Tekla Common.Phas?", None),
        ("Property Sets.Tekla Common.[P]hase", None),
        ("null", None),
    ],
)
def test_paths_are_joined_names_in_which_only_the_star_is_special(path: str, value: str | None) -> None:
    assert picked(path) == value


@pytest.mark.parametrize("name", ["a[b]", "a?b", "[!a]", "a\\b", "a+(b)", "^$", "линия\nдве"])
def test_names_with_signs_of_patterns_are_taken_as_they_are(name: str) -> None:
    assert picked(f"s.{name}", properties={"s": {name: 1, "ab": 2}}) == "1"
    assert picked(f"*.{name}", properties={"s": {name: 1, "ab": 2}}) == "1"


def test_name_typed_in_composed_letters_finds_one_in_decomposed_ones() -> None:
    assert picked("s.Высотный", properties={"s": {"Высотный".replace("й", "и\u0306"): 1}}) == "1"


def test_first_path_with_a_value_of_the_type_counts() -> None:
    found = rules(("n", ["gone", "s.text", "s.empty", "s.wide", "s.other"], "number"))
    assert found.pick({"s": {"text": "tall", "empty": " ", "wide": "2,5", "other": 7}}) == {"n": 2.5}


def test_of_several_values_on_one_path_the_first_by_path_counts_whatever_their_order() -> None:
    properties: dict[str, Any] = {"s": {"b": 2, "a": 1, "c": 3}, "s.a": 9}
    for seed in range(10):
        shuffled = random.Random(seed).sample(list(properties["s"].items()), 3)
        assert picked("s.*", "number", {"s": dict(shuffled), "s.a": 9}) == 1
        assert picked("s.*", "number", {"s.a": 9, "s": dict(shuffled)}) == 1


def test_value_beside_other_members_counts_at_its_own_path_and_they_at_theirs() -> None:
    properties = {"Pset": {"value": 5, "Span": 3}}
    assert picked("Pset", properties=properties) == "5"
    assert picked("Pset.Span", properties=properties) == "3"
    assert picked("*Length*", properties={"Length": {"name": "Length", "value": None, "units": "mm"}}) is None


def test_no_rules_pick_nothing_and_have_an_empty_digest() -> None:
    assert compile_rules([]).pick(PROPERTIES) == NO_ATTRIBUTES.pick(PROPERTIES) == {}
    assert compile_rules([]).digest == NO_ATTRIBUTES.digest == ""


def test_digest_tells_rules_apart_and_not_their_order() -> None:
    one: tuple[str, list[str], str] = ("a", ["x", "y"], "text")
    two: tuple[str, list[str], str] = ("b", ["x"], "number")
    assert rules(one, two).digest == rules(two, one).digest
    others = [rules(one), rules(two), rules(("a", ["y", "x"], "text"), two), rules(("a", ["x", "y"], "date"), two)]
    digests = {found.digest for found in [rules(one, two), *others]}
    assert len(digests) == 5
    assert all(len(digest) == 16 for digest in digests)


def test_digest_is_fixed() -> None:
    """When this literal changes without need, every project's rows are derived again for nothing."""
    assert rules(("station", ["*.Пикет"], "station")).digest == "3d693bae4c6ec1f2"


def test_rule_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        rules(("a", ["x"], "colour"))


def test_facts_hold_what_was_picked_as_json() -> None:
    payload = json.dumps({"speckle_type": DATA, "applicationId": "x", "properties": PROPERTIES}).encode()
    found = rules(("pk", ["*.Пикет"], "station"), ("done", ["*.Сдан"], "boolean"), ("day", ["*.Дата"], "date"))
    facts = parse("ab", payload, attributes=found).facts
    assert facts is not None
    assert json.loads(facts.attributes) == {"pk": 1250.0, "done": True, "day": "2024-05-17"}
    plain = parse("ab", payload).facts
    assert plain is not None
    assert plain.attributes == b"{}"


def test_children_inside_an_object_have_attributes_too() -> None:
    inner = {"speckle_type": DATA, "id": "c", "properties": {"n": 1}}
    payload = json.dumps({"speckle_type": DATA, "elements": [inner]}).encode()
    facts = parse("ab", payload, attributes=rules(("n", ["n"], "number"))).inline[0].facts
    assert facts is not None
    assert json.loads(facts.attributes) == {"n": 1.0}


@pytest.mark.parametrize("kind", ["text", "number", "boolean", "date", "station"])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("value"), inner),
    )
)
def test_anything_anywhere_is_survived_and_yields_only_what_json_holds(kind: str, value: Any) -> None:
    found = rules(("a", ["p", "p.*"], kind)).pick({"p": value})
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_patterns_with_many_stars_do_not_explode() -> None:
    assert picked("*a" * 40 + "b", properties={"a" * 5_000: 1}) is None


def test_hundred_rules_read_each_leaf_once_for_all() -> None:
    """Paths recur: they are matched when first met, and looked up afterwards."""
    many = rules(*((f"n{number}", [f"*.name {number}"], "number") for number in range(100)))
    properties = {"s": {f"name {number}": number for number in range(900)}}
    assert many.pick(properties) == {f"n{number}": float(number) for number in range(100)}
    known = dict(many._known)
    assert many.pick(properties) == {f"n{number}": float(number) for number in range(100)}
    assert many._known == known
    assert len(known) == 900

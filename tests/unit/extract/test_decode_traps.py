"""Traps seen in real data: each costs a value at most, never the version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from speckle2pg.pipeline.extract.decode import parse
from speckle2pg.pipeline.extract.model import Facts, Parsed, UnreadableObjectError

DATA = "Objects.Data.DataObject"


def read(*, is_root: bool = False, **members: Any) -> Parsed:
    return parse("ab", json.dumps(members).encode(), is_root=is_root)


def element(**members: Any) -> Parsed:
    return read(**{"speckle_type": DATA, "applicationId": "x", **members})


def facts_of(parsed: Parsed) -> Facts:
    assert parsed.facts is not None
    return parsed.facts


def properties_of(parsed: Parsed) -> dict[str, Any]:
    properties = json.loads(facts_of(parsed).properties)
    assert isinstance(properties, dict)
    return properties


def reference(object_id: str) -> dict[str, str]:
    return {"speckle_type": "reference", "referencedId": object_id}


@pytest.mark.parametrize("elements", [None, "x", {}, 3])
def test_elements_that_are_no_list_are_none(elements: Any) -> None:
    assert element(elements=elements).node.children == ()


def test_entries_that_are_no_children_are_passed_over() -> None:
    entries: list[Any] = [
        None,
        "x",
        3,
        [],
        {},
        {"speckle_type": "reference"},
        {"speckle_type": 3},
        reference("a"),
    ]
    assert element(elements=entries).node.children == ("a",)


@pytest.mark.parametrize("properties", [None, {}, reference("p")])
def test_element_without_properties_still_makes_a_row(properties: Any) -> None:
    assert properties_of(element(properties=properties)) == {"speckle_type": DATA}


def test_properties_that_are_no_object_are_a_plain_member() -> None:
    assert properties_of(element(properties=[1]))["properties"] == [1]


def test_names_in_any_script_and_with_any_sign_are_kept() -> None:
    own = {"Көпір.Аты/1": {"": {"橋": "値"}}, "null": {"a": "\u2028"}}
    assert properties_of(element(properties=own)) == {**own, "speckle_type": DATA}


@pytest.mark.parametrize(("name", "text"), [(7, "7"), (7.0, "7"), (7.5, "7.5"), ("", None), (" ", None), (True, None)])
def test_name_that_is_a_number_becomes_text(name: Any, text: str | None) -> None:
    assert facts_of(element(name=name)).element_name == text


def test_nul_is_replaced_and_counted_and_the_row_kept() -> None:
    parsed = element(name="a\x00b", properties={"k\x00": "v\x00", "ok": "\\u0000"})
    assert facts_of(parsed).element_name == "a\ufffdb"
    assert properties_of(parsed) == {"k\ufffd": "v\ufffd", "ok": "\\u0000", "speckle_type": DATA}
    assert facts_of(parsed).replaced == 3
    assert b"\\u0000" not in facts_of(parsed).properties.replace(b"\\\\u0000", b"")


def test_lone_surrogates_are_replaced_and_pairs_are_not() -> None:
    payload = b'{"speckle_type": "Objects.Data.DataObject", "properties": {"a": "\\ud800", "b": "\\ud83d\\ude00"}}'
    parsed = parse("ab", payload)
    assert properties_of(parsed) == {"a": "\ufffd", "b": "\U0001f600", "speckle_type": DATA}
    assert facts_of(parsed).replaced == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 400, "9" * 5000])
def test_numbers_that_nothing_can_hold_become_null(number: str) -> None:
    payload = f'{{"speckle_type": "{DATA}", "properties": {{"a": {number}, "b": 1}}}}'
    parsed = parse("ab", payload.encode())
    assert properties_of(parsed) == {"a": None, "b": 1, "speckle_type": DATA}
    assert facts_of(parsed).replaced == 1


def test_large_but_finite_numbers_are_kept() -> None:
    assert properties_of(element(properties={"a": 2**70, "b": 1e308}))["a"] == 2**70


def test_bytes_that_are_no_utf8_and_bare_control_characters_are_replaced_or_kept() -> None:
    parsed = parse("ab", b'{"speckle_type": "Objects.Data.DataObject", "properties": {"a": "\xff", "b": "x\ny"}}')
    assert properties_of(parsed) == {"a": "\ufffd", "b": "x\ny", "speckle_type": DATA}


def test_of_duplicate_names_the_last_counts() -> None:
    assert parse("ab", b'{"name": "a", "name": "b"}', is_root=True).node.name == "b"


@pytest.mark.parametrize("payload", [b"", b"[]", b"3", b"null", b'"x"', b"{", b'{"a":', b"\xff\xfe", b"{'a': 1}"])
def test_what_is_no_json_object_is_unreadable(payload: bytes) -> None:
    with pytest.raises(UnreadableObjectError) as fault:
        parse("ab", payload)
    assert fault.value.object_id == "ab"


@pytest.mark.parametrize("depth", [900, 5_000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("poison", ["1", "NaN"])
def test_deep_nesting_is_read_or_unreadable_but_never_exhausts_the_stack(
    depth: int, opening: str, closing: str, poison: str
) -> None:
    payload = f'{{"speckle_type": "{DATA}", "properties": {{"a": {opening * depth}{poison}{closing * depth}}}}}'
    try:
        parsed = parse("ab", payload.encode())
    except UnreadableObjectError:
        return
    assert parsed.node.kind == "part"


def test_deeply_nested_inline_children_are_unreadable() -> None:
    opening = f'{{"speckle_type": "{DATA}", "elements": ['
    with pytest.raises(UnreadableObjectError):
        parse("ab", (opening * 3_000 + "]}" * 3_000).encode())


def test_a_view_of_a_buffer_reads_like_bytes() -> None:
    payload = json.dumps({"speckle_type": DATA, "name": "n"}).encode()
    assert parse("ab", memoryview(payload)) == parse("ab", payload)


def test_object_without_a_type_is_read_as_plain() -> None:
    assert parse("ab", b'{"elements": []}', is_root=True).node.kind == "container"
    assert parse("ab", b'{"speckle_type": 3}').node.kind == "other"


def test_bad_values_are_counted_once_wherever_they_are() -> None:
    child = {"speckle_type": DATA, "id": "c", "name": "a\x00b"}
    container = read(speckle_type="Speckle.Core.Models.Collections.Collection", name="c\x00", elements=[child])
    assert (container.facts, container.node.name, container.replaced) == (None, "c\ufffd", 2)
    assert [one.replaced for one in container.flat()] == [2, 0]
    assert element(name="\x00").replaced == 1
    assert element(name="fine").replaced == 0


@pytest.mark.parametrize("bad", ["NaN", "-Infinity", "1e400", "9" * 400, '"\\u0000"', '"\\ud800"', '"\x01"'])
def test_bad_value_costs_itself_alone(bad: str) -> None:
    """The row, its columns and all the other values are those of the object without it."""
    payload = """{"speckle_type": "%s", "applicationId": "x", "ifcType": "IfcBeam", "name": "Балка", "properties":
        {"bad": %s, "Property Sets": {"Tekla Common": {"Phase": 3}}, "": {"null": 1.5}}}"""
    with_bad = parse("ab", (payload % (DATA, bad)).encode())
    without = parse("ab", (payload % (DATA, '"here"')).encode())
    one, other = facts_of(with_bad), facts_of(without)
    for name in set(one.__struct_fields__) - {"properties", "replaced"}:
        assert getattr(one, name) == getattr(other, name)
    stored, expected = properties_of(with_bad), properties_of(without)
    assert stored.pop("bad") in {None, "\ufffd", "\x01"}
    del expected["bad"]
    assert stored == expected


def test_element_with_nine_hundred_leaves_keeps_them_all() -> None:
    sets = {f"Көпір {number % 30}.{number}": {f"имя/{number}": f"значение {number}" * 3} for number in range(900)}
    stored = properties_of(element(properties=sets))
    assert {name: stored[name] for name in sets} == sets


def test_collection_inside_an_element_is_a_child() -> None:
    inner = {
        "speckle_type": "Speckle.Core.Models.Collections.Collection",
        "name": "Doors",
        "elements": [reference("d")],
    }
    parsed = element(elements=[inner])
    assert [(one.node.kind, one.node.children) for one in parsed.flat()] == [
        ("part", ("ab:0",)),
        ("container", ("d",)),
    ]


@pytest.mark.parametrize("name", ["null", "", ".", "a.b", "/", "__closure", "@elements", "object.name", "\u2028"])
def test_property_names_that_look_like_something_else_are_kept(name: str) -> None:
    own = {name: {name: 1}}
    assert properties_of(element(properties=own)) == {**own, "speckle_type": DATA}

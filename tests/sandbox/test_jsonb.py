"""Texts go through JavaScript and jsonb as on the real server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speckle2pg.sandbox import jsonb, masks

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("given_text", "compact", "stored"),
    [
        ("1.0", "1", "1"),
        ("-0.0", "0", "0"),
        ("9007199254740993", "9007199254740992", "9007199254740992"),
        ("12345678901234567890", "12345678901234567000", "12345678901234567000"),
        ("1.5e-7", "1.5e-7", "0.00000015"),
        ("1e21", "1e+21", "1000000000000000000000"),
        ("1e400", "null", "null"),
        ("0.1", "0.1", "0.1"),
        ('{"bb":1,"a":2,"ж":3}', '{"bb":1,"a":2,"ж":3}', '{"a": 2, "bb": 1, "ж": 3}'),
        ('{"b":1,"2":2,"1":3}', '{"1":3,"2":2,"b":1}', '{"1": 3, "2": 2, "b": 1}'),
        ('{"a":1,"a":2}', '{"a":2}', '{"a": 2}'),
        ('["\\u2028",true,null]', '["\u2028",true,null]', '["\u2028", true, null]'),
    ],
)
def test_numbers_keys_and_strings(given_text: str, compact: str, stored: str) -> None:
    value = jsonb.parse(given_text)
    assert jsonb.compact_text(value) == compact
    assert jsonb.stored_text(value) == stored


@pytest.mark.parametrize("text", ['"\\u0000"', '"\\ud800"', '{"\\ud800":1}'])
def test_jsonb_refuses_nul_and_lone_surrogates(text: str) -> None:
    with pytest.raises(jsonb.JsonbError):
        jsonb.stored_text(jsonb.parse(text))


@given(JSON_VALUES)
def test_what_is_stored_means_the_same(value: object) -> None:
    assert jsonb.parse(jsonb.stored_text(value)) == value
    assert jsonb.parse(jsonb.compact_text(value)) == value


@pytest.mark.parametrize(
    ("paths", "picked"),
    [
        (["a.b"], {"a": {"b": 1}}),
        (["a.b", "x.y"], {"a": {"b": 1}, "x.y": 5}),
        (["list[1].c"], {"list": [None, {"c": 3}]}),
        (['a["d.e"]'], {"a": {"d.e": 4}}),
        (["a.none", "nobody"], {}),
        (["null"], {"null": None}),
    ],
)
def test_pick_takes_lodash_paths(paths: list[str], picked: object) -> None:
    value = {"a": {"b": 1, "d.e": 4}, "list": [{"c": 2}, {"c": 3}], "x.y": 5, "null": None}
    assert masks.pick(value, paths) == picked


def test_omit_takes_lodash_paths_and_leaves_the_value_alone() -> None:
    value = {"a": {"b": 1, "c": 2}, "x.y": 5, "z": 6}
    assert masks.omit(value, ["a.b", "x.y", "no.such"]) == {"a": {"c": 2}, "z": 6}
    assert value["a"] == {"b": 1, "c": 2}

"""Leaves that differ: exactly where the content hash may differ, and never where it does not."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speckle2pg.pipeline.extract.canonical import NOISE, own_hash
from speckle2pg.pipeline.extract.columns.source import Columns

if TYPE_CHECKING:
    from collections.abc import Iterator

LABELS = {"name", "units", "applicationUnit", "internalDefinitionName", "applicationInternalName"}
NOISE_PATHS = [path for path, _ in NOISE]

# Few names and values, so that examples meet: dots, list indexes, labels and the names of the noise rules among them.
NAMES = st.sampled_from(
    [
        *("a", "b", "a.b", "0", "", "value", "units", "name", "Attributes", "id", "Quantities", "GlobalId"),
        *("Element Type Attributes", "null", "ПК"),
    ]
)
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 1.5, 0.1 + 0.2, 0.3, 1e-9, 1.0000004, 1.0000015, 2.0e22, 1e300, 2**53 + 1, -0.0]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**18), 10**18),
)
TEXTS = st.sampled_from(["", "1", "1.5", "1.50", "true", "null", "0.3", "2e+22", "x", "1e999", "{}"])
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
PROPERTIES = st.dictionaries(NAMES, VALUES, max_size=3)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A login of the daemon's role."""
    with psycopg.connect(database_url, autocommit=True) as opened:
        opened.prepare_threshold = 0
        yield opened


def differences(connection: psycopg.Connection[Any], before: Any, after: Any) -> list[tuple[list[str], Any, Any]]:
    query = b"SELECT path, old, new FROM json_differences(%s, %s) ORDER BY path, old, new"
    return connection.execute(query, (json.dumps(before), json.dumps(after))).fetchall()


def leaves(
    value: Any, way: tuple[str, ...] = (), place: str = "", *, listed: bool = False
) -> Iterator[tuple[str, Any]]:
    """The leaves that count, by dotted place."""
    if isinstance(value, dict) and "value" in value and set(value) - {"value"} <= LABELS:
        value = value["value"]
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*way, str(index)), f"{place}.{index}", listed=True)
    elif isinstance(value, dict):
        for name, member in value.items():
            below = (*way, name)
            noise = any(
                len(rule) == len(below) and all(a in ("*", b) for a, b in zip(rule, below, strict=True))
                for rule in NOISE_PATHS
            )
            if listed or not noise:
                yield from leaves(member, below, f"{place}.{name}" if place else name, listed=listed)
    elif value is not None:
        yield place, value


def number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def reads(value: Any) -> str:
    """How a leaf reads in a source that holds only text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(int(value)) if abs(value) < 2**53 and value == int(value) else f"{value:.7g}"


def same(one: Any, other: Any) -> bool:
    if reads(one) == reads(other):
        return True
    a, b = number(one), number(other)
    if (isinstance(one, str) and isinstance(other, str)) or a is None or b is None:
        return False
    return abs(a - b) <= 1e-6 * max(abs(a), abs(b)) < float("inf")


def alike(before: Any, after: Any) -> bool:
    """Whether the leaves of each place can be paired so that each pair counts as equal."""
    grouped: tuple[dict[str, list[Any]], dict[str, list[Any]]] = ({}, {})
    for side, properties in zip(grouped, (before, after), strict=True):
        for place, value in leaves(properties):
            side.setdefault(place, []).append(value)
    if grouped[0].keys() != grouped[1].keys():
        return False
    return all(
        len(values) == len(grouped[1][place])
        and any(all(map(same, values, order)) for order in itertools.permutations(grouped[1][place]))
        for place, values in grouped[0].items()
    )


@settings(
    max_examples=600, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=PROPERTIES, after=PROPERTIES)
def test_there_are_differences_exactly_where_leaves_differ(
    connection: psycopg.Connection[Any], before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert bool(differences(connection, before, after)) is not alike(before, after)


@st.composite
def rewritten(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Properties, and the same as another exporter, importer or format would write them."""
    before = draw(PROPERTIES)
    return before, {name: draw(rewriting(value)) for name, value in reversed(before.items())}


def rewriting(value: Any) -> st.SearchStrategy[Any]:
    """Other forms of one value."""
    if isinstance(value, dict):
        members = st.fixed_dictionaries({name: rewriting(member) for name, member in value.items()})
        return members | members.map(lambda made: {**made, "left out": None})
    if isinstance(value, list):
        return st.tuples(*map(rewriting, value)).map(list)
    if isinstance(value, str) or value is None:
        return st.just(value)
    forms = [value, reads(value), {"value": value, "units": "m"}]
    if isinstance(value, float) and 1e-300 < abs(value) < 1e300:
        forms.append(value * (1 + 2e-7))
    return st.sampled_from(forms)


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pair=rewritten())
def test_what_hashes_alike_has_no_differences(
    connection: psycopg.Connection[Any], pair: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    before, after = pair
    found = differences(connection, before, after)
    assert bool(found) is not alike(before, after)
    if own_hash(None, Columns(), before) == own_hash(None, Columns(), after):
        assert found == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [(["a", "b"], 1, 2)]),
        ({"a": 1}, {}, [(["a"], 1, None)]),
        ({}, {"a": {"b": ["x"]}}, [(["a", "b", "0"], None, "x")]),
        ({"a": {"b": 1}}, {"a.b": 1.0}, []),
        ({"a": {"b": 1}}, {"a.b": 3}, [(["a.b"], 1, 3)]),
        ({"a": {"value": 1, "units": "m"}}, {"a": 2}, [(["a"], 1, 2)]),
        ({"a": {"value": 1, "units": "m"}}, {"a": {"value": 1, "units": "mm", "name": "A"}}, []),
        ({"a": {"value": 1, "more": 1}}, {"a": {"value": 2, "more": 1}}, [(["a", "value"], 1, 2)]),
        ({"Quantities": {"Q": {"id": 1, "n": 5}}}, {"Quantities": {"Q": {"id": 2, "n": 5}}}, []),
        ({"Quantities": [{"id": 1}]}, {"Quantities": [{"id": 2}]}, [(["Quantities", "0", "id"], 1, 2)]),
        ({"x": {"id": 1}}, {"x": {"id": 2}}, [(["x", "id"], 1, 2)]),
        ({"a": ""}, {}, [(["a"], "", None)]),
        ({"a": 100.0}, {"a": 100.00011}, [(["a"], 100.0, 100.00011)]),
        ({"a": 100.0}, {"a": 100.00009}, []),
        ({"a": {"b": 1}}, {"a": 7}, [(["a"], None, 7), (["a", "b"], 1, None)]),
    ],
)
def test_a_difference_names_the_way_and_both_values(
    connection: psycopg.Connection[Any], before: Any, after: Any, expected: list[Any]
) -> None:
    assert differences(connection, before, after) == expected


def test_numbers_too_large_for_the_database_s_own_are_compared_all_the_same(
    connection: psycopg.Connection[Any],
) -> None:
    query = b"SELECT count(*) FROM json_differences(%s, %s)"
    for before, after, count in (("1e400", "1e400", 0), ("1e400", "1.0000001e400", 0), ("1e400", "2e400", 1)):
        row = connection.execute(query, (f'{{"a": {before}}}', f'{{"a": {after}}}')).fetchone()
        assert row == (count,)


def test_a_comparison_is_not_compiled(connection: psycopg.Connection[Any]) -> None:
    """Which would take a thousand times as long as the comparison."""
    row = connection.execute(b"EXPLAIN (FORMAT json) SELECT * FROM json_differences('{}', '{}')").fetchone()
    limit = connection.execute(b"SELECT boot_val::float FROM pg_settings WHERE name = 'jit_above_cost'").fetchone()
    assert row is not None
    assert limit is not None
    assert row[0][0]["Plan"]["Total Cost"] < limit[0] / 2


def test_the_rules_of_noise_are_those_of_the_program_and_leave_no_choice(connection: psycopg.Connection[Any]) -> None:
    """The program prefers a name to a *, the database takes any: no rule may have one where another has the other."""
    assert dict(connection.execute("SELECT array_to_string(path, '/'), reason FROM noise_rules").fetchall()) == {
        "/".join(path): reason for path, reason in NOISE
    }
    for one, other in itertools.permutations(NOISE_PATHS, 2):
        step = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
        assert step is not None, "one rule leads into another"
        assert "*" not in (one[step], other[step])

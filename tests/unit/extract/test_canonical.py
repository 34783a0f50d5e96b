"""Hashes: alike for what did not change, different for what did."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speckle2pg.pipeline.extract.canonical import OWN_BYTES, PLACE_BYTES, content_hash, own_hash
from speckle2pg.pipeline.extract.columns.source import Columns

PROPERTIES: dict[str, Any] = {
    "Attributes": {"id": 33, "GlobalId": "g", "Tag": "T"},
    "Property Sets": {"Tekla Quantity": {"Net volume": 1.92848241441934e-05, "Length": 120.0}},
    "Quantities": {"BaseQuantities": {"id": 51, "Width": {"name": "Width", "value": 60.0, "units": "Millimetre"}}},
    "Element Type Attributes": {"id": 3095, "GlobalId": "3M8ArFptfF$Pu9hxyik8yp", "Name": "_M14"},
}

COLUMNS = Columns(element_type="IfcBeam", element_name="Balk", mark="b1", length_m=0.12)


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the properties with one leaf replaced; the path's names are joined by "/"."""
    properties: dict[str, Any] = json.loads(json.dumps(PROPERTIES))
    *way, last = path.split("/")
    holder = properties
    for name in way:
        holder = holder[name]
    holder[last] = value
    return properties


def hashed(properties: dict[str, Any], columns: Columns = COLUMNS) -> bytes:
    return own_hash("x", columns, properties)


def test_hash_has_32_bytes_and_is_the_same_each_time() -> None:
    assert len(hashed(PROPERTIES)) == OWN_BYTES
    assert hashed(PROPERTIES) == hashed(json.loads(json.dumps(PROPERTIES)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Attributes/id", 34),
        ("Quantities/BaseQuantities/id", 52),
        ("Element Type Attributes/id", 1),
        ("Element Type Attributes/GlobalId", "2uVEfQDdH3rB9YbNql5LjA"),
        ("Property Sets/Tekla Quantity/Net volume", 1.92848241441919e-05),
        ("Property Sets/Tekla Quantity/Length", 120),
        ("Property Sets/Tekla Quantity/Length", 120.000000000005),
        ("Attributes/Description", None),
        ("Property Sets/Empty", {}),
        ("Quantities/BaseQuantities/Width/units", "mm"),
    ],
)
def test_noise_is_no_change(path: str, value: Any) -> None:
    assert hashed(changed(path, value)) == hashed(PROPERTIES)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Attributes/Tag", "T2"),
        ("Attributes/GlobalId", "h"),
        ("Attributes/Description", ""),
        ("Element Type Attributes/Name", "_M16"),
        ("Property Sets/Tekla Quantity/Length", 120.01),
        ("Property Sets/Tekla Quantity/id", 7),
        ("Quantities/BaseQuantities/Width/value", 61.0),
        ("elementId", 1234568),
    ],
)
def test_change_of_a_value_is_a_change(path: str, value: Any) -> None:
    assert hashed(changed(path, value)) != hashed(changed("elementId", 1234567))
    if path != "elementId":
        assert hashed(changed(path, value)) != hashed(PROPERTIES)


def test_order_of_members_is_no_change() -> None:
    assert hashed(dict(reversed(PROPERTIES.items()))) == hashed(PROPERTIES)


def test_dotted_names_and_numeric_text_read_as_in_a_bundle() -> None:
    assert hashed({"a": {"3.5kN": 1.0, "b": True}}) == hashed({"a.3.5kN": "1", "a.b": "true"})


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_that_hash_alike_are_within_a_millionth(a: float, b: float) -> None:
    if hashed({"n": a}) == hashed({"n": b}):
        assert a == pytest.approx(b, rel=1e-6, abs=0)


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_server_writing_whole_numbers_as_integers_is_no_change(number: float) -> None:
    whole = float(int(number))
    assert hashed({"n": whole}) == hashed({"n": int(whole)})


@pytest.mark.parametrize("name", ["element_type", "element_name", "mark", "assembly_mark", "phase", "profile"])
def test_each_text_column_counts(name: str) -> None:
    assert hashed(PROPERTIES, msgspec.structs.replace(COLUMNS, **{name: "other"})) != hashed(PROPERTIES)


@pytest.mark.parametrize("name", ["length_m", "area_m2", "volume_m3", "weight_kg"])
def test_each_quantity_counts(name: str) -> None:
    assert hashed(PROPERTIES, msgspec.structs.replace(COLUMNS, **{name: 7.5})) != hashed(PROPERTIES)


def test_material_does_not_count() -> None:
    assert hashed(PROPERTIES, msgspec.structs.replace(COLUMNS, material="S355")) == hashed(PROPERTIES)


def test_application_id_counts() -> None:
    assert own_hash("y", COLUMNS, PROPERTIES) != own_hash("x", COLUMNS, PROPERTIES)


def test_values_do_not_run_into_each_other() -> None:
    assert own_hash("x", Columns(mark="a"), {}) != own_hash("x", Columns(assembly_mark="a"), {})
    assert hashed({"a": "b,c"}) != hashed({"a": "b", "c": ""})


def test_place_counts() -> None:
    own = hashed(PROPERTIES)
    parent = uuid.UUID(int=1)
    places: list[tuple[str | None, str | None, tuple[str, ...], uuid.UUID | None]] = [
        (None, None, (), None),
        ("c", None, (), None),
        (None, "c", (), None),
        (None, None, ("c",), None),
        (None, None, ("a", "b"), None),
        (None, None, ("a,b",), None),
        (None, None, (), parent),
    ]
    hashes = {content_hash(own, *place) for place in places}
    assert len(hashes) == len(places)
    assert {len(one) for one in hashes} == {OWN_BYTES + PLACE_BYTES}
    assert {one[:OWN_BYTES] for one in hashes} == {own}, "what the element says of itself can be told from its place"


def test_hash_of_the_first_canonical_version_is_fixed() -> None:
    """When this literal changes, CANONICAL_VERSION has to go up."""
    assert hashed(PROPERTIES).hex() == "54eed58c209b268305c5b8502ca1c699"

"""Units by the names that exporters give them."""

from __future__ import annotations

import pytest

from speckle2pg.pipeline.extract.columns import units


@pytest.mark.parametrize(
    ("name", "dimension", "expected"),
    [
        ("Metre", "length", 1.0),
        ("Millimetre", "length", 1e-3),
        ("Millimeters", "length", 1e-3),
        ("mm", "length", 1e-3),
        ("MM", "length", 1e-3),
        ("ft", "length", 0.3048),
        ("Feet", "length", 0.3048),
        ("inches", "length", 0.0254),
        ("Square Metre", "area", 1.0),
        ("Square millimeters", "area", 1e-6),
        ("m²", "area", 1.0),
        ("mm^2", "area", 1e-6),
        ("ft2", "area", 0.3048**2),
        ("SquareMeters", "area", 1.0),
        ("Cubic Metre", "volume", 1.0),
        ("Cubic millimeters", "volume", 1e-9),
        ("m³", "volume", 1.0),
        ("m3", "volume", 1.0),
        ("cubic feet", "volume", 0.3048**3),
        ("autodesk.unit.unit:cubicMeters-1.0.1", "volume", 1.0),
        ("Litres", "volume", 1e-3),
        ("Kilogram", "weight", 1.0),
        ("Kilograms", "weight", 1.0),
        ("kg", "weight", 1.0),
        ("tonnes", "weight", 1e3),
        ("lbs", "weight", 0.45359237),
    ],
)
def test_names_of_units_are_known(name: str, dimension: units.Dimension, expected: float) -> None:
    assert units.factor(name, dimension) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", [None, "", "ms", "ton", "Kilonewton", "Feet and fractional inches", "none"])
def test_names_that_are_no_length_are_none(name: str | None) -> None:
    assert units.factor(name, "length") is None


@pytest.mark.parametrize("dimension", ["area", "volume", "weight"])
def test_unit_of_another_dimension_is_none(dimension: units.Dimension) -> None:
    assert units.factor("mm", dimension) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"value": 120.0, "units": "Millimetre"}, 0.12),
        ({"value": "120", "units": "mm"}, 0.12),
        ({"value": 120.0}, None),
        ({"value": None, "units": "mm"}, None),
        ({"value": True, "units": "mm"}, None),
        ({"value": "nan", "units": "mm"}, None),
        ({"value": "twelve", "units": "mm"}, None),
        ({"units": "mm"}, None),
        (120.0, None),
        (None, None),
        ([1], None),
    ],
)
def test_quantity_without_number_or_unit_is_null_and_never_a_guess(value: object, expected: float | None) -> None:
    assert units.si(value, "length") == (None if expected is None else pytest.approx(expected))

# ruff: noqa: RUF001  (stations are written in Cyrillic)
"""Values of attributes by type, as exporters and people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speckle2pg.pipeline.extract.values import to_boolean, to_date, to_number, to_station, to_text


@pytest.mark.parametrize(
    ("value", "expected"),
    [("x", "x"), (" x ", " x "), ("", None), (" ", None), (12, "12"), (12.0, "12"), (0.5, "0.5"), (True, "true"),
     (False, "false"), (None, None), ([1], None), ({"a": 1}, None), (-0.0, "0"), (1e22, "1" + 22 * "0")],
)  # fmt: skip
def test_text_is_kept_and_numbers_are_written_shortest(value: Any, expected: str | None) -> None:
    assert to_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0), (2.5, 2.5), ("2.5", 2.5), ("2,5", 2.5), (" 7 ", 7.0), ("-1,5", -1.5), ("+4", 4.0), ("1e-3", 1e-3),
        ("−3", -3.0), (".5", 0.5), (",5", 0.5), ("5.", 5.0),
        ("1 234 567,8", 1234567.8), ("1\u00a0234", 1234.0), ("12\u202f500.25", 12500.25), ("-1 000", -1000.0),
        ("1 23", None), ("1 2", None), ("1 2345", None), ("12 mm", None), ("", None), ("x", None), ("nan", None),
        ("inf", None), ("1e999", None), ("9" * 400, None), ("1_000", None), ("1.2.3", None), ("1.234,5", None),
        (".", None), (",", None), ("--1", None), (True, None), (None, None), ([1], None),
    ],
)  # fmt: skip
def test_numbers_are_finite_and_never_guessed(value: Any, expected: float | None) -> None:
    assert to_number(value) == expected


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", "true", "TRUE", " Yes ", "да", "Да", "ДА", ".T.", "иә", "ja"])
def test_words_for_yes_are_true(value: Any) -> None:
    assert to_boolean(value) is True


@pytest.mark.parametrize("value", [False, 0, "0", "false", "No", "нет", "НЕТ", ".F.", "жоқ", "nein"])
def test_words_for_no_are_false(value: Any) -> None:
    assert to_boolean(value) is False


@pytest.mark.parametrize("value", [None, 2, "2", "", "maybe", "yesterday", [True], {}])
def test_what_says_neither_yes_nor_no_is_none(value: Any) -> None:
    assert to_boolean(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-17", "2024-05-17"), ("20240517", "2024-05-17"), (20240517, "2024-05-17"),
        ("2024-05-17T23:59:59+05:00", "2024-05-17"), ("2024-05-17 10:00", "2024-05-17"), ("2024-05-17Z", "2024-05-17"),
        ("17.05.2024", "2024-05-17"), ("7.5.2024", "2024-05-07"), (" 17.05.2024 10:30:00 ", "2024-05-17"),
        ("29.02.2024", "2024-02-29"), ("29.02.2023", None), ("31.04.2024", None), ("2024-13-01", None),
        ("2024-00-01", None), ("2024-05-00", None), ("0000-01-01", None), ("17.05.24", None), ("05/17/2024", None),
        ("2024-0517", None), ("2024-05", None), ("tomorrow", None), ("", None), (True, None), (None, None), (5.5, None),
    ],
)  # fmt: skip
def test_dates_are_days_of_the_calendar(value: Any, expected: str | None) -> None:
    assert to_date(value) == expected


@given(st.dates())
def test_every_day_reads_in_both_orders(day: Any) -> None:
    iso = day.isoformat()
    assert to_date(iso) == to_date(f"{day.day}.{day.month}.{day.year:04}") == to_date(iso.replace("-", "")) == iso


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ПК12+50", 1250.0), ("ПК 12+50,25", 1250.25), ("пк12+50.25", 1250.25), ("PK12+50", 1250.0),
        ("ПK12+50", 1250.0),
        ("ПК 12 + 50", 1250.0), ("ПК12+5", 1205.0), ("ПК12+104,5", 1304.5), ("ПК12", 1200.0), ("ПК0+00", 0.0),
        ("ПК.12+50", 1250.0), ("12+50", 1250.0), ("1234+56,78", 123456.78),
        ("km 12+050", 12050.0), ("км 12+050", 12050.0), ("КМ12+050,5", 12050.5), ("12+050", 12050.0),
        ("12+050.25", 12050.25), ("км 12", 12000.0), ("km 12,5", 12500.0), ("км 12+50", 12050.0), ("км. -2,5", -2500.0),
        ("-ПК1+20", -120.0), ("ПК-1+20", -120.0), ("ПК −0+50", -50.0), ("-12+50", -1250.0), ("-0+050", -50.0),
        (1250, 1250.0), (12.5, 12.5), ("1250", 1250.0), ("1250,5", 1250.5), ("-3", -3.0), ("1 250,5", 1250.5),
        ("ПК", None), ("ПК+50", None), ("ПК12+", None), ("ПК12-50", None), ("ПК12,5", None), ("ПК12+50-ПК13", None),
        ("от ПК12+50", None), ("", None), (" ", None), (None, None), (True, None), ([12], None), ("12+1e3", None),
        ("ПК" + "9" * 400 + "+50", None), ("ПК1+" + "9" * 400, None),
    ],
)  # fmt: skip
def test_stations_are_metres_from_the_beginning(value: Any, expected: float | None) -> None:
    found = to_station(value)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-9))


@given(st.integers(0, 10**6), st.integers(0, 9_999))
def test_pickets_and_kilometres_of_one_place_agree(pickets: int, centimetres: int) -> None:
    metres = pickets * 100 + centimetres / 100
    assert to_station(f"ПК{pickets}+{centimetres / 100:05.2f}") == pytest.approx(metres)
    assert to_station(f"{int(metres) // 1000}+{metres % 1000:06.2f}") == pytest.approx(metres)


@pytest.mark.parametrize("before", ["-", "ПК", "ПК12+", "12"])
def test_long_runs_of_spaces_cost_nothing(before: str) -> None:
    assert to_station(before + " " * 100_000 + "x") is None
    assert to_number(before + " " * 100_000 + "x") is None

"""The supports of the sample bridge: piles, pile cap, columns, crossbeam and bearings."""

# ruff: noqa: RUF001 - names, marks and steel grades are Russian, as on the drawings

from __future__ import annotations

from speckle2pg.sandbox.bridge.structure import Assembly, Part, Zone

PILES, COLUMNS, BEARINGS = 8, 2, 6
# Each support with its name as its designer wrote it, its kind and its place on the road.
SUPPORTS = (
    ("Опора 1", "ABUTMENT", "ПК12+00"),
    ("Опора 2", "PIER", "ПК12+25"),
    ("Pier 3", "PIER", "ПК12+50"),
    ("Опора 4", "PIER", "ПК12+75"),
    ("Abutment 5", "ABUTMENT", "ПК13+00"),
)


def supports() -> tuple[Zone, ...]:
    """All supports, from the beginning of the bridge to its end."""
    return tuple(
        Zone(f"support-{number}", name, kind, station, _items(number, station))
        for number, (name, kind, station) in enumerate(SUPPORTS, start=1)
    )


def _items(number: int, station: str) -> tuple[Part | Assembly, ...]:
    key = f"support-{number}"
    piles = tuple(_pile(key, number, station, pile) for pile in range(1, PILES + 1))
    cap = Part(
        f"{key}/cap", "IfcFooting", f"Ростверк Р-{number}", f"Р-{number}", "8400X3600X1500", "B30",
        8400.0, 3600.0, 1500.0, 113400.0, station=station,
    )  # fmt: skip
    columns = tuple(_column(key, number, station, column) for column in range(1, COLUMNS + 1))
    return (*piles, cap, *columns, _crossbeam(key, number, station))


def _pile(key: str, number: int, station: str, pile: int) -> Part:
    return Part(
        f"{key}/pile-{pile}", "IfcPile", f"Свая С-{number}.{pile}", f"С-{number}.{pile}", "D1200", "B25",
        18000.0 + 500.0 * number, 1200.0, 1200.0, 50893.8 + 1413.7 * number, station=station,
    )  # fmt: skip


def _column(key: str, number: int, station: str, column: int) -> Part:
    return Part(
        f"{key}/column-{column}", "IfcColumn", f"Стойка СТ-{number}.{column}", f"СТ-{number}.{column}",
        "D1500", "B35", 6200.0 + 300.0 * number, 1500.0, 1500.0, 27390.4 + 1325.4 * number, station=station,
    )  # fmt: skip


def _crossbeam(key: str, number: int, station: str) -> Assembly:
    mark = f"РГ-{number}"
    beam = Part(
        f"{key}/crossbeam/beam", "IfcBeam", f"Ригель {mark}", mark, "11200X1800X1400", "B35",
        11200.0, 1800.0, 1400.0, 70560.0, station=station, assembly_mark=mark,
    )  # fmt: skip
    bearings = tuple(
        Part(
            f"{key}/crossbeam/bearing-{bearing}", "IfcBearing", f"Bearing {number}.{bearing}",
            f"ОЧ-{number}.{bearing}", "RB400X500X99", "09Г2С", 500.0, 400.0, 99.0, 155.4,
            station=station, assembly_mark=mark,
        )
        for bearing in range(1, BEARINGS + 1)
    )  # fmt: skip
    return Assembly(f"{key}/crossbeam", f"Ригель {mark} с опорными частями", mark, (beam, *bearings))

"""The spans of the sample bridge: steel beams, braces, deck slabs, and railings that come later."""

# ruff: noqa: RUF001 - names, marks and steel grades are Russian, as on the drawings

from __future__ import annotations

from speckle2pg.sandbox.bridge.structure import Assembly, Part, Zone

BEAMS, STIFFENERS, BRACES, SLABS, POSTS, RAILS = 6, 7, 8, 8, 10, 2
TEMPORARY_BRACES = 4
DECK_LEVEL = "Проезжая часть"
SPANS = (
    ("Пролёт 1", "ПК12+12.5"),
    ("Пролёт 2", "ПК12+37.5"),
    ("Span 3", "ПК12+62.5"),
    ("Пролёт 4", "ПК12+87.5"),
)


def spans() -> tuple[Zone, ...]:
    """All spans without railings, each with the temporary braces of its assembly."""
    return tuple(
        Zone(f"span-{number}", name, "SUPERSTRUCTURE", station, _items(number, station))
        for number, (name, station) in enumerate(SPANS, start=1)
    )


def railings(number: int, station: str) -> tuple[Assembly, ...]:
    """The railings of a span, left and right."""
    return tuple(
        _railing(f"span-{number}/railing-{side}", f"ПР-{number}{letter}", name, station)
        for side, letter, name in (("left", "Л", "Перила левые"), ("right", "П", "Перила правые"))
    )


def _items(number: int, station: str) -> tuple[Part | Assembly, ...]:
    key = f"span-{number}"
    beams = tuple(_beam(key, number, station, beam) for beam in range(1, BEAMS + 1))
    braces = tuple(
        _brace(f"{key}/brace-{brace}", f"Связь СВ-{number}.{brace}", f"СВ-{number}.{brace}", station)
        for brace in range(1, BRACES + 1)
    )
    temporary = tuple(
        _brace(f"{key}/temporary-{brace}", "Temporary brace", f"T-{number}.{brace}", station)
        for brace in range(1, TEMPORARY_BRACES + 1)
    )
    slabs = tuple(_slab(key, number, station, slab) for slab in range(1, SLABS + 1))
    return (*beams, *braces, *temporary, *slabs)


def _beam(key: str, number: int, station: str, beam: int) -> Assembly:
    mark = f"Б-{number}.{beam}"
    place = f"{key}/beam-{beam}"
    main = Part(
        f"{place}/main", "IfcBeam", f"Балка {mark}", mark, "I1600X20X40X500", "15ХСНД",
        24900.0, 500.0, 1600.0, 13710.0, station=station, assembly_mark=mark,
    )  # fmt: skip
    plates = tuple(
        Part(
            f"{place}/stiffener-{plate}", "IfcPlate", f"Ребро {plate}", f"р{plate}", "PL12X240", "15ХСНД",
            1520.0, 240.0, 12.0, 34.4, station=station, assembly_mark=mark,
        )
        for plate in range(1, STIFFENERS + 1)
    )  # fmt: skip
    return Assembly(place, f"Балка {mark} в сборе", mark, (main, *plates))


def _brace(key: str, name: str, mark: str, station: str) -> Part:
    return Part(key, "IfcMember", name, mark, "L100X100X10", "S355", 2350.0, 100.0, 100.0, 35.5, station=station)


def _slab(key: str, number: int, station: str, slab: int) -> Part:
    return Part(
        f"{key}/slab-{slab}", "IfcSlab", f"Плита П-{number}.{slab}", f"П-{number}.{slab}", "11800X3100X220",
        "B40", 3100.0, 11800.0, 220.0, 20119.0, station=station, level=DECK_LEVEL,
    )  # fmt: skip


def _railing(key: str, mark: str, name: str, station: str) -> Assembly:
    posts = tuple(
        Part(
            f"{key}/post-{post}", "IfcMember", f"Стойка перил {post}", f"сп{post}", "RHS80X80X5", "S235",
            1100.0, 80.0, 80.0, 12.6, phase=2, station=station, assembly_mark=mark,
        )
        for post in range(1, POSTS + 1)
    )  # fmt: skip
    rails = tuple(
        Part(
            f"{key}/rail-{rail}", "IfcRailing", f"Поручень {rail}", f"п{rail}", "CHS60.3X4", "S235",
            24800.0, 60.3, 60.3, 137.7, phase=2, station=station, assembly_mark=mark,
        )
        for rail in range(1, RAILS + 1)
    )  # fmt: skip
    return Assembly(key, f"{name} {mark}", mark, (*posts, *rails))

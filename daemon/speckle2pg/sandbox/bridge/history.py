"""The versions of the sample bridge, with what really changes from each to the next."""

# ruff: noqa: RUF001 - names, marks and steel grades are Russian, as on the drawings

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from speckle2pg.sandbox.bridge.graph import GraphWriter
from speckle2pg.sandbox.bridge.spans import SPANS, railings, spans
from speckle2pg.sandbox.bridge.structure import Assembly, Bridge, Part
from speckle2pg.sandbox.bridge.supports import supports

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "Мост через р. Ольха"


@dataclass(frozen=True, slots=True)
class BridgeVersion:
    """One published state of the sample bridge.

    Attributes:
        message: What its author says of it.
        root_id: The root object's id.
        objects: All objects of the graph by id, the root first.
        elements: How many elements it has: parts, assemblies and spatial ones.
        parts: How many of them are physical parts.
        added, modified, removed, unchanged: Elements against the version before.
    """

    message: str
    root_id: str
    objects: dict[str, bytes]
    elements: int
    parts: int
    added: int
    modified: int
    removed: int
    unchanged: int


def sample_bridge() -> tuple[BridgeVersion, ...]:
    """Four versions of a road bridge with four spans; the same in every call, of any process."""
    first = Bridge(NAME, (*supports(), *spans()))
    second = _progress(first, 1, _first_revision)
    # The third is exported anew and nothing has changed; the fourth goes on from that export.
    fourth = _progress(second, 2, _second_revision)
    states = (
        ("Первая выдача / first issue", first, 1),
        ("Перила пролёта 1, замена стали стоек опоры 2", second, 1),
        ("Повторная выгрузка без изменений", second, 2),
        ("Railings of span 2, deck slabs weighed", fourth, 2),
    )
    versions, before = [], Bridge(NAME, ())
    for number, (message, bridge, export) in enumerate(states):
        versions.append(_version(message, bridge, export, before if number else None))
        before = bridge
    return tuple(versions)


def _version(message: str, bridge: Bridge, export: int, before: Bridge | None) -> BridgeVersion:
    root_id, objects = GraphWriter(export).write(bridge)
    now, then = bridge.rows(), before.rows() if before else {}
    common = now.keys() & then.keys()
    modified = sum(now[key] != then[key] for key in common)
    return BridgeVersion(
        message=message,
        root_id=root_id,
        objects=objects,
        elements=len(now),
        parts=sum(1 for _ in bridge.parts()),
        added=len(now) - len(common),
        modified=modified,
        removed=len(then) - len(common),
        unchanged=len(common) - modified,
    )


def _progress(bridge: Bridge, span: int, revise: Callable[[Part], Part]) -> Bridge:
    """Puts the railings on a span, takes its temporary braces away and revises parts."""
    zones = []
    for zone in bridge.zones:
        items = tuple(_revised(item, revise) for item in zone.items)
        if zone.key == f"span-{span}":
            kept = tuple(item for item in items if "/temporary-" not in item.key)
            items = (*kept, *railings(span, SPANS[span - 1][1]))
        zones.append(replace(zone, items=items))
    return replace(bridge, zones=tuple(zones))


def _revised(item: Part | Assembly, revise: Callable[[Part], Part]) -> Part | Assembly:
    if isinstance(item, Assembly):
        return replace(item, parts=tuple(map(revise, item.parts)))
    return revise(item)


def _first_revision(part: Part) -> Part:
    """Stronger columns of support 2, other marks of the braces of span 2, heavier bearings of pier 3."""
    if part.key.startswith("support-2/column-"):
        return replace(part, grade="B40")
    if part.key.startswith("span-2/brace-"):
        return replace(part, mark=f"{part.mark}а")
    if part.key.startswith("support-3/crossbeam/bearing-"):
        return replace(part, weight=161.8)
    return part


def _second_revision(part: Part) -> Part:
    """Deck slabs of spans 1 and 2 as weighed, main beams of span 3 in their second phase."""
    if part.key.startswith(("span-1/slab-", "span-2/slab-")):
        return replace(part, weight=20344.5)
    if part.key.startswith("span-3/") and part.key.endswith("/main"):
        return replace(part, phase=2)
    return part

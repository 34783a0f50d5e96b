"""Columns of elements from Tekla's v3 connector: a few properties and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speckle2pg.pipeline.extract import kinds
from speckle2pg.pipeline.extract.columns import lookup, units
from speckle2pg.pipeline.extract.columns.source import Columns, Family, Source

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Kind


def _matches(source: Source) -> bool:
    return source.speckle_type.endswith(".TeklaObject")


def _derive(source: Source) -> Columns:
    report = lookup.mapping(source.properties, "Report")
    return Columns(
        element_type=source.type or "TeklaObject",
        element_name=source.name,
        category=source.category,
        level=source.level,
        material=lookup.text(source.properties.get("material")),
        mark=lookup.text(report.get("PART_POS")),
        assembly_mark=lookup.text(report.get("ASSEMBLY_POS")),
        phase=lookup.text(report.get("PHASE")),
        profile=lookup.first_text([(source.properties, "profile"), (report, "PROFILE")]),
        length_m=units.si(report.get("LENGTH"), "length"),
        area_m2=units.si(report.get("AREA"), "area"),
        volume_m3=units.si(report.get("VOLUME"), "volume"),
        # The report's weight is in kilograms whether it says so or not.
        weight_kg=units.si(report.get("WEIGHT"), "weight", fallback="kg"),
    )


def _kind(source: Source) -> Kind | None:
    return kinds.TEKLA.get(source.type or "")


FAMILY = Family("tekla", _matches, _derive, _kind, members=frozenset({"type", "category", "level"}))

"""Columns of all other elements: what any object may say of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speckle2pg.pipeline.extract import kinds
from speckle2pg.pipeline.extract.columns import lookup
from speckle2pg.pipeline.extract.columns.source import Columns, Family, Source

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Kind

MATERIAL_NAMES = ("material", "Material", "materialName", "Material Name")


def derive(source: Source) -> Columns:
    """Return the few columns that can be had; quantities without a known meaning stay in ``properties``."""
    materials = (lookup.named(source.properties.get(name)) for name in MATERIAL_NAMES)
    return Columns(
        element_type=source.speckle_type.rpartition(":")[2].rpartition(".")[2] or None,
        element_name=source.name,
        category=source.category,
        level=source.level,
        material=next((name for name in materials if name is not None), None),
    )


def kind(source: Source) -> Kind | None:
    """Return the kind by the Speckle type, else by the object's own word for its type."""
    return kinds.TYPES.get(source.speckle_type.rpartition(".")[2]) or kinds.TYPES.get(source.type or "")


FAMILY = Family("general", lambda _: True, derive, kind)

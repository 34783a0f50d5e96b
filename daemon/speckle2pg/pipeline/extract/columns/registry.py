"""Which family an element belongs to: the first that knows it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from speckle2pg.pipeline.extract.columns import (
    archicad,
    autocad,
    csi,
    general,
    ifc,
    legacy,
    navisworks,
    revit,
    rhino,
    tekla,
)
from speckle2pg.pipeline.extract.columns.source import Source

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.columns.source import Columns, Family

# A new family is a file of its own and a line here; the general one knows everything, so it is last.
_IFC_AND_V3 = (ifc, tekla, revit, rhino, archicad, navisworks, autocad, csi)
FAMILIES: tuple[Family, ...] = tuple(module.FAMILY for module in (*_IFC_AND_V3, legacy, general))

# The members in which objects name their type, the first present one counts.
TYPE_MEMBERS = ("ifcType", "type")


def family_of(source: Source) -> Family:
    """Return the first family that knows the element."""
    return _family(source.speckle_type, source.type)


@lru_cache(maxsize=4096)
def _family(speckle_type: str, type_: str | None) -> Family:
    # Each element is asked for its family several times, and a model has few types.
    asked = Source(speckle_type, None, None, type_, None, None, {})
    return next(family for family in FAMILIES if family.matches(asked))


def derive(source: Source) -> Columns:
    """Return an element's columns, from a fresh object or from a stored row alike."""
    return family_of(source).derive(source)

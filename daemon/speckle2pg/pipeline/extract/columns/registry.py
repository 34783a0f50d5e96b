"""Which family an element belongs to: the first that knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speckle2pg.pipeline.extract.columns import general, ifc, legacy, revit, tekla

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.columns.source import Columns, Family, Source

# A new family is a file of its own and a line here; the general one knows everything, so it is last.
FAMILIES: tuple[Family, ...] = (ifc.FAMILY, tekla.FAMILY, revit.FAMILY, legacy.FAMILY, general.FAMILY)


# The members in which objects name their type, the first present one counts.
TYPE_MEMBERS = ("ifcType", "type")


def family_of(source: Source) -> Family:
    """Return the first family that knows the element."""
    return next(family for family in FAMILIES if family.matches(source))


def derive(source: Source) -> Columns:
    """Return an element's columns, from a fresh object or from a stored row alike."""
    return family_of(source).derive(source)

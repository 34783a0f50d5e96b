"""Columns of elements from Navisworks' v3 connector.

A NavisworksObject has ``name``, ``path`` (the names above it) and in ``properties`` the property categories
that Navisworks shows, by their shown names, those of "Item" (Name, Type, Material ...) at the top. Lengths,
areas and volumes are ``{"name", "value", "units"}`` in the units of the user interface. What came from Revit
has a category "Element" with Revit's parameters and, where it is known, "builtInCategory".

Source: specklesystems/speckle-sharp-connectors (May 2026), Converters/Navisworks/Speckle.Converters.NavisworksShared,
DataHandlers/BasePropertyHandler.cs, Services/PropertyConversion.cs, DataExtractors/RevitBuiltInCategoryExtractor.cs;
Connectors/Navisworks/Speckle.Connectors.NavisworksShared/Operations/Send/NavisworksRootObjectBuilder.cs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from speckle2pg.pipeline.extract import kinds
from speckle2pg.pipeline.extract.columns import general, lookup, units
from speckle2pg.pipeline.extract.columns.source import Columns, Family, Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from speckle2pg.pipeline.extract.model import Kind


def _matches(source: Source) -> bool:
    return source.speckle_type.endswith(".NavisworksObject")


def _derive(source: Source) -> Columns:
    revit = _revit(source)
    columns = general.derive(source)
    return msgspec.structs.replace(
        columns,
        category=source.category or lookup.text(revit.get("Category")),
        level=source.level or lookup.level_name(revit.get("Level")),
        mark=lookup.text(revit.get("Mark")),
        length_m=units.si(revit.get("Length"), "length"),
        area_m2=units.si(revit.get("Area"), "area"),
        volume_m3=units.si(revit.get("Volume"), "volume"),
    )


def _revit(source: Source) -> Mapping[str, Any]:
    return lookup.mapping(source.properties, "Element")


def _kind(source: Source) -> Kind | None:
    revit = _revit(source)
    stated = (source.properties.get("builtInCategory"), source.category, revit.get("Category"))
    found = (kinds.REVIT.get(lookup.text(name) or "") for name in stated)
    return next((kind for kind in found if kind is not None), None)


FAMILY = Family("navisworks", _matches, _derive, _kind)

"""Columns of elements from Archicad's v3 connector.

An ArchicadObject has ``type`` (the element type: Wall, Zone, BeamSegment ...), ``level`` (the story's name)
and in ``properties`` "Material Quantities" by the name of a building material, composite, profile or surface:
only the first three have a volume. Areas and volumes there carry one unit for both, that of areas, and the
dimensional properties have names in the language of the installation, so that quantities stay null.

Source: specklesystems/speckle-archicad, AddOns/Speckle/Sources/AddOn, Converter/ElementTypeToStringConverter.cpp,
Converter/HostToSpeckle/GetElementMaterialQuantities.cpp and GetElementProperties.cpp, DataTypes/ArchicadObject.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from speckle2pg.pipeline.extract import kinds
from speckle2pg.pipeline.extract.columns import general, lookup
from speckle2pg.pipeline.extract.columns.source import Columns, Family, Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from speckle2pg.pipeline.extract.model import Kind

# Archicad's element types that are not physical; the others are parts.
TYPES = kinds.table(
    {
        "spatial": "Zone",
        "void": "Opening",
        "annotation": "Dimension|RadialDimension|LevelDimension|AngleDimension|Text|Label|Hatch|Line|PolyLine|Arc"
        "|Circle|Spline|Hotspot|CutPlane|Camera|CamSet|SectElem|Drawing|Picture|Detail|Elevation|InteriorElevation"
        "|Worksheet|ChangeMarker",
        "other": "ZombieElem|Group|Hotlink",
    }
)


def _matches(source: Source) -> bool:
    return source.speckle_type.endswith(".ArchicadObject")


def _derive(source: Source) -> Columns:
    columns = general.derive(source)
    return msgspec.structs.replace(columns, material=_material(source.properties) or columns.material)


def _material(properties: Mapping[str, Any]) -> str | None:
    """Return what the element is made of; the paints on its faces have an area and no volume."""
    quantities = lookup.mapping(properties, "Material Quantities")
    bodies = (
        name for name, value in quantities.items() if lookup.number(lookup.mapping(value).get("volume")) is not None
    )
    return "; ".join(sorted(name for name in bodies if name)) or None


def _kind(source: Source) -> Kind | None:
    return TYPES.get(source.type or "")


FAMILY = Family("archicad", _matches, _derive, _kind)

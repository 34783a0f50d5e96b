"""Columns of elements from Rhino's v3 connector.

A RhinoObject has ``name`` (the object's, else its type), ``type`` (Rhino's ObjectType) and in ``properties``
the user strings, with the user dictionary as "User Dictionary"; a layer that is mapped to a Revit category
gives "builtInCategory". Layers are Collections. Nothing of it is a quantity or has a unit.

Source: specklesystems/speckle-sharp-connectors (May 2026), Connectors/Rhino/Speckle.Connectors.RhinoShared,
Operations/Send/RhinoRootObjectBuilder.cs, HostApp/Properties/PropertiesExtractor.cs,
Mapper/Revit/RevitMappingConstants.cs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speckle2pg.pipeline.extract import kinds
from speckle2pg.pipeline.extract.columns import general, lookup
from speckle2pg.pipeline.extract.columns.source import Family, Source

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Kind

# Of Rhino's ObjectTypes; the others are bodies.
TYPES = kinds.table(
    {
        "annotation": "Annotation|TextDot|Detail|Hatch|Grip",
        "other": "Point|PointSet|Curve|Light|Cage|ClipPlane|MorphControl",
    }
)


def _matches(source: Source) -> bool:
    return source.speckle_type.endswith(".RhinoObject")


def _kind(source: Source) -> Kind | None:
    mapped = kinds.REVIT.get(lookup.text(source.properties.get("builtInCategory")) or "")
    return mapped or TYPES.get(source.type or "")


FAMILY = Family("rhino", _matches, general.derive, _kind)

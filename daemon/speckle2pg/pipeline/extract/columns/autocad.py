"""Columns of elements from the v3 connectors of AutoCAD, Civil 3D and Plant 3D.

An AutocadObject has its .NET class as ``type`` and as ``name`` and in ``properties`` "Extension Dictionary"
and "XData"; layers are Collections. A Civil3dObject has a name of its own, and in ``properties`` the members
of its class without units, "Part Data" (pipes and structures: by field, ``{"value", "name", "context",
"units"}``, or bare values in pressure networks) and "Property Sets". Bare numbers are in drawing units that
they do not name, and part data are the dimensions of a catalogue: quantities stay null.

Source: specklesystems/speckle-sharp-connectors (May 2026), Converters/Autocad/Speckle.Converters.AutocadShared,
AutocadRootToSpeckleConverter.cs; Converters/Civil3d/Speckle.Converters.Civil3dShared/ToSpeckle,
TopLevel/CivilEntityToSpeckleTopLevelConverter.cs, Properties/PropertiesExtractor.cs, Properties/PartDataExtractor.cs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from speckle2pg.pipeline.extract import kinds
from speckle2pg.pipeline.extract.columns import general, lookup
from speckle2pg.pipeline.extract.columns.source import Columns, Family, Source

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Kind

# Classes of the managed APIs that are not bodies; the others are parts.
TYPES = kinds.table(
    {
        "spatial": "Site|Parcel|Catchment",
        "annotation": "DBText|MText|AttributeDefinition|AttributeReference|RotatedDimension|AlignedDimension"
        "|ArcDimension|DiametricDimension|RadialDimension|RadialDimensionLarge|OrdinateDimension"
        "|LineAngularDimension2|Point3AngularDimension|Leader|MLeader|Hatch|FeatureControlFrame|Table|Viewport"
        "|Alignment|Profile|ProfileView|Section|SampleLine|FeatureLine|AutoFeatureLine|CogoPoint",
        "other": "Line|Polyline|Polyline2d|Polyline3d|Arc|Circle|Ellipse|Spline|Ray|Xline|DBPoint|RasterImage|Wipeout"
        "|TinSurface|TinVolumeSurface|GridSurface|GridVolumeSurface",
    }
)


def _matches(source: Source) -> bool:
    return source.speckle_type.endswith((".AutocadObject", ".Civil3dObject", ".CivilObject", ".Plant3dObject"))


def _derive(source: Source) -> Columns:
    columns = general.derive(source)
    part = lookup.mapping(source.properties, "Part Data")
    return msgspec.structs.replace(columns, material=columns.material or lookup.text(part.get("Material")))


def _kind(source: Source) -> Kind | None:
    return TYPES.get(source.type or "")


FAMILY = Family("autocad", _matches, _derive, _kind)

"""Columns of elements from the v3 connectors of CSi products (ETABS, SAP2000).

An EtabsObject has ``type`` (JOINT, FRAME, SHELL ...), its unique name as ``name``, and in ``properties``
"Object ID" (Label, Level, Design Orientation), "Assignments" (Section Property, Material, Opening ...) and
"Geometry" (Length, Area, Volume as ``{"name", "value", "units"}``; a volume that cannot be computed is NaN).

Source: specklesystems/speckle-sharp-connectors (May 2026), Converters/CSi, Speckle.Converters.CSiShared
(Utils/Constants.cs, Utils/Enums.cs, Utils/DictionaryExtensions.cs, ToSpeckle/Helpers/CsiFramePropertiesExtractor.cs)
and Speckle.Converters.ETABSShared (ToSpeckle/Helpers/EtabsFramePropertiesExtractor.cs,
EtabsShellPropertiesExtractor.cs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from speckle2pg.pipeline.extract.columns import general, lookup, units
from speckle2pg.pipeline.extract.columns.source import Columns, Family, Source

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Kind

_FRAME, _SHELL, _JOINT = "FRAME", "SHELL", "JOINT"


def _matches(source: Source) -> bool:
    return source.speckle_type.endswith((".EtabsObject", ".CsiObject", ".CSiObject"))


def _derive(source: Source) -> Columns:
    columns = general.derive(source)
    assigned = lookup.mapping(source.properties, "Assignments")
    geometry = lookup.mapping(source.properties, "Geometry")
    stated = lookup.mapping(source.properties, "Object ID")
    return msgspec.structs.replace(
        columns,
        level=source.level or lookup.level_name(stated.get("Level")),
        material=lookup.text(assigned.get("Material")) or columns.material,
        # A shell's section is a slab or wall property: a thickness, no profile.
        profile=lookup.text(assigned.get("Section Property")) if source.type == _FRAME else None,
        length_m=units.si(geometry.get("Length"), "length"),
        area_m2=units.si(geometry.get("Area"), "area"),
        volume_m3=units.si(geometry.get("Volume"), "volume"),
    )


def _kind(source: Source) -> Kind | None:
    if source.type == _JOINT:
        return "other"
    opening = lookup.mapping(source.properties, "Assignments").get("Opening")
    is_opening = source.type == _SHELL and str(opening).casefold() == "true"
    return "void" if is_opening else None


FAMILY = Family("csi", _matches, _derive, _kind)

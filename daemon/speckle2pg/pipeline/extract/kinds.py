"""Tables of kinds: which types of which source are what."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.model import Kind


def table(kinds: dict[Kind, str]) -> dict[str, Kind]:
    """Return the kind by name, from names joined by "|"."""
    return {name: kind for kind, names in kinds.items() for name in names.split("|")}


# Entities of IFC 2x3, 4 and 4.3 that are not physical elements; the many others are parts.
# Source: buildingSMART, IFC 4.3 documentation, https://ifc43-docs.standards.buildingsmart.org/
IFC = table(
    {
        "assembly": "IfcElementAssembly",
        "spatial": "IfcSite|IfcBuilding|IfcBuildingStorey|IfcSpace|IfcZone|IfcSpatialZone"
        "|IfcSpatialStructureElement|IfcExternalSpatialElement|IfcExternalSpatialStructureElement",
        "void": "IfcOpeningElement|IfcOpeningStandardCase|IfcVoidingFeature|IfcEarthworksCut|IfcEdgeFeature"
        "|IfcRoundedEdgeFeature|IfcChamferEdgeFeature",
        "annotation": "IfcGrid|IfcGridAxis|IfcAnnotation|IfcReferent|IfcLinearElement|IfcPositioningElement"
        "|IfcLinearPositioningElement",
        "other": "IfcProject|IfcProxy|IfcPort|IfcDistributionPort|IfcVirtualElement|IfcGroup|IfcSystem"
        "|IfcDistributionSystem|IfcBuildingSystem|IfcBuiltSystem|IfcAsset|IfcInventory|IfcActor|IfcOccupant",
    }
)

# Whole families of IFC entities by the beginning of their names.
IFC_PREFIXES: dict[str, Kind] = {
    "IfcAlignment": "annotation",
    "IfcBridge": "spatial",
    "IfcFacility": "spatial",
    "IfcMarineFacility": "spatial",
    "IfcMarinePart": "spatial",
    "IfcRailway": "spatial",
    "IfcRoad": "spatial",
    "IfcTunnel": "spatial",
    "IfcStructural": "other",
}

# Types of Tekla Structures' open API; all others are parts.
TEKLA = table(
    {
        "assembly": "Assembly|CastUnit|PourUnit",
        "void": "BooleanPart|CutPlane|Fitting|EdgeChamfer|PourBreak",
        "annotation": "Grid|GridLine|GridPlane|RadialGrid|ControlLine|ControlPoint|ControlPlane|ControlCircle"
        "|ControlArc|ControlPolycurve",
        "other": "Component|Connection|Detail|Seam|CustomPart|Task|ReferenceModel|ReferenceModelObject"
        "|LoadPoint|LoadLine|LoadArea|LoadUniform|LoadGroup|LoadTemperature",
    }
)

# Revit's categories: the built-in ones, the same in every language, and as it shows them in English.
REVIT = table(
    {
        "assembly": "OST_Assemblies|Assemblies",
        "spatial": "OST_Levels|OST_Rooms|OST_MEPSpaces|OST_Areas|OST_HVAC_Zones|OST_Site"
        "|Levels|Rooms|Spaces|Areas|HVAC Zones|Site",
        "void": "OST_ShaftOpening|OST_FloorOpening|OST_RoofOpening|OST_CeilingOpening|OST_SWallRectOpening"
        "|OST_ArcWallRectOpening|OST_StructuralFramingOpening|Shaft Openings"
        "|Rectangular Straight Wall Opening|Rectangular Arc Wall Opening|Floor opening cut"
        "|Roof opening cut|Ceiling opening cut",
        "annotation": "OST_Grids|OST_CLines|OST_Lines|OST_TextNotes|OST_Dimensions|OST_Views|OST_Sections"
        "|OST_VolumeOfInterest|OST_GenericAnnotation|OST_DetailComponents|OST_Matchline|OST_SectionBox"
        "|OST_RoomSeparationLines|Grids|Reference Planes|Lines|Text Notes|Dimensions|Views|Sections"
        "|Scope Boxes|Generic Annotations|Detail Items|Matchline|Section Boxes|<Room Separation>",
        "other": "OST_Mass|OST_RvtLinks|OST_Materials|OST_ProjectInformation|OST_AnalyticalMember"
        "|OST_AnalyticalPanel|OST_AnalyticalNodes|Mass|RVT Links|Materials|Project Information"
        "|Analytical Members|Analytical Panels|Analytical Nodes",
    }
)

# The last part of the type's name in v2 objects, and the `type` of other v3 connectors.
TYPES = table(
    {
        "assembly": "Assembly|ElementAssembly",
        "spatial": "Level|RevitLevel|Room|ArchicadRoom|Space|Zone|RevitZone|Area|Site|Building|BuildingStorey|Storey",
        "void": "Opening|RevitOpening|RevitShaft|RevitVerticalOpening|RevitWallOpening|ArchicadOpening|Void",
        "annotation": "Grid|GridLine|RevitGrid|Axis|Alignment|CivilAlignment|Station|Dimension|Text|Hatch"
        "|View|View3D|ModelCurve|DetailCurve|RoomBoundaryLine|SpaceSeparationLine",
    }
)

"""Kinds by type, for each connector's types."""

from __future__ import annotations

import pytest

from speckle2pg.pipeline.extract.classify import kind_of
from speckle2pg.pipeline.extract.columns.source import Source

DATA = "Objects.Data.DataObject"


def source(speckle_type: str, element_type: str | None = None, category: str | None = None, **more: str) -> Source:
    return Source(speckle_type, None, None, element_type, category, None, more)


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        (
            "part",
            "IfcBeam IfcReinforcingBar IfcDiscreteAccessory IfcWallStandardCase IfcRail IfcRailing IfcCourse",
        ),
        (
            "part",
            "IfcBuildingElementProxy IfcBuildingElementPart IfcFastener IfcCovering IfcNewInTheNextSchema",
        ),
        ("assembly", "IfcElementAssembly"),
        (
            "spatial",
            "IfcSite IfcBuilding IfcBuildingStorey IfcSpace IfcZone IfcSpatialZone IfcBridge IfcBridgePart",
        ),
        (
            "spatial",
            "IfcFacility IfcFacilityPartCommon IfcRoad IfcRoadPart IfcRailway IfcRailwayPart IfcTunnelPart",
        ),
        ("void", "IfcOpeningElement IfcVoidingFeature IfcEarthworksCut"),
        ("annotation", "IfcGrid IfcAnnotation IfcAlignment IfcAlignmentSegment IfcReferent"),
        (
            "other",
            "IfcProject IfcProxy IfcDistributionPort IfcStructuralCurveMember IfcSystem IfcVirtualElement",
        ),
    ],
)
def test_ifc_entities_have_their_kinds(kind: str, types: str) -> None:
    for name in types.split():
        assert kind_of(source(DATA, name)) == kind, name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Beam", "part"),
        ("ContourPlate", "part"),
        ("BoltArray", "part"),
        ("SingleRebar", "part"),
        ("Assembly", "assembly"),
        ("BooleanPart", "void"),
        ("CutPlane", "void"),
        ("Grid", "annotation"),
        (None, "part"),
    ],
)
def test_tekla_types_have_their_kinds(name: str | None, kind: str) -> None:
    assert kind_of(source(DATA + ":Objects.Data.TeklaObject", name)) == kind


@pytest.mark.parametrize(
    ("category", "kind"),
    [("Walls", "part"), ("Levels", "spatial"), ("Rooms", "spatial"), ("Grids", "annotation"), (None, "part")],
)
def test_revit_categories_have_their_kinds(category: str | None, kind: str) -> None:
    assert kind_of(source(DATA + ":Objects.Data.RevitObject", "Opening", category)) == kind


def test_revit_built_in_category_counts_in_every_language() -> None:
    level = source(DATA + ":Objects.Data.RevitObject", "8mm", "Ebenen", builtInCategory="OST_Levels")
    assert kind_of(level) == "spatial"


def test_name_of_a_revit_type_says_nothing_of_its_kind() -> None:
    assert kind_of(source(DATA + ":Objects.Data.RevitObject", "IfcGrid", "Walls")) == "part"


@pytest.mark.parametrize(
    ("speckle_type", "kind"),
    [
        ("Objects.BuiltElements.Beam:Objects.BuiltElements.TeklaStructures.TeklaBeam", "part"),
        ("Objects.BuiltElements.Level:Objects.BuiltElements.Revit.RevitLevel", "spatial"),
        ("Objects.BuiltElements.GridLine", "annotation"),
        ("Objects.BuiltElements.Opening:Objects.BuiltElements.Revit.RevitShaft", "void"),
        ("Objects.Structural.Geometry.Element1D", "other"),
        ("Objects.Other.Revit.RevitInstance", "part"),
        ("Objects.Geometry.Mesh", "other"),
        ("Objects.Geometry.Curve", "other"),
        ("Base", "other"),
        (DATA, "part"),
        (DATA + ":Objects.Data.NavisworksObject", "part"),
    ],
)
def test_types_without_a_family_of_their_own_are_parts_where_they_are_built(speckle_type: str, kind: str) -> None:
    assert kind_of(source(speckle_type)) == kind


def test_archicad_zone_is_spatial_by_its_own_word() -> None:
    assert kind_of(source(DATA + ":Objects.Data.ArchicadObject", "Zone", type="Zone")) == "spatial"

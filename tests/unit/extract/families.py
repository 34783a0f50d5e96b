"""Elements as each family of connectors publishes them, by the sources that the families' files name."""

from __future__ import annotations

from typing import Any

DATA = "Objects.Data.DataObject"
V2 = "Objects.BuiltElements."


def quantity(value: Any, units: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": "n", "value": value, **more} | ({"units": units} if units else {})


def of(speckle_type: str, application_id: str | None = "x", /, **members: Any) -> dict[str, Any]:
    return {"speckle_type": speckle_type, "applicationId": application_id, **members}


IFC = of(
    DATA, ifcType="IfcBeam", name="Balk",
    properties={
        "Attributes": {"id": 7, "PredefinedType": "BEAM"},
        "Building Storey": "01 verdieping",
        "Property Sets": {
            "Tekla Common": {"Part mark": "b1", "Assembly mark": "H12", "Phase": 1, "Grade": "S235", "Profile": "HEA"},
            "Tekla Quantity": {"Length": 2116.0, "Width": 1230.0, "Weight": 4.0},
        },
        "Quantities": {"BaseQuantities": {"id": 9, "Width": quantity(1230.0, "Millimetre")}},
    },
)  # fmt: skip
TEKLA = of(
    DATA + ":Objects.Data.TeklaObject", type="Beam", name="BALKON", units="mm",
    properties={
        "profile": "GAL280", "material": "C45/55",
        "Report": {"LENGTH": quantity(2920.0, "mm"), "WEIGHT": quantity(3544.5), "PHASE": quantity(1)},
    },
)  # fmt: skip
REVIT = of(
    DATA + ":Objects.Data.RevitObject", type="Generic - 200mm", family="Basic Wall", category="Walls", level="L1",
    name="Wall", units="mm",
    properties={
        "builtInCategory": "OST_Walls",
        "elementId": "12",
        "Parameters": {
            "Instance Parameters": {
                "Identity Data": {"Marke": {"value": "W-7", "internalDefinitionName": "ALL_MODEL_MARK"}},
            }
        },
        "Material Quantities": {"Brick": {"area": quantity(12.0, "m²"), "volume": quantity(0.1, "m³")},
                                "Gypsum": {"area": quantity(12.0, "m²"), "volume": quantity(0.2, "m³")}},
    },
)  # fmt: skip
RHINO = of(
    DATA + ":Objects.Data.RhinoObject", type="Brep", name="Pier", units="m",
    properties={"Span": "3", "material": "C35", "User Dictionary": {"n": 1.5}},
    rawEncoding={"speckle_type": "Objects.Other.RawEncoding", "contents": "AAAA", "format": "3dm"},
)  # fmt: skip
ARCHICAD = of(
    "Objects.Data.ArchicadObject", type="Wall", level="1. Story", name="Wall", elements=[],
    properties={
        "Material Quantities": {
            "Brick": {"materialName": "Brick", "volume": 2.5, "area": 30.0, "units": "Square Meter"},
            "Paint": {"materialName": "Paint", "area": 12.0, "units": "Square Meter"},
        },
        "Element Properties": {"Classifications": [{"code": "Wall"}]},
    },
)  # fmt: skip
NAVISWORKS = of(
    DATA + ":Objects.Data.NavisworksObject", "0/1/4", name="Basic Wall", units="Meters", path="file > L1",
    properties={
        "Type": "Solid", "Material": "Brick", "builtInCategory": "OST_Walls",
        "Element": {"Category": "Walls", "Level": "L1", "Mark": "W-7", "Area": quantity(12.0, "Square metres"),
                    "Volume": quantity(2.4, "Cubic metres"), "Length": quantity(6000.0, "Millimeters")},
    },
)  # fmt: skip
AUTOCAD = of(
    DATA + ":Objects.Data.AutocadObject", "2A7", type="Solid3d", name="Solid3d", units="mm",
    properties={"XData": {"APP": {"0": "x"}}},
)  # fmt: skip
CIVIL = of(
    DATA + ":Objects.Data.Civil3dObject", "2A8", type="Pipe", name="Pipe - (1)", units="m", elements=[],
    baseCurves=[{"speckle_type": "Objects.Geometry.Line", "length": 3}],
    properties={"slope": 0.01, "Dimensional Properties": {"length2d": 12.0},
                "Part Data": {"Material": {"value": "PVC", "name": "MAT", "context": "Material", "units": ""}}},
)  # fmt: skip
ETABS = of(
    DATA + ":Objects.Data.EtabsObject", type="FRAME", name="17", units="mm", elements=[],
    properties={
        "Object ID": {"Label": "B12", "Level": "Story2", "Design Orientation": "Beam"},
        "Assignments": {"Section Property": "W14X90", "Material": "A992Fy50", "Groups": ["All"]},
        "Geometry": {"Length": quantity(6000.0, "mm"), "Cross-Sectional Area": quantity(17000.0, "mm²"),
                     "Volume": quantity(102000000.0, "mm³")},
    },
)  # fmt: skip
LEGACY = of(
    V2 + "Wall:" + V2 + "Revit.RevitWall", family="Basic Wall", type="Generic", category="Walls", units="m", area=12.0,
    volume=2.5, elementId="12", level=of(V2 + "Level", None, id="l", name="L1", elevation=0),
    baseLine={"speckle_type": "Objects.Geometry.Line", "length": 3},
    materialQuantities=[of("Objects.Other.MaterialQuantity", None, material={"name": "Brick"}, volume=2.5, units="m")],
    parameters=of("Base", None, id="p",
        HOST={"speckle_type": V2 + "Revit.Parameter", "id": "q", "name": "Mark", "value": "W-7", "units": ""},
        ALL_MODEL_MARK={"speckle_type": V2 + "Revit.Parameter", "id": "r", "name": "Mark", "value": "W-8"},
        PHASE_CREATED={"name": "Phase Created", "value": "New"},
        CURVE_ELEM_LENGTH={"name": "Length", "value": 5000, "units": "mm"}),
)  # fmt: skip
PLAIN = of("Base", name="Bollard", category="Street", height=1.25, material={"name": "Iron"})
SHAPE = of("Objects.Geometry.Mesh", units="m", area=2.0, vertices=[1, 2, 3], userStrings={"Pier": "3"})

EVERY = {
    "ifc": IFC,
    "tekla": TEKLA,
    "revit": REVIT,
    "rhino": RHINO,
    "archicad": ARCHICAD,
    "navisworks": NAVISWORKS,
    "autocad": AUTOCAD,
    "civil": CIVIL,
    "etabs": ETABS,
    "legacy": LEGACY,
    "plain": PLAIN,
    "shape": SHAPE,
}

"""The object graph of a bridge, in the shape that Speckle's IFC importer gives it.

Spatial things are Collections whose first child is a DataObject with the same applicationId; parts hang
below `@elements` of their assembly; geometry hangs below `displayValue` and in `definitionGeometry`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from speckle2pg.sandbox.bridge.identifiers import global_id
from speckle2pg.sandbox.bridge.properties import assembly_properties, part_properties, spatial_properties
from speckle2pg.sandbox.bridge.spans import DECK_LEVEL
from speckle2pg.sandbox.bridge.structure import Assembly, Bridge, Part, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable

COLLECTION = "Speckle.Core.Models.Collections.Collection"
DATA_OBJECT = "Objects.Data.DataObject"
MESH = "Objects.Geometry.Mesh"
CHUNK = "Speckle.Core.Models.DataChunk"
INSTANCE = "Speckle.Core.Models.Instances.InstanceProxy"
DEFINITION = "Speckle.Core.Models.Instances.InstanceDefinitionProxy"
LEVEL_PROXY = "Objects.Other.LevelProxy"
BOX_FACES = [4, 0, 1, 2, 3, 4, 4, 5, 6, 7, 4, 0, 1, 5, 4, 4, 1, 2, 6, 5, 4, 2, 3, 7, 6, 4, 3, 0, 4, 7]

Object = dict[str, Any]


@dataclass(slots=True)
class GraphWriter:
    """Writes the objects of one export; ids are hashes of the content, as in Speckle.

    Attributes:
        export: The number of the STEP file: exports differ in STEP ids even where nothing has changed.
        objects: The texts so far, by id.
    """

    export: int
    objects: dict[str, bytes] = field(default_factory=dict)
    _closures: dict[str, dict[str, int]] = field(default_factory=dict)

    def write(self, bridge: Bridge) -> tuple[str, dict[str, bytes]]:
        """The root's id, and all objects with the root first."""
        zones = [self._zone(zone) for zone in bridge.zones]
        whole = self._spatial("bridge", "IfcBridge", bridge.name, zones)
        site = self._spatial("site", "IfcSite", "Undefined", [whole])
        profiles = sorted({part.profile for part in bridge.parts()})
        geometry = self._geometry(profiles)
        root = self._root(bridge, profiles, [site, geometry])
        return root, {root: self.objects[root], **self.objects}

    def _root(self, bridge: Bridge, profiles: list[str], children: list[str]) -> str:
        return self._add(
            {
                "speckle_type": COLLECTION,
                "applicationId": global_id("project"),
                "description": None,
                "elements": references(children),
                "ifcType": "IfcProject",
                "instanceDefinitionProxies": [self._definition(profile) for profile in profiles],
                "levelProxies": [self._level(bridge)],
                "longName": None,
                "name": "Реконструкция дороги",
                "objectType": None,
                "phase": None,
                "renderMaterialProxies": [],
                "version": 3,
            },
            children,
        )

    def _spatial(self, key: str, ifc_type: str, name: str, children: list[str], **place: str) -> str:
        element = self._element(key, ifc_type, name, spatial_properties(key, ifc_type, name, self.export, **place))
        return self._add(
            {
                "speckle_type": COLLECTION,
                "applicationId": global_id(key),
                "elements": references([element, *children]),
                "ifcType": ifc_type,
                "name": name,
            },
            [element, *children],
        )

    def _zone(self, zone: Zone) -> str:
        items = [
            self._assembly(item, zone) if isinstance(item, Assembly) else self._part(item, zone.key)
            for item in zone.items
        ]
        return self._spatial(zone.key, "IfcBridgePart", zone.name, items, kind=zone.kind, station=zone.station)

    def _assembly(self, assembly: Assembly, zone: Zone) -> str:
        parts = [self._part(part, assembly.key) for part in assembly.parts]
        properties = assembly_properties(assembly, zone, self.export)
        return self._element(
            assembly.key, "IfcElementAssembly", assembly.name, properties, elements=parts, empty_elements=True
        )

    def _part(self, part: Part, parent_key: str) -> str:
        place = [
            1.0,
            0.0,
            0.0,
            part.length / 1000,
            0.0,
            1.0,
            0.0,
            0.0,
            0.0,
            0.0,
            1.0,
            0.0,
            0.0,
            0.0,
            0.0,
            1.0,
        ]
        instance = self._add(
            {
                "speckle_type": INSTANCE,
                # The importer gives each instance a fresh id at each send.
                "applicationId": f"{global_id(part.key)}:DEFINITION:{part.profile}:{self.export}",
                "definitionId": f"DEFINITION:{part.profile}",
                "maxDepth": 0,
                "transform": place,
                "units": "m",
            }
        )
        properties = part_properties(part, parent_key, self.export)
        return self._element(part.key, part.ifc_type, part.name, properties, display=[instance], empty_elements=True)

    def _element(
        self,
        key: str,
        ifc_type: str,
        name: str,
        properties: Object,
        *,
        elements: list[str] | None = None,
        display: list[str] | None = None,
        empty_elements: bool = False,
    ) -> str:
        held = {"@elements": references(elements or [])} if empty_elements else {}
        value = {
            "speckle_type": DATA_OBJECT,
            **held,
            "applicationId": global_id(key),
            "displayValue": references(display or []),
            "ifcType": ifc_type,
            "name": name,
            "properties": properties,
        }
        return self._add(value, [*(elements or []), *(display or [])])

    def _geometry(self, profiles: list[str]) -> str:
        meshes = [self._mesh(profile) for profile in profiles]
        value = {
            "speckle_type": COLLECTION,
            "applicationId": None,
            "elements": references(meshes),
            "name": "definitionGeometry",
        }
        return self._add(value, meshes)

    def _mesh(self, profile: str) -> str:
        size = 0.1 + len(profile) / 100
        corners = [(x, y, z) for z in (0.0, size) for x, y in ((0.0, 0.0), (size, 0.0), (size, size), (0.0, size))]
        vertices = self._chunk([number for corner in corners for number in corner])
        faces = self._chunk(BOX_FACES)
        value = {
            "speckle_type": MESH,
            "applicationId": profile,
            "area": 6 * size**2,
            "faces": references([faces]),
            "units": "m",
            "vertices": references([vertices]),
            "volume": size**3,
        }
        return self._add(value, [vertices, faces])

    def _chunk(self, data: list[Any]) -> str:
        return self._add({"speckle_type": CHUNK, "applicationId": None, "data": data})

    def _definition(self, profile: str) -> Object:
        name = f"DEFINITION:{profile}"
        return self._inline(
            {
                "speckle_type": DEFINITION,
                "applicationId": name,
                "maxDepth": 0,
                "name": name,
                "objects": [profile],
            }
        )

    def _level(self, bridge: Bridge) -> Object:
        properties = spatial_properties("deck", "IfcBuildingStorey", DECK_LEVEL, self.export)
        storey = {
            "speckle_type": DATA_OBJECT,
            "@elements": [],
            "applicationId": global_id("deck"),
            "displayValue": [],
            "ifcType": "IfcBuildingStorey",
            "name": DECK_LEVEL,
            "properties": properties,
        }
        on_it = [global_id(part.key) for part in bridge.parts() if part.level == DECK_LEVEL]
        proxy = {"speckle_type": LEVEL_PROXY, "applicationId": global_id("deck"), "objects": on_it}
        return self._inline({**proxy, "value": self._inline(storey)})

    def _add(self, value: Object, children: Iterable[str] = ()) -> str:
        closure: dict[str, int] = {}
        for child in children:
            closure[child] = 1
            for key, depth in self._closures[child].items():
                closure[key] = min(closure.get(key, depth + 1), depth + 1)
        counted = {**value, "totalChildrenCount": len(closure)}
        object_id = content_id(counted)
        stored = {"id": object_id, **counted, **({"__closure": closure} if closure else {})}
        self.objects[object_id] = msgspec.json.encode(stored)
        self._closures[object_id] = closure
        return object_id

    @staticmethod
    def _inline(value: Object) -> Object:
        counted = {**value, "totalChildrenCount": 0}
        return {"id": content_id(counted), **counted}


def references(object_ids: Iterable[str]) -> list[dict[str, str]]:
    """References to detached objects."""
    return [{"referencedId": object_id, "speckle_type": "reference"} for object_id in object_ids]


def content_id(value: Object) -> str:
    """An id of 32 hexadecimal digits that depends on the content alone."""
    text = msgspec.json.encode(value, order="sorted")
    return hashlib.md5(text, usedforsecurity=False).hexdigest()

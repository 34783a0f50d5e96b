"""Object graphs made for a test: a root, storeys, and beams with properties and geometry."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

_COLLECTION = "Speckle.Core.Models.Collections.Collection"


class Graph:
    """Objects by the hash of their content, as Speckle keeps them."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.root = ""

    def put(self, **members: Any) -> dict[str, str]:
        """Adds an object and gives a reference to it."""
        text = json.dumps(members, ensure_ascii=False, sort_keys=True)
        object_id = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        self.objects[object_id] = json.dumps({"id": object_id, **members}, ensure_ascii=False).encode()
        self.root = object_id
        return {"speckle_type": "reference", "referencedId": object_id}


def storeys_of_beams(count: int, *, storeys: int = 10, values: int = 40, tag: str = "") -> Graph:
    """A graph of `count` beams with `values` properties each, spread over storeys; every beam has a mesh."""
    graph = Graph()
    levels = [
        graph.put(
            speckle_type=_COLLECTION,
            name=f"Storey {storey}",
            elements=[_beam(graph, number, values, tag) for number in range(storey, count, storeys)],
        )
        for storey in range(storeys)
    ]
    graph.put(speckle_type=_COLLECTION, name="Building", elements=levels)
    return graph


def _beam(graph: Graph, number: int, values: int, tag: str) -> dict[str, str]:
    mesh = graph.put(speckle_type="Objects.Geometry.Mesh", vertices=[number + offset / 7 for offset in range(30)])
    return graph.put(
        speckle_type="Objects.Data.DataObject",
        applicationId=str(uuid.UUID(int=number + 1)),
        ifcType="IfcBeam",
        name=f"Beam {number}",
        displayValue=[mesh],
        properties={
            "Property Sets": {"Pset_Test": {f"value {i}": f"{tag} text {number} {i}" * 2 for i in range(values)}}
        },
    )

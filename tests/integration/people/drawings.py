"""What a published object graph says of its parts, read from its texts and by other code than the daemon's."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$"
_NO_PARTS = {"IfcSite", "IfcBridge", "IfcBridgePart", "IfcElementAssembly"}

Texts = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part as its drawing states it; lengths in millimetres, weights in kilograms.

    Attributes:
        zone: The support or the span that it belongs to.
        assembly: The assembly around it.
        station: Its place on the road, as a picket and metres.
    """

    guid: uuid.UUID
    ifc_type: str
    mark: str
    profile: str
    grade: str
    level: str | None
    phase: int
    zone: str
    assembly: uuid.UUID | None
    station: str
    length: float
    weight: float


def pieces(root_id: str, objects: Mapping[str, bytes | Mapping[str, Any]]) -> dict[uuid.UUID, Piece]:
    """The parts of a graph by guid."""
    return {piece.guid: piece for piece in _below(root_id, objects, "", None)}


def _below(
    key: str, objects: Mapping[str, bytes | Mapping[str, Any]], zone: str, assembly: uuid.UUID | None
) -> Iterator[Piece]:
    text = objects[key]
    thing: Mapping[str, Any] = json.loads(text) if isinstance(text, bytes) else text
    ifc_type = thing.get("ifcType")
    if thing["speckle_type"] == "Objects.Data.DataObject":
        guid = expanded(thing["applicationId"])
        if ifc_type not in _NO_PARTS:
            yield _piece(thing, guid, zone, assembly)
        elif ifc_type == "IfcElementAssembly":
            assembly = guid
    elif thing["name"] == "definitionGeometry":
        return
    else:
        zone = thing["name"]
    for child in [*thing.get("elements", ()), *thing.get("@elements", ())]:
        yield from _below(child["referencedId"], objects, zone, assembly)


def _piece(thing: Mapping[str, Any], guid: uuid.UUID, zone: str, assembly: uuid.UUID | None) -> Piece:
    sets = thing["properties"]["Property Sets"]
    tekla, quantity = sets["Tekla Common"], sets["Tekla Quantity"]
    return Piece(
        guid=guid,
        ifc_type=thing["ifcType"],
        mark=tekla["Part mark"],
        profile=tekla["Profile"],
        grade=tekla["Grade"],
        level=thing["properties"].get("Building Storey"),
        phase=tekla["Phase"],
        zone=zone,
        assembly=assembly,
        station=sets["Мост"]["Пикет"],
        length=quantity["Length"],
        weight=quantity["Weight"],
    )


def expanded(global_id: str) -> uuid.UUID:
    """The UUID that an IFC GlobalId is written for."""
    number = 0
    for digit in global_id:
        number = number * 64 + _DIGITS.index(digit)
    return uuid.UUID(int=number)

"""A small building that changes at random, the same for the same seed."""

from __future__ import annotations

import random
import uuid
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration.pipeline.bench import COLLECTION, DATA_OBJECT

if TYPE_CHECKING:
    from integration.pipeline.bench import Thing

_COLLECTIONS = 3


def key(number: int) -> str:
    """An applicationId that is a guid."""
    return str(uuid.UUID(int=number))


@dataclass(slots=True)
class _Beam:
    number: int
    place: int
    value: float = 1.0
    name: str = "beam"
    level: str | None = None
    host: int | None = None
    twin: bool = False
    extra: dict[str, object] | None = None


class Building:
    """Beams in Collections, on storeys, in assemblies, on levels, doubled; each step changes some of it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._names = [f"Collection {place}" for place in range(_COLLECTIONS)]
        self._beams = [_Beam(number, number % _COLLECTIONS) for number in range(6)]
        self._gone: list[_Beam] = []
        self._storey = 0
        self._noise = 0

    def step(self) -> None:
        """Some changes, or none but noise."""
        for _ in range(self.random.randrange(4)):
            self.random.choice(
                (self._add, self._remove, self._bring_back, self._edit, self._edit, self._move, self._rename)
            )()
        if self.random.random() < 0.5:
            self._noise += 1
        if self.random.random() < 0.3:
            # An export that gives its storeys new guids.
            self._storey += 1

    def tree(self) -> Thing:
        """The building as it is now."""
        collections = [
            {"speckle_type": COLLECTION, "applicationId": None, "name": name, "elements": self._below(place)}
            for place, name in enumerate(self._names)
        ]
        levels = {beam.level for beam in self._beams if beam.level}
        proxies = [
            {
                "speckle_type": "Objects.Other.LevelProxy",
                "value": {"name": level},
                "objects": [key(100 + beam.number) for beam in self._beams if beam.level == level],
            }
            for level in sorted(levels)
        ]
        return {
            "speckle_type": COLLECTION,
            "applicationId": None,
            "name": "Building",
            "levelProxies": proxies,
            "elements": deepcopy(collections),
        }

    def _below(self, place: int) -> list[Thing]:
        here = [beam for beam in self._beams if beam.place == place]
        hosts = {
            0: self._thing(1000 * (self._storey + 1) + place, "storey", "IfcBuildingStorey", {}),
            1: self._thing(500 + place, "assembly", "IfcElementAssembly", {}),
        }
        for number, host in hosts.items():
            host["elements"] = [thing for beam in here if beam.host == number for thing in self._things(beam)]
        return [*hosts.values(), *(thing for beam in here if beam.host is None for thing in self._things(beam))]

    def _things(self, beam: _Beam) -> list[Thing]:
        sets: Thing = {"P": {"width": beam.value * (1 + 1e-8 * self._noise), **(beam.extra or {})}}
        one = self._thing(100 + beam.number, beam.name, None, sets)
        if not beam.twin:
            return [one]
        return [one, self._thing(100 + beam.number, beam.name, None, {"P": {"width": beam.value + 1000}}), one]

    def _thing(self, number: int, name: str, ifc_type: str | None, sets: Thing) -> Thing:
        properties = {
            "Attributes": {"id": self._noise, "Tag": "T"},
            "Element Type Attributes": {"GlobalId": f"type {self._noise}"},
            "Property Sets": sets,
        }
        thing: Thing = {
            "speckle_type": DATA_OBJECT,
            "applicationId": key(number),
            "name": name,
            "properties": properties,
        }
        return {**thing, "ifcType": ifc_type} if ifc_type else thing

    def _pick(self) -> _Beam:
        return self.random.choice(self._beams) if self._beams else _Beam(0, 0)

    def _add(self) -> None:
        numbers = {beam.number for beam in (*self._beams, *self._gone)}
        self._beams.append(_Beam(len(numbers), self.random.randrange(_COLLECTIONS)))

    def _remove(self) -> None:
        if self._beams:
            self._gone.append(self._beams.pop(self.random.randrange(len(self._beams))))

    def _bring_back(self) -> None:
        if self._gone:
            self._beams.append(self._gone.pop(self.random.randrange(len(self._gone))))

    def _edit(self) -> None:
        beam = self._pick()
        match self.random.randrange(5):
            case 0:
                beam.value = float(self.random.randrange(1, 4))
            case 1:
                beam.name = self.random.choice(("beam", "Балка", "梁"))
            case 2:
                beam.level = self.random.choice((None, "L1", "L2"))
            case 3:
                beam.twin = not beam.twin
            case _:
                extras: tuple[dict[str, object] | None, ...] = (None, {"a.b": "x"}, {"a.b": "y", "n": 2.5})
                beam.extra = self.random.choice(extras)

    def _move(self) -> None:
        beam = self._pick()
        beam.place = self.random.randrange(_COLLECTIONS)
        beam.host = self.random.choice((None, 0, 1))

    def _rename(self) -> None:
        self._names[self.random.randrange(_COLLECTIONS)] = f"Collection {self.random.randrange(5)}"

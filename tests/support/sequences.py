"""Random sequences of versions of a small building, as the same seed makes them again."""

from __future__ import annotations

import random
import uuid
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from integration.pipeline.bench import COLLECTION, DATA_OBJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOREYS = 3
_CHANGES = 4


@dataclass(slots=True)
class _Beam:
    number: int
    storey: int
    value: float
    noise: int = 1
    parts: list[int] = field(default_factory=list)
    twin: float | None = None


class Building:
    """A building that changes at random: elements come, go, return, change, move, are doubled; storeys are renamed.

    Application ids are UUIDs, so that guids are the same in every project.

    Args:
        seed: Which building.
        noise: Whether what no reader of the building sees differs too from version to version.
    """

    def __init__(self, seed: int, *, noise: bool = True) -> None:
        self._random = random.Random(seed)
        self._noise = noise
        self._storeys = [f"Storey {number}" for number in range(_STOREYS)]
        self._beams = [self._beam(number) for number in range(4)]
        self._gone: list[_Beam] = []
        self._next = 4

    def versions(self, count: int) -> Iterator[dict[str, Any]]:
        """Trees of successive versions; now and then one is all noise, or the same again."""
        yield self.tree()
        for _ in range(count - 1):
            for _ in range(self._random.randrange(_CHANGES)):
                self._random.choice((self._add, self._remove, self._return, self._change, self._move, self._rename))()
            if self._random.random() < 0.5 and self._noise:
                for beam in self._beams:
                    beam.noise += 1
                    beam.value *= 1 + 1e-8
            yield self.tree()

    def tree(self) -> dict[str, Any]:
        """The building as a tree of things."""
        storeys = [
            {
                "speckle_type": COLLECTION,
                "name": name,
                "applicationId": str(uuid.UUID(int=9000 + place)),
                "elements": [thing for beam in self._beams if beam.storey == place for thing in self._things(beam)],
            }
            for place, name in enumerate(self._storeys)
        ]
        root = {"speckle_type": COLLECTION, "name": "Building", "applicationId": str(uuid.UUID(int=8999))}
        return deepcopy({**root, "elements": storeys})

    def _things(self, beam: _Beam) -> list[dict[str, Any]]:
        parts = [self._thing(number, 1.0, beam.noise) for number in beam.parts]
        things = [{**self._thing(beam.number, beam.value, beam.noise), **({"elements": parts} if parts else {})}]
        if beam.twin is not None:
            things.append(self._thing(beam.number, beam.twin, beam.noise))
        return things

    @staticmethod
    def _thing(number: int, value: float, noise: int) -> dict[str, Any]:
        return {
            "speckle_type": DATA_OBJECT,
            "applicationId": str(uuid.UUID(int=number + 1)),
            "name": f"Beam {number}",
            "ifcType": "IfcElementAssembly" if number % 3 == 0 else "IfcBeam",
            "properties": {"Attributes": {"id": noise}, "Property Sets": {"P": {"value": value}}},
        }

    def _beam(self, number: int) -> _Beam:
        return _Beam(number, self._random.randrange(_STOREYS), float(self._random.randrange(1, 4)))

    def _add(self) -> None:
        self._beams.insert(self._random.randrange(len(self._beams) + 1), self._beam(self._next))
        self._next += 1

    def _remove(self) -> None:
        if self._beams:
            self._gone.append(self._beams.pop(self._random.randrange(len(self._beams))))

    def _return(self) -> None:
        if self._gone:
            self._beams.append(self._gone.pop(self._random.randrange(len(self._gone))))

    def _change(self) -> None:
        if not self._beams:
            return
        beam = self._random.choice(self._beams)
        beam.value = float(self._random.randrange(1, 4))
        beam.twin = self._random.choice((None, None, beam.value + 1))
        beam.parts = self._random.choice((beam.parts, [1000 + beam.number], []))

    def _move(self) -> None:
        if self._beams:
            self._random.choice(self._beams).storey = self._random.randrange(_STOREYS)

    def _rename(self) -> None:
        self._storeys[self._random.randrange(_STOREYS)] = f"Storey {self._random.randrange(6)}"

"""What a bridge is made of: zones (supports and spans) holding parts and assemblies.

Lengths are in millimetres, weights in kilograms, as Tekla gives them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

STEEL_DENSITY = 7850.0
CONCRETE_DENSITY = 2500.0


@dataclass(frozen=True, slots=True)
class Part:
    """One physical part; `key` is its identity through all versions."""

    key: str
    ifc_type: str
    name: str
    mark: str
    profile: str
    grade: str
    length: float
    width: float
    height: float
    weight: float
    phase: int = 1
    station: str = ""
    assembly_mark: str = ""
    level: str | None = None

    @property
    def volume(self) -> float:
        """Cubic metres, from the weight and the density of the material."""
        density = CONCRETE_DENSITY if self.grade.startswith("B") else STEEL_DENSITY
        return round(self.weight / density, 6)


@dataclass(frozen=True, slots=True)
class Assembly:
    """Parts that come to the site as one."""

    key: str
    name: str
    mark: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """A support or a span; `kind` is the PredefinedType of an IfcBridgePart."""

    key: str
    name: str
    kind: str
    station: str
    items: tuple[Part | Assembly, ...]


@dataclass(frozen=True, slots=True)
class Bridge:
    """The whole bridge."""

    name: str
    zones: tuple[Zone, ...]

    def parts(self) -> Iterator[Part]:
        """All parts, within assemblies or not."""
        for zone in self.zones:
            for item in zone.items:
                yield from item.parts if isinstance(item, Assembly) else (item,)

    def rows(self) -> dict[str, tuple[Any, ...]]:
        """What every element is, by key: equal tuples mean that nothing has really changed."""
        found: dict[str, tuple[Any, ...]] = {"site": ("IfcSite",), "bridge": ("IfcBridge", self.name)}
        for zone in self.zones:
            found[zone.key] = ("IfcBridgePart", zone.name, zone.kind, zone.station)
            for item in zone.items:
                if isinstance(item, Assembly):
                    found[item.key] = ("IfcElementAssembly", item.name, item.mark, zone.key)
                    found.update({part.key: (part, item.key) for part in item.parts})
                else:
                    found[item.key] = (item, zone.key)
        return found

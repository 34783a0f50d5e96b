"""What columns are derived from, what they are, and what a family of connectors is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from speckle2pg.pipeline.extract.model import Kind


class Source(msgspec.Struct, frozen=True):
    """An element as its object says it: all that its columns are derived from.

    Everything here is in the stored row too (``type`` and ``name`` in ``element_type`` and
    ``element_name``, ``speckle_type`` in ``properties``), so that columns can be derived again without
    Speckle, with the same result.
    """

    speckle_type: str
    application_id: str | None
    name: str | None
    type: str | None
    category: str | None
    level: str | None
    properties: Mapping[str, Any]


class Columns(msgspec.Struct, frozen=True, gc=False):
    """The derived columns; lengths in m, areas in m², volumes in m³, weights in kg.

    An empty ``category`` means none, and none from the Collections around either.
    """

    element_type: str | None = None
    element_name: str | None = None
    category: str | None = None
    level: str | None = None
    material: str | None = None
    mark: str | None = None
    assembly_mark: str | None = None
    phase: str | None = None
    profile: str | None = None
    length_m: float | None = None
    area_m2: float | None = None
    volume_m3: float | None = None
    weight_kg: float | None = None


class Family(msgspec.Struct, frozen=True):
    """One connector's way to lay out elements.

    ``matches`` looks at the Speckle type and the type alone. ``kind`` is None where the family's tables do
    not name the element. ``members`` are the object's own members that its columns hold, and that
    ``properties`` therefore leaves out.
    """

    name: str
    matches: Callable[[Source], bool]
    derive: Callable[[Source], Columns]
    kind: Callable[[Source], Kind | None]
    members: frozenset[str] = frozenset({"category", "level"})

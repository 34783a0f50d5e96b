"""What an object is: a container, nothing of ours, or an element of some kind. All by tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speckle2pg.pipeline.extract.columns import registry
from speckle2pg.pipeline.extract.members import is_shape

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.columns.source import Source
    from speckle2pg.pipeline.extract.model import Kind

_CORE = "Speckle.Core.Models."
_COLLECTIONS = _CORE + "Collections."

# Looks, definitions and chunks of arrays: objects that serve others.
_SERVANTS = (
    *(_CORE + "DataChunk", _CORE + "Instances.", "Objects.Other.RenderMaterial", "Objects.Other.Transform"),
    *("Objects.Other.DisplayStyle", "Objects.Other.BlockDefinition"),
)
_SERVANT_SUFFIX = "Proxy"

# Connectors of building models: what they publish is physical unless a table says otherwise.
_BUILDING_ORIGINS = ("Objects.Data.", "Objects.BuiltElements.", "Objects.Other.Revit.")

# Collections of the meshes that instances share: Revit's connector and the IFC importer, Navisworks' connector.
DEFINITION_GEOMETRIES = frozenset({"definitionGeometry", "Geometry Definitions"})


def is_collection(speckle_type: str) -> bool:
    """Tell whether a type, a chain with ":" between its parts, is a Collection of any vintage."""
    return any(
        part.startswith(_COLLECTIONS) or (part.startswith(_CORE) and "Collection" in part.rpartition(".")[2])
        for part in speckle_type.split(":")
    )


def is_servant(speckle_type: str) -> bool:
    """Tell whether a type is a proxy, a look or a chunk: never an element."""
    last = speckle_type.rpartition(":")[2]
    return last.endswith(_SERVANT_SUFFIX) or last.startswith(_SERVANTS)


def is_container(speckle_type: str, *, is_root: bool) -> bool:
    """Tell whether an object only holds elements: a Collection, or a root that is no typed object."""
    return is_collection(speckle_type) or (is_root and not speckle_type.startswith("Objects."))


def kind_of(source: Source) -> Kind:
    """Return the kind of an element, by the tables of its family.

    What no table names is a part where it comes from a connector of building models, and other where it
    is a bare shape or anything at all.
    """
    kind = registry.family_of(source).kind(source)
    if kind is not None:
        return kind
    if is_shape(source.speckle_type):
        return "other"
    return "part" if source.speckle_type.startswith(_BUILDING_ORIGINS) else "other"

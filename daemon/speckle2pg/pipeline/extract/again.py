"""From an element's source to its columns, kind and hash: the same for a fresh object and for a stored row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from speckle2pg.pipeline.extract import canonical, classify
from speckle2pg.pipeline.extract.columns import lookup, registry
from speckle2pg.pipeline.extract.columns.source import Columns, Source
from speckle2pg.pipeline.extract.members import plain_member, stored_speckle_type
from speckle2pg.pipeline.extract.model import Kind


class Derived(msgspec.Struct, frozen=True):
    """What follows from an element's source; ``own_hash`` is 16 bytes."""

    columns: Columns
    kind: Kind
    own_hash: bytes


class Stored(msgspec.Struct, frozen=True):
    """What the database holds of an element: its row, and its own category and level from the tree."""

    application_id: str | None
    element_type: str | None
    element_name: str | None
    own_category: str | None
    own_level: str | None
    properties: Mapping[str, Any]


def derive(source: Source) -> Derived:
    """Return what follows from an element's source."""
    columns = registry.derive(source)
    own_hash = canonical.own_hash(source.application_id, columns, source.properties)
    return Derived(columns, classify.kind_of(source), own_hash)


def derive_again(stored: Stored) -> Derived:
    """Return what follows from a stored element, as if its object had just been read."""
    return derive(_source(stored))


def type_of(properties: Mapping[str, Any]) -> str | None:
    """Return the type that stored members name; it may stand in a column instead."""
    named = (plain_member(properties, name) for name in registry.TYPE_MEMBERS)
    found = (lookup.text(value) for value in named if not isinstance(value, dict))
    return next((text for text in found if text is not None), None)


def _source(stored: Stored) -> Source:
    source = Source(
        speckle_type=stored_speckle_type(stored.properties),
        application_id=stored.application_id,
        name=stored.element_name,
        type=stored.element_type,
        category=stored.own_category,
        level=stored.own_level,
        properties=stored.properties,
    )
    if registry.family_of(source).members.isdisjoint(registry.TYPE_MEMBERS):
        # The members that name the type are among the properties, and the column may say something else.
        return msgspec.structs.replace(source, type=type_of(stored.properties))
    return source

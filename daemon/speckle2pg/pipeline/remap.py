"""Derives columns and attributes again from what is stored, without Speckle, where the rules have changed.

The rules are this program's (`CANONICAL_VERSION`) and the project's own (`attribute_map`). It is no modification:
nobody changed the building. Rows made by other rules cannot be compared by hash, so each sync makes sure of it first.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from speckle2pg.errors import ConfigurationError
from speckle2pg.pipeline.extract.again import Stored, derive_again
from speckle2pg.pipeline.extract.canonical import CANONICAL_VERSION, content_hash

if TYPE_CHECKING:
    from speckle2pg.pipeline.extract.attributes import AttributeMap
    from speckle2pg.store.database import Database, Row, Transaction

log = structlog.get_logger()

_CHUNK = 500
"""Rows that are derived and copied at once."""


@dataclass(frozen=True, slots=True)
class Remapped:
    """What came of deriving a model's rows again: rows in all, and those of which people see a difference."""

    rows: int = 0
    changed: int = 0


def derivation(attributes: AttributeMap, *, separate: bool) -> str:
    """By which rules rows are made now, kept in `models.derivation`: canonical version, identity, attributes."""
    return f"{CANONICAL_VERSION}:{'separate' if separate else 'shared'}:{attributes.digest}"


def is_separate(stored: str | None) -> bool:
    """Whether rows were given guids that are kept apart from those of the model's copies."""
    return (stored or "").split(":")[1:2] == ["separate"]


def check_not_newer(stored: str | None) -> None:
    """Refuses rows that a newer program made: this one would take its own reading of them for changes.

    Raises:
        ConfigurationError: They are.
    """
    version = int((stored or "0").partition(":")[0])
    if version > CANONICAL_VERSION:
        raise ConfigurationError(
            f"a newer speckle2pg derived the stored rows (by canonical version {version}, this one knows "
            f"{CANONICAL_VERSION}): upgrade this one"
        )


async def remap(database: Database, project_id: str, model_id: str, attributes: AttributeMap) -> Remapped:
    """Derives all rows of a model again, in one transaction that holds off loads and no readers.

    Raises:
        ConfigurationError: A newer program derived them.
    """
    key = {"project_id": project_id, "model_id": model_id}
    async with database.transaction() as tx:
        held = await tx.one("hold_model", **key)
        if held is None:
            return Remapped()
        check_not_newer(held["derivation"])
        await tx.do("make_derived")
        await tx.one("plan_for_whole_models")
        await _derive(tx, key, attributes)
        row = await tx.one("write_derived", **key, canonical_version=CANONICAL_VERSION) or {}
        await tx.do("write_derived_tree", **key)
        # The guids are what they were.
        kept = derivation(attributes, separate=is_separate(held["derivation"]))
        await tx.do("record_derivation", **key, derivation=kept)
    done = Remapped(row.get("derived", 0), row.get("changed", 0))
    log.info("rows derived again", project=project_id, model=model_id, rows=done.rows, changed=done.changed)
    return done


async def _derive(tx: Transaction, key: dict[str, Any], attributes: AttributeMap) -> None:
    chunk: list[Row] = []
    async for row in tx.stream("rows_to_derive", **key):
        chunk.append(row)
        if len(chunk) == _CHUNK:
            await tx.copy("copy_derived", await asyncio.to_thread(_derived, chunk, attributes))
            chunk = []
    await tx.copy("copy_derived", await asyncio.to_thread(_derived, chunk, attributes))


def _derived(rows: list[Row], attributes: AttributeMap) -> list[tuple[Any, ...]]:
    """In a thread: rows may be large, and the event loop has others to serve."""
    return [_derived_row(row, attributes) for row in rows]


def _derived_row(row: Row, attributes: AttributeMap) -> tuple[Any, ...]:
    stored = Stored(
        application_id=row["application_id"],
        element_type=row["element_type"],
        element_name=row["element_name"],
        # Where the tree no longer holds the object, its row is all there is.
        own_category=row["own_category"] if row["placed"] else row["category"],
        own_level=row["own_level"] if row["placed"] else row["level"],
        properties=row["properties"],
    )
    now = derive_again(stored)
    columns = now.columns
    category = _category(row, columns.category)
    level = columns.level if row["level"] == stored.own_level else row["level"]
    place = (category, level, row["path"])
    return (
        row["guid"],
        now.kind,
        columns.category,
        columns.level,
        now.own_hash,
        category,
        level,
        columns.element_type,
        columns.element_name,
        columns.material,
        columns.mark,
        columns.assembly_mark,
        columns.phase,
        columns.profile,
        columns.length_m,
        columns.area_m2,
        columns.volume_m3,
        columns.weight_kg,
        msgspec.json.encode(attributes.pick(stored.properties)).decode(),
        content_hash(now.own_hash, *place, row["parent_guid"]),
        content_hash(now.own_hash, *place, None),
    )


def _category(row: Row, own: str | None) -> str | None:
    """As `tree.walk` has it: its own, else the nearest named Collection's; an empty one is none."""
    if own is not None:
        return own or None
    return row["path"][-1] if row["path"] else None

"""In which order the versions of a model are replayed, decided by pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from speckle2pg.speckle.model import Version

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from speckle2pg.store.database import Row


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a model's history.

    Attributes:
        version: What the model shows after it; None where nothing was left.
        was: The seq at which it was really applied; None for a version that never was.
        removed_reason: Why nothing was left.
        at: When nothing was left.
    """

    version: Version | None
    was: int | None = None
    removed_reason: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a replay does.

    Attributes:
        start: The seq after which it begins; what was until then stays as it is.
        told: Whether the state at `start` can be told from the rows; else the replay begins with nothing.
        base: The version that the model showed at `start`.
        entries: What follows.
    """

    start: int
    told: bool
    base: Version | None
    entries: tuple[Entry, ...]


def plan_replay(
    applications: Sequence[Row],
    candidates: Sequence[Row],
    *,
    history_seq: int,
    since: datetime | None = None,
) -> Timeline | None:
    """Puts versions among what was really applied; None where nothing is to be replayed.

    A version stands before the first application of one that is newer, by (created_at, id). Applications before
    `history_seq` are replayed as well: their states can not be told from the rows.

    Args:
        applications: What was applied, in order: rows of the query `applications`.
        candidates: Versions that the server lists, older than the one shown, oldest first: rows of the query
            `replayable_versions`.
        history_seq: The first seq whose state can be told.
        since: Versions created before this moment are left alone.
    """
    wanted = [_version(row) for row in candidates if since is None or row["created_at"] >= since]
    told = {row["version_id"] for row in applications if row["seq"] >= history_seq}
    lost = {row["version_id"] for row in applications} - told
    replayed = {version.id for version in wanted if version.id in lost}
    entries = _merge([_entry(row) for row in applications], [item for item in wanted if item.id not in told | lost])
    first = next((place for place, entry in enumerate(entries) if _is_wanted(entry, replayed)), None)
    if first is None:
        return None
    start = max((entry.was for entry in entries[:first] if entry.was is not None), default=0)
    base = entries[first - 1].version if start and start >= history_seq else None
    return Timeline(start, 0 < history_seq <= start, base, tuple(entries[first:]))


def _is_wanted(entry: Entry, replayed: Collection[str]) -> bool:
    return entry.version is not None and (entry.was is None or entry.version.id in replayed)


def _merge(applied: Sequence[Entry], fresh: Sequence[Version]) -> list[Entry]:
    waiting = list(fresh)
    merged: list[Entry] = []
    for entry in applied:
        while entry.version is not None and waiting and waiting[0].order < entry.version.order:
            merged.append(Entry(waiting.pop(0)))
        merged.append(entry)
    return merged


def _entry(row: Row) -> Entry:
    if row["version_id"] is None:
        return Entry(None, row["seq"], row["removed_reason"], row["at"])
    version = Version(row["version_id"], row["at"], row["root_object_id"], row["source_application"])
    return Entry(version, row["seq"])


def _version(row: Row) -> Version:
    return Version(row["id"], row["created_at"], row["root_object_id"], row["source_application"])

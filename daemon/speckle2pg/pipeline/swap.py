"""Puts what a replay made in the place of what was there: one transaction, and only what differs is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from speckle2pg.errors import RequestError, StalePlanError
from speckle2pg.pipeline.stored import lock_model

if TYPE_CHECKING:
    from speckle2pg.pipeline.plan import Cursor
    from speckle2pg.pipeline.task import Task
    from speckle2pg.pipeline.timeline import Entry, Timeline
    from speckle2pg.store.database import Transaction


@dataclass(slots=True)
class Backfilled:
    """What came of a model.

    Attributes:
        replayed: Versions that are in the history now and were not, oldest first.
        left_out: Versions that cannot be read, with the reason.
        former_images: By how many former images the history grew.
        changed: Rows of present and removed elements that are different now, in their times at least.
        seq: The model's seq now.
    """

    replayed: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    former_images: int = 0
    changed: int = 0
    seq: int = 0


@dataclass(slots=True)
class Replay:
    """One try: from where it was planned, and what it has made so far."""

    task: Task
    cursor: Cursor
    history_seq: int
    timeline: Timeline
    done: list[tuple[int, Entry]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> dict[str, Any]:
        """Parameters that name the model."""
        return {"project_id": self.task.project_id, "model_id": self.task.model.id}

    @property
    def fresh(self) -> list[str]:
        """Versions that the model had never shown, in the order in which it does now."""
        return [entry.version.id for _, entry in self.done if entry.version is not None and entry.was is None]

    @property
    def found(self) -> list[str]:
        """Those, and versions that it had shown before its history began."""
        lost = [
            entry.version.id
            for _, entry in self.done
            if entry.version is not None and entry.was is not None and entry.was < self.history_seq
        ]
        fresh = {*self.fresh, *lost}
        return [entry.version.id for _, entry in self.done if entry.version is not None and entry.version.id in fresh]


async def swap(tx: Transaction, replay: Replay) -> Backfilled:
    """Puts the replayed rows in the place of the real ones; readers see those before or these.

    Raises:
        StalePlanError: The model was synced, derived again or pruned since the replay began.
        RequestError: The replay did not end with the elements that are there.
    """
    key, start = replay.key, replay.timeline.start
    await tx.one("plan_for_whole_models")
    await lock_model(tx, **key, cursor=replay.cursor)
    now = await tx.one("replay_start", **key) or {}
    if now.get("history_seq") != replay.history_seq:
        raise StalePlanError(f"the history of model {replay.task.model.name} was pruned meanwhile")
    await _check_same(tx, replay)
    dropped = await tx.do("drop_history_after", **key, start=start)
    images = await tx.do("take_history") - dropped
    await tx.do("settle_unknown_elements", **key, start=start)
    await tx.do("keep_positions", **key)
    await tx.do("find_changed_elements", **key)
    changed = await tx.do("take_elements")
    await _swap_bookkeeping(tx, replay)
    seq = replay.done[-1][0]
    return Backfilled(replay.found, replay.left_out, images, changed, seq)


async def _check_same(tx: Transaction, replay: Replay) -> None:
    row = await tx.one("differing_elements", **replay.key)
    if row is None or row["differing"]:
        name, project_id = replay.task.model.name, replay.task.project_id
        raise RequestError(
            f"read again, the version that model {name} shows gives other elements than there are "
            f"({row and row['differing']} differ): run `speckle2pg sync {project_id} {replay.task.model.id} --full` "
            f"first"
        )


async def _swap_bookkeeping(tx: Transaction, replay: Replay) -> None:
    key, start = replay.key, replay.timeline.start
    numbers = [{"seq": seq, "was": entry.was} for seq, entry in replay.done]
    await tx.do("keep_sync_times", **key, replayed=numbers)
    await tx.do("drop_syncs_after", **key, start=start)
    await tx.do("take_syncs")
    await tx.do("take_counts", **key)
    await tx.do("take_traffic", **key, ids=replay.fresh)
    await tx.do("renumber_versions", **key)
    await tx.do("keep_approvals", **key, was=replay.cursor.seq, seq=replay.done[-1][0])
    history_seq = replay.history_seq if replay.timeline.told else start + 1
    row = await tx.one("renumber_model", **key, history_seq=history_seq)
    if row is None or not row["same"]:
        raise RequestError(f"a replay of model {replay.task.model.name} did not end where the model stands")
    await tx.do("take_parts")

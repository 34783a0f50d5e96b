"""The gate: a version that would remove too much waits for a person.

An engineer who publishes an empty selection, or an exporter that makes every guid anew, must neither blank the twin nor
orphan its statuses. Each version is judged against the rows that are present.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from speckle2pg.errors import HeldError

if TYPE_CHECKING:
    from speckle2pg.pipeline.merge import Counts
    from speckle2pg.settings import Settings
    from speckle2pg.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Limits:
    """What a version may remove without being asked.

    Attributes:
        removed_share: Share of the rows present; 1 is off.
        min_elements: Models with fewer rows present are not judged by the share.
        removed_with_status: Elements with a status; 0 is off.
    """

    removed_share: float = 1.0
    min_elements: int = 0
    removed_with_status: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits that the settings set."""
        return cls(settings.hold_removed_share, settings.hold_min_elements, settings.hold_removed_with_status)

    def share_fault(self, counts: Counts) -> str | None:
        """What is wrong with the share that would be removed, in words; None where nothing is."""
        before = counts.modified + counts.unchanged + counts.removed
        if not before or before < self.min_elements or counts.removed / before <= self.removed_share:
            return None
        share = f"{counts.removed / before:.1%}".replace(".0%", "%")
        return f"{counts.removed} of {before} elements ({share}; HOLD_REMOVED_SHARE allows {self.removed_share:.4g})"

    def status_fault(self, with_status: int) -> str | None:
        """What is wrong with the elements that have a status and would be removed; None where nothing is."""
        if not self.removed_with_status or with_status <= self.removed_with_status:
            return None
        allowed = f"HOLD_REMOVED_WITH_STATUS allows {self.removed_with_status}"
        return f"{with_status} {'element' if with_status == 1 else 'elements'} with a status ({allowed})"


OFF = Limits()


class RemovalGate:
    """Judges one version inside its load's transaction.

    Args:
        limits: What it may remove.
        version_id: The version.
        seq: `models.seq` of the rows that it is compared with.
    """

    def __init__(self, limits: Limits, version_id: str, seq: int) -> None:
        self._limits = limits
        self._version_id = version_id
        self._seq = seq

    async def check(self, tx: Transaction, key: dict[str, Any], load_id: int, counts: Counts) -> None:
        """Looks at what the staged version would remove.

        Raises:
            HeldError: Too much, and nobody approved it; says what, and what to do.
        """
        reason = await self.fault(tx, key, load_id, counts)
        if reason is not None:
            raise HeldError(reason)

    async def fault(self, tx: Transaction, key: dict[str, Any], load_id: int, counts: Counts) -> str | None:
        """Why the version has to wait, in words; None where it may pass."""
        with_status = 0
        if self._limits.removed_with_status and counts.removed:
            await tx.one("judge_alone", project_id=key["project_id"])
            row = await tx.one("count_removed_with_status", **key, load_id=load_id)
            with_status = row["removed"] if row else 0
        faults = [
            fault for fault in (self._limits.share_fault(counts), self._limits.status_fault(with_status)) if fault
        ]
        if not faults or await self._is_approved(tx, key):
            return None
        return (
            f"it would remove {' and '.join(faults)}: `speckle2pg approve {self._version_id}` applies it, "
            f"`speckle2pg reject {self._version_id}` leaves the model as it is"
        )

    async def _is_approved(self, tx: Transaction, key: dict[str, Any]) -> bool:
        """Whether a person let exactly this version remove from exactly these rows."""
        query = {"project_id": key["project_id"], "version_id": self._version_id, "seq": self._seq}
        return await tx.one("find_approval", **query) is not None

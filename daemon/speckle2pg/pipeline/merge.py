"""The statements that turn the rows of one version into those of the next, inside the load's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from speckle2pg.errors import RetryableError
from speckle2pg.pipeline.extract.canonical import CANONICAL_VERSION

if TYPE_CHECKING:
    from datetime import datetime

    from speckle2pg.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Counts:
    """What an application changed: elements; added includes restored, and added + modified + unchanged are present."""

    added: int = 0
    modified: int = 0
    removed: int = 0
    restored: int = 0
    unchanged: int = 0

    @property
    def present(self) -> int:
        """Elements present afterwards."""
        return self.added + self.modified + self.unchanged


class Merge:
    """The statements that turn the rows of one version into those of the next."""

    def __init__(
        self,
        tx: Transaction,
        key: dict[str, Any],
        load_id: int,
        seq: int,
        version_id: str | None,
        at: datetime,
    ) -> None:
        self._tx = tx
        self._key = key
        self._load = {**key, "load_id": load_id}
        self._stamp = {"version_id": version_id, "at": at, "seq": seq}
        self.seq = seq
        self._counts = Counts()
        self._settled = 0

    async def count(self) -> Counts:
        """Settles what is noise, and gives what the load changes."""
        await self._tx.do("accept_noise", **self._load)
        row = await self._tx.one("classify", **self._load) or {}
        self._settled = row.pop("settled", 0)
        self._counts = Counts(**row)
        return self._counts

    async def write(self, *, history: bool, reason: str) -> None:
        """Writes what was counted.

        Raises:
            RetryableError: Fewer rows were written than were counted.
        """
        counts = self._counts
        if history and (counts.modified or counts.removed or self._settled):
            await self._tx.do("keep_history", **self._load, seq=self.seq)
        if counts.removed:
            await self._tx.do("remove_elements", **self._load, **self._stamp, reason=reason)
        if self._settled:
            await self._tx.do("settle_elements", **self._load, seq=self.seq)
        if counts.added or counts.modified:
            await self._tx.do("carry_facts", **self._load)
            await self._write(counts)
        await self._tx.do("prune_tree", **self._load)
        await self._tx.do("write_tree", **self._load)

    async def _write(self, counts: Counts) -> None:
        row = await self._tx.one("write_elements", **self._load, **self._stamp, canonical_version=CANONICAL_VERSION)
        written, expected = (row or {}).get("written"), counts.added + counts.modified
        if written != expected:
            raise RetryableError(f"{written} of {expected} elements were staged; the load starts anew")

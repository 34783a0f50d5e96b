"""How long trouble is put up with, as data: by time since it was met, and by attempts, so that no burst uses it up."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

ModelKey = tuple[str, str]
"""Project id and model id."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Attempts that met trouble so far, and the seconds since the first of them."""

    attempts: int
    seconds: float

    def is_over(self, attempts: int, seconds: float) -> bool:
        """Whether it took at least so many attempts and so many seconds."""
        return self.attempts >= attempts and self.seconds >= seconds


@dataclass(slots=True)
class Patience:
    """Trouble with versions since this process met them.

    Args:
        clock: Monotonic seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _met: dict[ModelKey, dict[str, tuple[float, int]]] = field(default_factory=dict)

    def tried(self, model: ModelKey, version_id: str) -> Trouble:
        """Counts an attempt that met trouble."""
        met = self._met.setdefault(model, {})
        since, attempts = met.get(version_id, (self.clock(), 0))
        met[version_id] = (since, attempts + 1)
        return Trouble(attempts + 1, self.clock() - since)

    def forget(self, model: ModelKey, version_id: str) -> None:
        """A version is done with."""
        self._met.get(model, {}).pop(version_id, None)

    def keep_only(self, model: ModelKey, version_ids: Collection[str]) -> None:
        """Forgets the versions of a model that are no longer tried."""
        kept = {key: value for key, value in self._met.pop(model, {}).items() if key in version_ids}
        if kept:
            self._met[model] = kept

"""How long to wait before the next attempt, as data."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Backoff:
    """Exponential delays with full jitter in the upper half, capped, reset only by sustained health.

    A peer that accepts and closes at once looks healthy for a moment at each connect; resetting on connect
    would turn that into a tight loop. So a success counts only when it lasted for `healthy_after` seconds.

    Args:
        initial: First delay, seconds.
        maximum: Longest delay, seconds.
        healthy_after: Seconds between `started` and `failed` after which the delays begin anew.
        clock: Monotonic seconds.
        jitter: A number in [0, 1).
    """

    initial: float
    maximum: float
    clock: Callable[[], float]
    healthy_after: float = 30.0
    jitter: Callable[[], float] = field(default=random.random)
    _failures: int = 0
    _started: float | None = None

    def started(self) -> None:
        """Notes that an attempt got through."""
        self._started = self.clock()

    def failed(self, at_least: float | None = None) -> float:
        """Counts a failure and gives the seconds to wait.

        Args:
            at_least: Seconds that the peer asked for (`Retry-After`); never undercut.
        """
        if self._started is not None and self.clock() - self._started >= self.healthy_after:
            self._failures = 0
        self._started = None
        ceiling = min(self.maximum, self.initial * 2.0 ** min(self._failures, 32))
        self._failures += 1
        delay = ceiling * (0.5 + 0.5 * self.jitter())
        return max(delay, at_least) if at_least is not None else delay

"""Rate limits as the real server has them, switched on by a test.

The real default for `POST /graphql` is 50 a second and 200 a minute, each entry of a batch counting.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSAL = {
    "error": {
        "message": "You have sent too many requests. You are being rate limited. Please try again later.",
        "code": "RATE_LIMIT_ERROR",
    }
}


@dataclass(slots=True)
class Limit:
    """At most `count` requests in a window of `seconds`, for endpoints matching `path`.

    A window begins with its first request. Once a request is one too many, all are refused until its end.

    Attributes:
        reset_every: Each n-th refusal is a connection reset instead of an answer; 0 for none.
        refused: How many requests were refused.
    """

    path: str
    count: int
    seconds: float = 1.0
    reset_every: int = 0
    refused: int = 0
    _used: int = 0
    _end: float = 0.0

    def wait(self, now: float, hits: int) -> float:
        """Takes `hits` requests at `now` (seconds); returns how long to wait, 0 where there was room."""
        if now >= self._end:
            self._used, self._end = 0, now + self.seconds
        self._used += hits
        if self._used <= self.count:
            return 0.0
        self.refused += 1
        return max(0.001, self._end - now)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request over the limit: come back in `retry_after` seconds; `reset` in place of an answer."""

    retry_after: float
    reset: bool


@dataclass(slots=True)
class Limits:
    """The limits that are on. `clock` gives seconds."""

    limits: list[Limit] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic

    def add(self, path: str, count: int, seconds: float = 1.0, *, reset_every: int = 0) -> Limit:
        """Switches a limit on and returns it."""
        limit = Limit(path, count, seconds, reset_every)
        self.limits.append(limit)
        return limit

    def clear(self) -> None:
        """Switches all limits off."""
        self.limits.clear()

    def refuse(self, path: str, hits: int = 1) -> Refusal | None:
        """Counts a request and refuses it where it is one too many."""
        for limit in self.limits:
            if fnmatchcase(path, limit.path) and (wait := limit.wait(self.clock(), hits)):
                resets = limit.reset_every > 0 and limit.refused % limit.reset_every == 0
                return Refusal(wait, resets)
        return None

"""Faults that a test switches on: what goes wrong, with which requests, how often."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal


@dataclass(frozen=True, slots=True)
class Cut:
    """Ends an answer too early.

    Attributes:
        after: How many bytes of the body still go out.
        of: Bytes of the `wire`, or of the `text` before it is compressed.
        ending: `drop` closes the connection; `clean` ends the answer as if it were whole (with `wire` only
            the compression tells, with `text` only what is in it); `stall` leaves the connection open and
            sends nothing more, as the real server does when its database fails.
    """

    after: int
    of: Literal["wire", "text"] = "wire"
    ending: Literal["drop", "clean", "stall"] = "drop"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave, for the requests it matches.

    Which requests:
        path: A pattern as of `fnmatch`, such as `/api/*`.
        method: An HTTP method, or None for all.
        operation: A word that the GraphQL query must hold: its operation's name, or a field's.
        websocket: Whether it is for the handshakes of websockets instead of plain requests.
        skip: How many matching requests pass before it begins.
        times: How many requests it then spoils; None for all until it is removed.

    What happens (the first that is set, after `latency` seconds):
        silent: There is never an answer.
        reset: The connection is reset.
        status: This status, with `body` (JSON where it looks like it, else HTML) and `retry_after`.
        close: A websocket is accepted, acknowledged if `after_ack`, and closed with this code.
        cut: The true answer ends too early.
    """

    path: str = "*"
    method: str | None = None
    operation: str | None = None
    websocket: bool = False
    skip: int = 0
    times: int | None = None
    latency: float = 0.0
    silent: bool = False
    reset: bool = False
    status: int | None = None
    body: str = ""
    retry_after: str | None = None
    close: int | None = None
    after_ack: bool = False
    cut: Cut | None = None

    def matches(self, method: str, path: str, text: str, *, websocket: bool) -> bool:
        """Whether the fault is for this request; `text` is the body as far as it is GraphQL."""
        if self.websocket is not websocket or self.method not in (None, method):
            return False
        if not fnmatchcase(path, self.path):
            return False
        return self.operation is None or re.search(rf"\b{re.escape(self.operation)}\b", text) is not None


@dataclass(slots=True, eq=False)
class Handle:
    """A fault that is switched on.

    Attributes:
        fault: What it does.
        applied: How many requests it has spoilt.
    """

    fault: Fault
    faults: Faults
    applied: int = 0
    matched: int = 0
    removed: asyncio.Event = field(default_factory=asyncio.Event)
    used: asyncio.Event = field(default_factory=asyncio.Event)

    def remove(self) -> None:
        """Switches the fault off; silent requests under it are dropped."""
        self.removed.set()
        if self in self.faults.handles:
            self.faults.handles.remove(self)

    def take(self) -> bool:
        """Counts a matching request and says whether it is to be spoilt."""
        self.matched += 1
        exhausted = self.fault.times is not None and self.applied >= self.fault.times
        if exhausted or self.matched <= self.fault.skip:
            return False
        self.applied += 1
        self.used.set()
        return True


@dataclass(slots=True)
class Faults:
    """The faults that are on; the first that matches a request applies."""

    handles: list[Handle] = field(default_factory=list)

    def add(self, fault: Fault) -> Handle:
        """Switches a fault on."""
        handle = Handle(fault, self)
        self.handles.append(handle)
        return handle

    def clear(self) -> None:
        """Switches all faults off."""
        for handle in tuple(self.handles):
            handle.remove()

    def take(self, method: str, path: str, text: str = "", *, websocket: bool = False) -> Handle | None:
        """The fault for this request, counted as applied."""
        for handle in self.handles:
            if handle.fault.matches(method, path, text, websocket=websocket) and handle.take():
                return handle
        return None

"""What the sandbox has done, for tests and benchmarks to read and to wait for."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Counts:
    """Counters since the start of the server or the last `reset`.

    Attributes:
        requests: HTTP requests by endpoint, such as `POST /graphql`; batches count once.
        operations: GraphQL operations by name, over HTTP and websocket, each entry of a batch.
        statuses: Answers by status code.
        bytes_sent: Body bytes on the wire by endpoint.
        objects_requested: Object ids asked for, of any endpoint.
        objects_sent: Objects sent.
        connects: Websockets that were accepted.
        disconnects: Websockets that ended, whoever ended them.
        subscriptions: Subscriptions started.
        events_sent: Events sent to sockets.
        deliveries: Webhook deliveries that were tried.
    """

    requests: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    bytes_sent: Counter[str] = field(default_factory=Counter)
    objects_requested: int = 0
    objects_sent: int = 0
    connects: int = 0
    disconnects: int = 0
    subscriptions: int = 0
    events_sent: int = 0
    deliveries: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, name: str, number: int = 1) -> None:
        """Adds to one of the plain counters."""
        setattr(self, name, getattr(self, name) + number)
        self.wake()

    def wake(self) -> None:
        """Lets those who wait look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[Counts], bool]) -> None:
        """Waits until the condition holds; it is looked at after each change."""
        while not condition(self):
            await self._changed.wait()

    def reset(self) -> None:
        """Sets all counters to zero."""
        for counter in (self.requests, self.operations, self.statuses, self.bytes_sent):
            counter.clear()
        for name in ("objects_requested", "objects_sent", "connects", "disconnects", "subscriptions"):
            setattr(self, name, 0)
        self.events_sent = self.deliveries = 0

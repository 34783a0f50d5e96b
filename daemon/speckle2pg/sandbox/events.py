"""What sockets hear: a hub between the server's actions and its subscriptions."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a subscription field.

    Attributes:
        field: The subscription's name, such as `projectVersionsUpdated`.
        about: What it is filtered by first: a project's id, for `userProjectsUpdated` a user's.
        payload: What the field resolves to.
        part: The model or version it is about, where the field takes such an argument.
    """

    field: str
    about: str
    payload: dict[str, Any]
    part: str | None = None

    @property
    def key(self) -> Key:
        """What listeners are found by."""
        return (self.field, self.about)


class Listener:
    """The events of one subscription, in place from the moment it is made.

    An event is checked when its turn comes, so access taken away in between silences it.
    """

    def __init__(self, hub: Hub, key: Key, accepts: Callable[[Event], bool]) -> None:
        self._hub = hub
        self._key = key
        self._accepts = accepts
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        hub.add(key, self)

    def hear(self, event: Event) -> None:
        """Takes an event into the listener's queue."""
        self._events.put_nowait(event)

    def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        return self

    async def __anext__(self) -> dict[str, Any]:
        while (event := await self._events.get()) is not None:
            if self._accepts(event):
                return {event.field: event.payload}
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Ends the subscription: whoever waits for an event is told so."""
        self._hub.remove(self._key, self)
        self._events.put_nowait(None)


@dataclass(slots=True)
class Hub:
    """Hands each event to the listeners of its field and project; who is not listening loses it."""

    _listeners: dict[Key, set[Listener]] = field(default_factory=dict)
    _held: list[Event] | None = None

    @property
    def subscriptions(self) -> int:
        """How many subscriptions are open."""
        return sum(map(len, self._listeners.values()))

    def add(self, key: Key, listener: Listener) -> None:
        """Puts a listener in place."""
        self._listeners.setdefault(key, set()).add(listener)

    def remove(self, key: Key, listener: Listener) -> None:
        """Takes a listener away; twice does no harm."""
        listeners = self._listeners.get(key, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(key, None)

    def publish(self, event: Event) -> None:
        """Hands an event to its listeners, or keeps it while events are held."""
        if self._held is not None:
            self._held.append(event)
            return
        for listener in tuple(self._listeners.get(event.key, ())):
            listener.hear(event)

    @contextmanager
    def out_of_order(self) -> Iterator[None]:
        """Holds the events of the block back and hands them out at its end, the last one first."""
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            for event in reversed(held):
                self.publish(event)

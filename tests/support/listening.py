"""The real subscription source against the sandbox, and the events that it posts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

from speckle2pg.sources.subscription import SubscriptionSource
from speckle2pg.speckle.http import SpeckleHTTP
from speckle2pg.speckle.queries import SpeckleQueries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from speckle2pg.events import Cause, Event
    from speckle2pg.sandbox import SandboxServer

PATIENCE = 20.0
Heard: TypeAlias = "tuple[str, str | None, Cause]"


class Listening:
    """What a source posted, to be waited for.

    Attributes:
        events: All of it, in order, as (project, model, cause).
        token: What the source shows; it can be changed.
        source: The source itself.
    """

    source: SubscriptionSource

    def __init__(self, token: str) -> None:
        self.token = token
        self.events: list[Heard] = []
        self._changed = asyncio.Event()

    def post(self, event: Event) -> None:
        """Takes an event."""
        self.events.append((event.project_id, event.model_id, event.cause))
        self._changed.set()

    async def until(self, condition: Callable[[list[Heard]], bool]) -> None:
        """Waits until the events meet a condition."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition(self.events):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"never came; heard: {self.events}") from None

    async def hears(self, project: str, model: str | None, cause: Cause = "subscription") -> None:
        """Waits for an event."""
        await self.until(lambda events: (project, model, cause) in events)

    def follow(self, *projects: str) -> None:
        """Sets the followed projects."""
        self.source.follow(frozenset(projects))


@asynccontextmanager
async def listening(server: SandboxServer, token: str, *, per_socket: int = 500) -> AsyncIterator[Listening]:
    """A running source; its own failure fails the test, and at the end no socket of it is left."""
    heard = Listening(token)
    async with SpeckleHTTP(server.url, lambda: heard.token, requests_per_second=1000) as http:
        heard.source = SubscriptionSource(
            server.url, lambda: heard.token, SpeckleQueries(http), heard.post, per_socket=per_socket
        )
        task = asyncio.create_task(heard.source.run(), name="source under test")
        try:
            yield heard
        finally:
            if not task.done():
                task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()
    await no_sockets(server)


async def no_sockets(server: SandboxServer) -> None:
    """Waits until the server holds no socket any more."""
    async with asyncio.timeout(PATIENCE):
        await server.counts.until(lambda counts: counts.connects == counts.disconnects)

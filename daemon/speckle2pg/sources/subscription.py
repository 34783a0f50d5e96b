"""Subscriptions as a source: sockets of many projects each, kept open, and a catch-up after every connect."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from speckle2pg import metrics
from speckle2pg.aio.backoff import Backoff
from speckle2pg.errors import RetryableError, Speckle2pgError, TokenRefusedError
from speckle2pg.events import Event
from speckle2pg.speckle.connection import SpeckleSocket, open_socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from speckle2pg.events import Cause
    from speckle2pg.speckle.queries import SpeckleQueries

log = structlog.get_logger()

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
REFUSED_PAUSE = 30.0
HEALTHY_AFTER = 20.0


class SocketKeeper:
    """Keeps one socket open for a set of projects, whatever happens to it.

    Args:
        queries: Tells which subscriptions the server has.
        connect: Opens a socket.
        post: Takes the events.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str | None],
        queries: SpeckleQueries,
        post: Callable[[Event], None],
        refused: Callable[[RetryableError], None] | None = None,
    ) -> None:
        self._refused = refused
        self._url = url
        self._token = token
        self._queries = queries
        self._post = post
        self.projects: set[str] = set()
        self._changed = asyncio.Event()
        self.connected = False
        self.reason = "not yet connected"

    def follow(self, projects: set[str]) -> None:
        """Sets the projects; an open socket subscribes and unsubscribes what differs."""
        self.projects = projects
        self._changed.set()

    async def run(self) -> None:
        """Connects, subscribes, catches up, listens; again and again."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE, loop.time, healthy_after=HEALTHY_AFTER)
        cause: Cause = "start"
        while True:
            at_least: float | None = None
            try:
                fields = await self._queries.subscription_fields()
                async with open_socket(self._url, self._token, fields) as socket:
                    await self._serve(socket, backoff, cause)
            except Speckle2pgError as error:
                at_least = _at_least(error)
                self._lost(error)
            finally:
                self._set_connected(connected=False)
            cause = "reconcile"
            await asyncio.sleep(backoff.failed(at_least))

    async def _serve(self, socket: SpeckleSocket, backoff: Backoff, cause: Cause) -> None:
        """Subscribe, fence, then list: nothing falls between."""
        subscribed: set[str] = set()
        while True:
            self._changed.clear()
            # What is followed can change while the fence is awaited; that is the next round's.
            wanted = self.projects
            fresh = wanted - subscribed
            for project_id in subscribed - wanted:
                socket.unsubscribe(project_id)
            for project_id in sorted(fresh):
                socket.subscribe(project_id, self._listener(project_id))
            await socket.fence()
            if not self.connected:
                backoff.started()
                self._set_connected(connected=True)
                log.info("subscribed", projects=len(wanted))
            for project_id in sorted(fresh):
                self._post(Event(project_id, None, cause, datetime.now(UTC)))
            subscribed = wanted
            await self._changed.wait()

    def _listener(self, project_id: str) -> Callable[[str | None, str], None]:
        def take(model_id: str | None, event_type: str) -> None:
            del event_type
            self._post(Event(project_id, model_id, "subscription", datetime.now(UTC)))

        return take

    def _set_connected(self, *, connected: bool) -> None:
        if connected != self.connected:
            self.connected = connected
            metrics.SUBSCRIPTION_CONNECTED.inc(1 if connected else -1)

    def _lost(self, error: Speckle2pgError) -> None:
        self.reason = str(error)
        metrics.RECONNECTS.labels("token" if isinstance(error, TokenRefusedError) else "lost").inc()
        log.warning("subscription lost; reconnecting", reason=str(error), projects=len(self.projects))
        if isinstance(error, TokenRefusedError) and self._refused is not None:
            self._refused(error)


def _at_least(error: Speckle2pgError) -> float | None:
    """Seconds to wait before the next connect whatever the backoff says."""
    if isinstance(error, TokenRefusedError):
        return REFUSED_PAUSE
    return error.retry_after if isinstance(error, RetryableError) else None


class SubscriptionSource:
    """Spreads the followed projects over sockets of at most `per_socket` projects.

    Args:
        url: Address of the server.
        token: Gives the current token.
        queries: The server's lists.
        post: Takes the events.
        per_socket: Projects on one socket.
        refused: Told when the server does not accept the token, so that it is known and the token is read again.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str | None],
        queries: SpeckleQueries,
        post: Callable[[Event], None],
        *,
        per_socket: int,
        refused: Callable[[RetryableError], None] | None = None,
    ) -> None:
        self._connection = (url, token, queries, post, refused)
        self._per_socket = per_socket
        self.keepers: list[SocketKeeper] = []
        self._tasks: dict[SocketKeeper, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    def follow(self, projects: frozenset[str]) -> None:
        """Sets the followed projects. Each stays on its socket; new ones fill the sockets that have room."""
        homeless = set(projects)
        for keeper in self.keepers:
            staying = keeper.projects & projects
            homeless -= staying
            self._assign(keeper, staying, set())
        for keeper in self.keepers:
            room = self._per_socket - len(keeper.projects)
            moving = set(sorted(homeless)[:room])
            homeless -= moving
            self._assign(keeper, keeper.projects, moving)
        while homeless:
            keeper = SocketKeeper(*self._connection)
            moving = set(sorted(homeless)[: self._per_socket])
            homeless -= moving
            self.keepers.append(keeper)
            self._assign(keeper, set(), moving)
        self.keepers = [keeper for keeper in self.keepers if keeper.projects]
        metrics.SUBSCRIPTION_SOCKETS.set(len(self.keepers))
        self._changed.set()

    @staticmethod
    def _assign(keeper: SocketKeeper, staying: set[str], moving: set[str]) -> None:
        wanted = staying | moving
        if wanted != keeper.projects:
            keeper.follow(wanted)

    async def run(self) -> None:
        """Keeps a task per socket for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._changed.wait()
                self._changed.clear()
                for keeper in [keeper for keeper in self._tasks if keeper not in self.keepers]:
                    self._tasks.pop(keeper).cancel()
                for keeper in self.keepers:
                    if keeper not in self._tasks:
                        self._tasks[keeper] = group.create_task(keeper.run(), name="websocket")

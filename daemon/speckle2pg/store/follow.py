"""A table that is followed: read at each notification of a channel, and now and then in any case."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from speckle2pg.aio.backoff import Backoff
from speckle2pg.aio.guard import wait_set
from speckle2pg.errors import Speckle2pgError
from speckle2pg.store.listen import listen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger()


class Follower:
    """LISTEN with a poll behind it.

    Args:
        direct_url: A connection that carries LISTEN.
        channel: Channel that announces changes.
        read: Reads the table; what it raises of ours is logged, and it is called again soon.
        listening: Seconds between two polls while LISTEN works.
        deaf: Seconds between two polls while it does not.
    """

    def __init__(
        self,
        direct_url: str,
        channel: str,
        read: Callable[[], Awaitable[None]],
        *,
        listening: float,
        deaf: float,
    ) -> None:
        self._direct_url = direct_url
        self._channel = channel
        self._read = read
        self._pauses = {True: listening, False: deaf}
        self._woken = asyncio.Event()
        self._is_listening = False

    async def run(self) -> None:
        """Follows for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(), name=f"{self._channel} listen")
            group.create_task(self._poll(), name=f"{self._channel} poll")

    async def _listen(self) -> None:
        backoff = Backoff(1.0, 30.0, asyncio.get_running_loop().time)
        while True:
            try:
                async for _ in listen(self._direct_url, self._channel):
                    if not self._is_listening:
                        backoff.started()
                    self._is_listening = True
                    self._woken.set()
            except Speckle2pgError as error:
                log.warning("polling: LISTEN does not work", channel=self._channel, reason=str(error))
            self._is_listening = False
            self._woken.set()
            await asyncio.sleep(backoff.failed())

    async def _poll(self) -> None:
        readable = True
        while True:
            self._woken.clear()
            try:
                await self._read()
                readable = True
            except Speckle2pgError as error:
                if readable:
                    log.warning("table cannot be read; trying again", channel=self._channel, reason=str(error))
                readable = False
            # What a notification was about may not have been read: then the poll is as if there were no LISTEN.
            await wait_set(self._woken, self._pauses[self._is_listening and readable])

"""Named lifetimes: started in order, watched, stopped in reverse order with a deadline. Knows nothing of Speckle."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sdnotify
import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger()

GRACE = 5.0
"""Seconds after the deadline that a part may take to cancel and roll back what it had to leave."""


class LifetimeEndedError(Exception):
    """A part of the daemon that should run until it is stopped ended by itself."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One part of the daemon.

    Attributes:
        name: For the log and for people.
        run: Runs until it is cancelled.
        drain: Ends its work in an orderly way before it is cancelled; it is given the loop time of the deadline and
            says what it had to leave.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    drain: Callable[[float], Awaitable[list[str]]] | None = None


class Supervisor:
    """Runs lifetimes until a signal, a request to stop, or the unexpected end of one of them.

    Args:
        shutdown_timeout: Seconds that all draining together may take.
    """

    def __init__(self, shutdown_timeout: float) -> None:
        self._timeout = shutdown_timeout
        self._stop = asyncio.Event()
        self._lifetimes: list[tuple[Lifetime, asyncio.Task[None]]] = []
        # Without systemd the notifier would leave a socket open for nobody.
        self._systemd = sdnotify.SystemdNotifier() if "NOTIFY_SOCKET" in os.environ else None

    def stop(self) -> None:
        """Asks for an orderly end."""
        self._stop.set()

    def parts(self) -> dict[str, bool]:
        """Each lifetime by name, and whether it runs."""
        return {lifetime.name: not task.done() for lifetime, task in self._lifetimes}

    async def run(self, lifetimes: list[Lifetime]) -> None:
        """Starts the lifetimes in order and returns when all have ended.

        Raises:
            LifetimeEndedError: One of them ended by itself; its exception is the cause.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError, RuntimeError):  # not in the main thread, as in some tests
                loop.add_signal_handler(number, self._stop.set)
        stopping = asyncio.create_task(self._stop.wait(), name="stop request")
        try:
            for lifetime in lifetimes:
                self._lifetimes.append((lifetime, self._start(lifetime)))
            self._notify("READY=1")
            await asyncio.wait([stopping, *(task for _, task in self._lifetimes)], return_when="FIRST_COMPLETED")
        finally:
            stopping.cancel()
            self._notify("STOPPING=1")
            ended = next(((item, task) for item, task in self._lifetimes if task.done()), None)
            await self._stop_all()
            for number in (signal.SIGTERM, signal.SIGINT):
                with suppress(NotImplementedError, RuntimeError):
                    loop.remove_signal_handler(number)
        if ended is not None:
            cause = _cause(ended[1])
            if cause is not None or not self._stop.is_set():
                raise LifetimeEndedError(f"{ended[0].name} ended unexpectedly: {cause or 'it returned'}") from cause

    def _notify(self, state: str) -> None:
        if self._systemd is not None:
            self._systemd.notify(state)

    @staticmethod
    def _start(lifetime: Lifetime) -> asyncio.Task[None]:
        async def body() -> None:
            await lifetime.run()

        return asyncio.create_task(body(), name=lifetime.name)

    async def _stop_all(self) -> None:
        deadline = asyncio.get_running_loop().time() + self._timeout
        for lifetime, task in reversed(self._lifetimes):
            if lifetime.drain is not None and not task.done():
                await self._drain(lifetime, lifetime.drain, deadline)
            running = not task.done()
            await self._end(lifetime, task)
            if running and (fault := _cause(task)) is not None:
                log.error("failed while it was stopped", part=lifetime.name, exc_info=fault)

    @staticmethod
    async def _end(lifetime: Lifetime, task: asyncio.Task[None]) -> None:
        """Cancels a part until it has ended: a single cancellation may get lost in a library."""
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=GRACE)
            if not task.done():
                log.warning("was cancelled and goes on; cancelled again", part=lifetime.name)

    @staticmethod
    async def _drain(lifetime: Lifetime, drain: Callable[[float], Awaitable[list[str]]], deadline: float) -> None:
        """Lets a part end its work; whatever comes of that, the parts below it are stopped as well."""
        try:
            async with asyncio.timeout_at(deadline + GRACE):
                left = await drain(deadline)
        except TimeoutError:
            log.exception("did not end its work in time", part=lifetime.name)
        except Exception:
            # The parts below it have to be stopped all the same.
            log.exception("failed to end its work", part=lifetime.name)
        else:
            if left:
                log.warning("left undone at shutdown", part=lifetime.name, what=left)


def _cause(task: asyncio.Task[None]) -> BaseException | None:
    """Why a task ended by itself: its exception, out of the groups that wrap a single one."""
    fault = None if task.cancelled() else task.exception()
    while isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
        fault = fault.exceptions[0]
    return fault

"""Waiting that returns in time, and work that is done to its end whatever happens to whoever wants it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any


async def wait_set(event: asyncio.Event, timeout: float | None) -> bool:  # noqa: ASYNC109  (returns, never raises)
    """Waits for an event for at most `timeout` seconds and says whether it is set."""
    try:
        async with asyncio.timeout(timeout):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True


async def finish(work: Coroutine[Any, Any, None]) -> None:
    """Does work to its end, also when cancelled meanwhile; the cancellation goes on afterwards.

    For closing what would leak otherwise; the work must end in a short time by itself.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    task.result()


def watch_cancellation() -> Callable[[], None]:
    """Gives a function that raises CancelledError if the current task was asked to end since, and nobody heard it.

    For use around a library that waits by `asyncio.wait_for`: in Python 3.11 that returns its result, and forgets the
    cancellation, when both come in one turn of the loop (https://github.com/python/cpython/issues/86296).
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0

    def check() -> None:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError

    return check

"""Waiting returns in time, and closing is done to its end."""

from __future__ import annotations

import asyncio

import pytest

from speckle2pg.aio.guard import finish, wait_set
from support.virtual_time import virtual_time


@virtual_time
async def test_waiting_says_whether_the_event_came() -> None:
    event = asyncio.Event()
    assert await wait_set(event, 3.0) is False
    assert asyncio.get_running_loop().time() == 3.0
    asyncio.get_running_loop().call_later(2.0, event.set)
    assert await wait_set(event, None) is True
    assert asyncio.get_running_loop().time() == 5.0
    assert await wait_set(event, 0.0) is True


@virtual_time
async def test_a_cancelled_wait_is_cancelled() -> None:
    task = asyncio.ensure_future(wait_set(asyncio.Event(), 3.0))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@virtual_time
async def test_closing_goes_on_through_cancellations_which_are_not_lost() -> None:
    done: list[float] = []

    async def close() -> None:
        await asyncio.sleep(5)
        done.append(asyncio.get_running_loop().time())

    task = asyncio.ensure_future(finish(close()))
    for _ in range(3):
        await asyncio.sleep(1)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [5.0]


@virtual_time
async def test_what_closing_raises_is_heard() -> None:
    async def close() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await finish(close())

"""The supervisor starts in order, stops in reverse, and takes an end that nobody asked for as an error."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from speckle2pg.supervisor import GRACE, Lifetime, LifetimeEndedError, Supervisor
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Parts:
    """Lifetimes that note what happens to them."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def make(
        self,
        name: str,
        body: Callable[[], Awaitable[None]] | None = None,
        drain: Callable[[float], Awaitable[list[str]]] | None = None,
    ) -> Lifetime:
        """A lifetime that waits for ever, or does what `body` does."""

        async def run() -> None:
            self.log.append(f"{name} starts")
            try:
                await (body() if body else asyncio.Event().wait())
            finally:
                self.log.append(f"{name} ends")

        async def drained(deadline: float) -> list[str]:
            self.log.append(f"{name} drains")
            return await drain(deadline) if drain else []

        return Lifetime(name, run, drained)


async def stopped_after(supervisor: Supervisor, lifetimes: list[Lifetime], seconds: float = 1.0) -> None:
    """Runs until a request to stop."""
    asyncio.get_running_loop().call_later(seconds, supervisor.stop)
    await supervisor.run(lifetimes)


@virtual_time
async def test_parts_start_in_order_and_stop_in_reverse_each_after_its_work() -> None:
    parts, supervisor = Parts(), Supervisor(30)
    await stopped_after(supervisor, [parts.make("a"), parts.make("b")])
    assert parts.log == ["a starts", "b starts", "b drains", "b ends", "a drains", "a ends"]
    assert supervisor.parts() == {"a": False, "b": False}


@virtual_time
async def test_a_part_runs_until_those_above_it_have_ended() -> None:
    parts = Parts()

    async def slow(_deadline: float) -> list[str]:
        await asyncio.sleep(5)
        assert "a ends" not in parts.log
        return []

    await stopped_after(Supervisor(30), [parts.make("a"), parts.make("b", drain=slow)])
    assert parts.log[-1] == "a ends"


@virtual_time
async def test_all_parts_share_one_deadline() -> None:
    parts, deadlines = Parts(), []

    async def drain(deadline: float) -> list[str]:
        deadlines.append(deadline)
        await asyncio.sleep(3)
        return ["something"]

    await stopped_after(Supervisor(30), [parts.make("a", drain=drain), parts.make("b", drain=drain)])
    assert deadlines == [31.0, 31.0]


@virtual_time
async def test_a_part_that_does_not_end_its_work_is_cancelled_and_the_others_still_stop() -> None:
    parts = Parts()

    async def stuck(_deadline: float) -> list[str]:
        await asyncio.sleep(10_000)
        return []

    await stopped_after(Supervisor(30), [parts.make("a"), parts.make("b", drain=stuck)])
    assert asyncio.get_running_loop().time() == 31.0 + GRACE
    assert parts.log[-3:] == ["b ends", "a drains", "a ends"]


@virtual_time
async def test_a_part_that_fails_to_end_its_work_does_not_keep_the_others_running() -> None:
    parts = Parts()

    async def broken(_deadline: float) -> list[str]:
        raise OSError("no")

    await stopped_after(Supervisor(30), [parts.make("a"), parts.make("b", drain=broken)])
    assert parts.log[-2:] == ["a drains", "a ends"]


@virtual_time
async def test_an_unexpected_end_stops_everything_and_names_its_cause() -> None:
    parts = Parts()

    async def fails() -> None:
        await asyncio.sleep(1)
        raise ValueError("broken pipe")

    with pytest.raises(LifetimeEndedError, match="b ended unexpectedly: broken pipe") as caught:
        await Supervisor(30).run([parts.make("a"), parts.make("b", body=fails)])
    assert isinstance(caught.value.__cause__, ValueError)
    assert parts.log[-1] == "a ends"
    assert "b drains" not in parts.log


@virtual_time
async def test_the_cause_is_found_in_a_group_of_one() -> None:
    async def fails() -> None:
        async with asyncio.TaskGroup() as outer:
            async with asyncio.TaskGroup() as inner:
                inner.create_task(_raise(KeyError("deep")))
            outer.create_task(asyncio.sleep(0))

    with pytest.raises(LifetimeEndedError, match="deep") as caught:
        await Supervisor(30).run([Lifetime("a", fails)])
    assert isinstance(caught.value.__cause__, KeyError)


@virtual_time
async def test_a_part_that_returns_is_an_error_too() -> None:
    with pytest.raises(LifetimeEndedError, match="a ended unexpectedly: it returned"):
        await Supervisor(30).run([Lifetime("a", lambda: asyncio.sleep(1))])


@virtual_time
async def test_a_failure_in_the_moment_of_the_request_to_stop_is_not_lost() -> None:
    async def fails() -> None:
        await asyncio.sleep(1)
        supervisor.stop()
        raise ValueError("at the last moment")

    supervisor = Supervisor(30)
    with pytest.raises(LifetimeEndedError, match="at the last moment"):
        await supervisor.run([Lifetime("a", fails)])


@virtual_time
async def test_a_cancelled_supervisor_stops_its_parts() -> None:
    parts = Parts()
    task = asyncio.ensure_future(Supervisor(30).run([parts.make("a"), parts.make("b")]))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert parts.log[-4:] == ["b drains", "b ends", "a drains", "a ends"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_an_orderly_way(number: signal.Signals) -> None:
    parts, ready = Parts(), asyncio.Event()

    async def body() -> None:
        ready.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(Supervisor(30).run([parts.make("a", body=body)]))
    await ready.wait()
    os.kill(os.getpid(), number)
    async with asyncio.timeout(5):
        await task
    assert parts.log == ["a starts", "a drains", "a ends"]
    assert asyncio.get_running_loop().remove_signal_handler(number) is False, "the handler went with it"


async def _raise(error: Exception) -> None:
    raise error


@virtual_time
async def test_a_part_in_which_a_cancellation_got_lost_is_cancelled_again() -> None:
    async def loses_one() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    parts = Parts()
    await stopped_after(Supervisor(30), [parts.make("a"), parts.make("b", loses_one)])
    assert parts.log[-2:] == ["a drains", "a ends"]
    assert asyncio.get_running_loop().time() == 1 + GRACE

"""What failed in passing is looked at again: with patience, per key, and without harm to anything else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from speckle2pg.errors import (
    ConfigurationError,
    FatalError,
    RetryableError,
    StalePlanError,
    TokenRefusedError,
)
from speckle2pg.streams.workers import Workers
from support.virtual_time import virtual_time
from unit.streams.desk import Desk, Result, event

if TYPE_CHECKING:
    from speckle2pg.events import Event


def failing(error: Exception, times: int = 10**6) -> Desk:
    """A desk whose first looks at each key say that it must be retried."""
    failures: dict[object, int] = {}

    async def script(event: Event, _number: int) -> Result:
        failures[event.key] = failures.get(event.key, 0) + 1
        if failures[event.key] > times:
            return Result()
        if not isinstance(error, RetryableError):
            raise error
        return Result({event.key: error})

    return Desk(script)


async def run_for(desk: Desk, seconds: float, *events: Event) -> list[float]:
    """Seconds between the looks that follow from the events."""
    workers = Workers(desk.look)
    for item in events or (event(),):
        workers.post(item)
    await asyncio.sleep(seconds)
    await workers.drain(asyncio.get_running_loop().time())
    return [after - before for before, after in zip(desk.times, desk.times[1:], strict=False)]


@virtual_time
async def test_delays_double_up_to_a_minute() -> None:
    pauses = await run_for(failing(RetryableError("busy")), 600)
    for pause, ceiling in zip(pauses, (1, 2, 4, 8, 16, 32, 60, 60, 60, 60), strict=False):
        assert ceiling / 2 <= pause <= ceiling + 0.01
    assert len(pauses) >= 10


@virtual_time
async def test_retry_after_is_never_undercut() -> None:
    pauses = await run_for(failing(RetryableError("busy", retry_after=77.5)), 300)
    assert pauses
    assert all(pause >= 77.5 for pause in pauses)


@virtual_time
async def test_a_refused_token_is_tried_slowly() -> None:
    pauses = await run_for(failing(TokenRefusedError("no")), 200)
    assert len(pauses) >= 3
    assert all(pause >= 30 for pause in pauses)


@virtual_time
async def test_a_stale_plan_is_made_anew_at_once() -> None:
    pauses = await run_for(failing(StalePlanError("changed"), times=1), 1)
    assert pauses == [0.0]


@virtual_time
async def test_plans_that_stay_stale_do_not_spin() -> None:
    pauses = await run_for(failing(StalePlanError("changed")), 60)
    assert pauses[0] == 0.0
    assert min(pauses[1:]) >= 0.5


@pytest.mark.parametrize(
    "poison", [FatalError("x"), ConfigurationError("x"), ValueError("bug"), ExceptionGroup("x", [KeyError("y")])]
)
def test_a_poison_look_never_stops_the_worker(poison: Exception) -> None:
    @virtual_time
    async def body() -> None:
        desk = failing(poison, times=3)
        pauses = await run_for(desk, 100)
        assert len(pauses) == 3, "retried until it went well, and then no more"

    body()


@virtual_time
async def test_a_cancellation_that_leaks_out_of_a_look_does_not_end_the_worker() -> None:
    async def script(_event: Event, number: int) -> None:
        if number == 1:
            raise asyncio.CancelledError

    desk = Desk(script)
    assert len(await run_for(desk, 10)) == 1


@virtual_time
async def test_keys_have_delays_of_their_own_and_success_begins_them_anew() -> None:
    bad: set[str | None] = {"a"}

    async def script(event: Event, _number: int) -> Result:
        return Result({event.key: RetryableError("busy")} if event.model_id in bad else {})

    desk = Desk(script)
    workers = Workers(desk.look)
    workers.post(event(model="a"))
    await asyncio.sleep(100)
    bad.add("b")
    begun = len(desk.looks)
    workers.post(event(model="b"))
    await asyncio.sleep(1.1)
    assert [item.model_id for item in desk.looks[begun:]].count("b") == 2, "b does not inherit a's patience"
    bad.clear()
    await asyncio.sleep(120)
    bad.add("a")
    begun, now = len(desk.looks), asyncio.get_running_loop().time()
    workers.post(event(model="a"))
    await asyncio.sleep(1.1)
    assert [pause - now <= 1.01 for pause in desk.times[begun:]] == [True, True]
    await workers.drain(0)


@virtual_time
async def test_a_new_event_looks_at_once_and_takes_the_retry_with_it() -> None:
    desk = failing(RetryableError("busy", retry_after=50.0), times=1)
    workers = Workers(desk.look)
    workers.post(event())
    await asyncio.sleep(10)
    workers.post(event())
    await asyncio.sleep(100)
    assert desk.times == [0.0, 10.0]
    await workers.drain(0)


@virtual_time
async def test_a_look_at_the_project_takes_the_retries_of_its_models_with_it() -> None:
    desk = failing(RetryableError("busy", retry_after=50.0), times=1)
    desk_script = desk.script

    async def script(item: Event, number: int) -> Result | None:
        assert desk_script is not None
        return Result() if item.model_id is None else await desk_script(item, number)

    desk.script = script
    workers = Workers(desk.look)
    workers.post(event(model="a"))
    workers.post(event(model="b"))
    await asyncio.sleep(10)
    workers.post(event(model=None))
    await asyncio.sleep(100)
    assert desk.times == [0.0, 0.0, 10.0]
    await workers.drain(0)


@virtual_time
async def test_a_project_that_is_never_idle_still_retries() -> None:
    async def script(item: Event, number: int) -> Result:
        await asyncio.sleep(0.2)
        workers.post(event(model=f"busy {number}"))
        return Result({item.key: RetryableError("busy")} if item.model_id == "bad" and number == 1 else {})

    desk = Desk(script)
    workers = Workers(desk.look)
    workers.post(event(model="bad"))
    await asyncio.sleep(5)
    assert [item.model_id for item in desk.looks].count("bad") == 2
    await workers.drain(asyncio.get_running_loop().time())


@virtual_time
async def test_a_worker_with_a_retry_ahead_is_not_idle() -> None:
    desk = failing(RetryableError("busy", retry_after=500.0), times=1)
    workers = Workers(desk.look, idle=1)
    workers.post(event())
    await asyncio.sleep(499)
    assert workers.alive() == 1
    await asyncio.sleep(10)
    assert (len(desk.looks), workers.alive()) == (2, 0)
    assert desk.looks[1].cause == "retry"

"""Workers: serial per project, fair between projects, gone when idle, and nobody who asks is left waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from speckle2pg.errors import FatalError, RetryableError
from speckle2pg.streams.workers import Workers
from support.virtual_time import virtual_time
from unit.streams.desk import Desk, Result, event

if TYPE_CHECKING:
    from speckle2pg.events import Event

SOON = 1000.0


async def settle() -> None:
    """Lets everything happen that needs no time."""
    for _ in range(20):
        await asyncio.sleep(0)


def seconds(pause: float) -> asyncio.Future[None]:
    """Virtual time passes."""
    return asyncio.ensure_future(asyncio.sleep(pause))


async def close(workers: Workers) -> None:
    await workers.drain(asyncio.get_running_loop().time())


@virtual_time
async def test_an_event_during_a_look_makes_another_look_after_it() -> None:
    desk = Desk(lambda _event, _n: asyncio.sleep(5))
    workers = Workers(desk.look)
    workers.post(event())
    await seconds(1)
    for _ in range(3):
        workers.post(event())
    await seconds(20)
    assert desk.times == [0.0, 5.0], "the slot is free while the look runs, and repeats share it"
    await close(workers)


@virtual_time
async def test_a_project_is_looked_at_serially_and_no_more_at_once_than_allowed() -> None:
    desk = Desk(lambda _event, _n: asyncio.sleep(1))
    workers = Workers(desk.look, concurrency=3)
    for project in "abcdefgh":
        for model in "xyz":
            workers.post(event(project, model))
    await seconds(9)
    assert len(desk.looks) == 24
    assert desk.most == 3
    assert desk.times[-1] == 7.0, "the slots are never left empty while there is work"
    assert workers.settled()
    await close(workers)


@virtual_time
async def test_a_busy_project_does_not_hold_up_the_others() -> None:
    desk = Desk(lambda _event, _n: asyncio.sleep(1))
    workers = Workers(desk.look, concurrency=1, mailbox_size=200)
    for number in range(100):
        workers.post(event("busy", str(number)))
    await seconds(0.5)
    workers.post(event("small"))
    await seconds(3)
    assert "small" in [item.project_id for item in desk.looks[:3]]
    await close(workers)


@virtual_time
async def test_a_worker_goes_when_idle_and_comes_back() -> None:
    desk = Desk()
    workers = Workers(desk.look, idle=30)
    workers.post(event())
    await seconds(29)
    assert workers.alive() == 1
    await seconds(2)
    assert (workers.alive(), len(workers._mailboxes)) == (0, 0)
    workers.post(event())
    await settle()
    assert len(desk.looks) == 2
    await close(workers)


@virtual_time
async def test_an_event_or_a_question_in_the_tick_in_which_a_worker_ends_is_not_lost() -> None:
    desk = Desk()
    workers = Workers(desk.look, idle=30)
    workers.post(event(model="first"))
    await settle()
    (_, task), questions = workers._workers["p"], []

    def intrude(_done: object) -> None:
        workers.post(event(model="posted"))
        questions.append(asyncio.ensure_future(workers.ask(event(model="asked"))))

    # Called before the registry's own callback: the worker is done and nobody knows it yet.
    callbacks = list(task._callbacks)
    for callback, _ in callbacks:
        task.remove_done_callback(callback)
    task.add_done_callback(intrude)
    for callback, _ in callbacks:
        task.add_done_callback(callback)
    await seconds(31)
    await settle()
    assert [item.model_id for item in desk.looks] == ["first", "posted", "asked"]
    assert (await questions[0]).retry == {}
    await close(workers)


@virtual_time
async def test_an_answer_is_that_of_the_look_that_began_after_the_question() -> None:
    results: list[Result] = []

    async def script(_event: Event, _number: int) -> Result:
        await asyncio.sleep(1)
        results.append(Result())
        return results[-1]

    workers = Workers(Desk(script).look)
    workers.post(event())
    await seconds(0.5)
    assert await workers.ask(event()) is results[1]
    await close(workers)


@virtual_time
async def test_who_asks_hears_the_error_of_the_look() -> None:
    async def script(_event: Event, _number: int) -> Result:
        raise FatalError("poison")

    workers = Workers(Desk(script).look)
    with pytest.raises(FatalError, match="poison"):
        await workers.ask(event())
    await close(workers)


@virtual_time
async def test_who_asks_is_answered_when_the_project_is_dropped() -> None:
    desk = Desk(lambda _event, _n: asyncio.sleep(SOON))
    workers = Workers(desk.look)
    running = asyncio.ensure_future(workers.ask(event(model="a")))
    await settle()
    waiting = asyncio.ensure_future(workers.ask(event(model="b")))
    await settle()
    workers.drop("p")
    for asked in (running, waiting):
        with pytest.raises(RetryableError):
            await asked
    await settle()
    assert (workers.alive(), workers.depth(), len(workers._mailboxes)) == (0, 0, 0)


@virtual_time
async def test_who_gives_up_asking_does_not_disturb_the_look() -> None:
    desk = Desk(lambda _event, _n: asyncio.sleep(1))
    workers = Workers(desk.look)
    asked = asyncio.ensure_future(workers.ask(event()))
    await settle()
    asked.cancel()
    workers.post(event(model="next"))
    await seconds(3)
    assert len(desk.looks) == 2
    await close(workers)


@virtual_time
async def test_a_dropped_project_is_cancelled_once_and_followed_again_after_its_rollback() -> None:
    log: list[str] = []

    async def script(event: Event, number: int) -> None:
        try:
            await asyncio.sleep(SOON if number == 1 else 0)
            log.append(f"looked at {event.model_id}")
        except asyncio.CancelledError:
            await asyncio.sleep(2)
            log.append("rolled back")
            raise

    workers = Workers(Desk(script).look)
    workers.post(event(model="old"))
    await settle()
    workers.post(event(model="waits"))
    workers.drop("p")
    await settle()
    asked = asyncio.ensure_future(workers.ask(event(model="new")))
    await settle()
    workers.drop("p")
    await settle()
    with pytest.raises(RetryableError):
        await asked
    workers.post(event(model="newest"))
    await seconds(5)
    assert log == ["rolled back", "looked at newest"]
    await close(workers)


@virtual_time
async def test_memory_stays_bounded_under_a_hundred_thousand_events() -> None:
    desk = Desk(lambda _event, _n: asyncio.sleep(1))
    workers = Workers(desk.look, mailbox_size=64)
    for number in range(100_000):
        workers.post(event("p", str(number % 20_000)))
    assert workers.depth() == 65
    await seconds(10)
    assert [item.model_id for item in desk.looks] == [None], "one look at the whole project covers them all"
    await close(workers)

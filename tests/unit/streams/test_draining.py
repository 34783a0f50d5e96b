"""Draining lets what runs finish, has a deadline, answers everybody and says what it left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from speckle2pg.errors import RetryableError
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


@virtual_time
async def test_draining_lets_what_runs_finish_and_starts_nothing_new() -> None:
    desk = Desk(lambda _event, _n: asyncio.sleep(5))
    workers = Workers(desk.look, concurrency=1)
    asked = [asyncio.ensure_future(workers.ask(event(project))) for project in "ab"]
    await settle()
    workers.post(event("a", "queued"))
    assert await workers.drain(10) == []
    assert asyncio.get_running_loop().time() == 5.0
    assert [item.key for item in desk.looks] == [("a", "m")]
    assert (await asked[0]).retry == {}
    with pytest.raises(RetryableError, match="stopping"):
        await asked[1]
    assert workers.alive() == 0


@virtual_time
async def test_draining_cancels_at_the_deadline_and_names_what_it_left() -> None:
    rolled_back: list[str] = []

    async def script(event: Event, _number: int) -> None:
        try:
            await asyncio.sleep(3 if event.project_id == "quick" else SOON)
        except asyncio.CancelledError:
            rolled_back.append(event.project_id)
            raise

    workers = Workers(Desk(script).look)
    asked = asyncio.ensure_future(workers.ask(event("slow")))
    workers.post(event("slower"))
    workers.post(event("quick"))
    await settle()
    assert await workers.drain(10) == ["slow", "slower"]
    assert asyncio.get_running_loop().time() == 10.0
    assert sorted(rolled_back) == ["slow", "slower"]
    with pytest.raises(RetryableError, match="stopped"):
        await asked


@virtual_time
async def test_draining_does_not_retry_what_failed_last() -> None:
    async def script(event: Event, _number: int) -> Result:
        await asyncio.sleep(1)
        return Result({event.key: RetryableError("busy", retry_after=0.0)})

    desk = Desk(script)
    workers = Workers(desk.look)
    workers.post(event())
    await settle()
    assert await workers.drain(50) == []
    assert len(desk.looks) == 1
    assert asyncio.get_running_loop().time() == 1.0


@virtual_time
async def test_after_draining_events_are_ignored_and_questions_answered_at_once() -> None:
    desk = Desk()
    workers = Workers(desk.look)
    assert await workers.drain(0) == []
    workers.post(event())
    with pytest.raises(RetryableError, match="stopping"):
        await workers.ask(event())
    await settle()
    assert (desk.looks, workers.alive()) == ([], 0)

"""A mailbox is bounded, coalesces, and loses nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from speckle2pg import metrics
from speckle2pg.errors import RetryableError
from speckle2pg.streams.mailbox import Mailbox, reply
from support.virtual_time import virtual_time
from unit.streams.desk import AT, Result, event


def coalesced(reason: str) -> float:
    return metrics.REGISTRY.get_sample_value("speckle2pg_events_coalesced_total", {"reason": reason}) or 0.0


@virtual_time
async def test_repeats_of_a_key_take_one_slot_and_are_counted() -> None:
    mailbox, before = Mailbox(4), coalesced("slot_taken")
    for number in range(5):
        mailbox.put(replace(event(), at=AT + timedelta(seconds=number)))
    assert len(mailbox) == 1
    assert coalesced("slot_taken") - before == 4
    taken, _ = mailbox.take()
    assert taken.at == AT, "the earliest announcement is the one that lag is counted from"
    assert len(mailbox) == 0


@virtual_time
async def test_slots_are_taken_in_order_of_arrival() -> None:
    mailbox = Mailbox(4)
    for model in ("b", "a", None, "b"):
        mailbox.put(event(model=model))
    assert [mailbox.take()[0].model_id for _ in range(3)] == ["b", "a", None]


@virtual_time
async def test_overflow_becomes_one_look_at_the_whole_project() -> None:
    mailbox, before = Mailbox(2), coalesced("mailbox_full")
    for model in ("a", "b", "c", "d", "a"):
        mailbox.put(event(model=model))
    assert coalesced("mailbox_full") - before == 2
    assert mailbox.take()[0].key == ("p", None)
    assert len(mailbox) == 0


@virtual_time
async def test_a_hundred_thousand_events_leave_no_more_than_its_size() -> None:
    mailbox = Mailbox(64)
    for number in range(100_000):
        mailbox.put(event(model=str(number % 5_000)))
    assert len(mailbox) == 65
    assert len(mailbox._slots) == 64
    assert mailbox.take()[0].model_id is None


@virtual_time
async def test_an_event_after_taking_is_a_new_slot() -> None:
    mailbox = Mailbox(2)
    mailbox.put(event())
    mailbox.take()
    mailbox.put(event())
    assert len(mailbox) == 1


@virtual_time
async def test_a_look_at_the_project_answers_everybody_and_one_at_a_model_its_own() -> None:
    mailbox = Mailbox(1)
    first, other, whole = (mailbox.ask(event(model=model)) for model in ("a", "b", None))
    _, asked = mailbox.take()
    assert asked == [first, other, whole]
    alone, later = mailbox.ask(event(model="a")), mailbox.ask(event(model="a"))
    assert mailbox.take()[1] == [alone, later]


@virtual_time
async def test_refusing_forgets_events_and_answers_who_waits() -> None:
    mailbox = Mailbox(1)
    asked = [mailbox.ask(event(model=model)) for model in ("a", "b")]
    asked[0].cancel()
    mailbox.refuse(RetryableError("gone"))
    assert len(mailbox) == 0
    assert asked[0].cancelled()
    with pytest.raises(RetryableError, match="gone"):
        await asked[1]


@virtual_time
async def test_an_answer_for_somebody_who_left_harms_nobody() -> None:
    mailbox = Mailbox(1)
    left, stays = mailbox.ask(event()), mailbox.ask(event())
    left.cancel()
    result = Result()
    reply(mailbox.take()[1], result)
    assert await stays is result

"""Backoff is data: exponential, jittered, capped, and reset only by sustained health."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from speckle2pg.aio.backoff import Backoff
from speckle2pg.sources import subscription


class Clock:
    """Seconds, as the test says."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_delays_double_to_the_cap_and_stay_there() -> None:
    backoff = Backoff(1.0, 10.0, Clock(), jitter=lambda: 1.0)
    assert [backoff.failed() for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_a_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff(1.0, 60.0, Clock(), jitter=lambda: 0.0)
    assert [backoff.failed() for _ in range(2000)][-1] == 30.0


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 50))
def test_jitter_stays_in_the_upper_half(jitter: float, failures: int) -> None:
    backoff = Backoff(0.5, 60.0, Clock(), jitter=lambda: jitter)
    for _ in range(failures):
        backoff.failed()
    ceiling = min(60.0, 0.5 * 2.0**failures)
    assert ceiling / 2 <= backoff.failed() <= ceiling


def test_what_the_peer_asks_for_is_never_undercut() -> None:
    backoff = Backoff(1.0, 10.0, Clock(), jitter=lambda: 0.0)
    assert backoff.failed(100.0) == 100.0
    assert backoff.failed(0.0) == 1.0


def test_only_health_that_lasted_begins_anew() -> None:
    clock = Clock()
    backoff = Backoff(1.0, 64.0, clock, healthy_after=20.0, jitter=lambda: 1.0)
    for expected in (1, 2, 4):
        backoff.started()
        clock.now += 19.5
        assert backoff.failed() == expected
    backoff.started()
    clock.now += 20.0
    assert backoff.failed() == 1
    clock.now += 1000.0
    assert backoff.failed() == 2, "a long time without a start is no health"


def test_a_server_that_accepts_and_closes_sees_fewer_than_20_connects_in_10_seconds() -> None:
    """With the shortest delays that jitter allows and connects that take no time at all."""
    backoff = Backoff(
        subscription.FIRST_PAUSE,
        subscription.LONGEST_PAUSE,
        Clock(),
        healthy_after=subscription.HEALTHY_AFTER,
        jitter=lambda: 0.0,
    )
    pauses = []
    for _ in range(20):
        backoff.started()
        pauses.append(backoff.failed())
    connects = 1 + sum(moment <= 10.0 for moment in accumulate(pauses))
    assert 2 < connects < 10

"""The poll behind every push: no two looks at a project are more than an interval apart, and there is no wave."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from speckle2pg.sources.reconcile import ReconcileSource
from support.virtual_time import virtual_time

if TYPE_CHECKING:
    from speckle2pg.events import Event


class Polled:
    """A running source and when it looked at what."""

    def __init__(self, interval: float, projects: set[str]) -> None:
        self.projects = projects
        self.times: dict[str, list[float]] = defaultdict(list)
        source = ReconcileSource(interval, lambda: frozenset(self.projects), self._post)
        self.task = asyncio.create_task(source.run())

    def _post(self, event: Event) -> None:
        assert (event.model_id, event.cause) == (None, "reconcile")
        self.times[event.project_id].append(asyncio.get_running_loop().time())

    async def stop(self) -> None:
        """Ends the source."""
        self.task.cancel()
        await asyncio.wait([self.task])


@virtual_time
async def test_each_project_is_looked_at_within_each_interval_and_not_much_more_often() -> None:
    polled = Polled(300.0, {f"p{number}" for number in range(200)})
    await asyncio.sleep(3000)
    await polled.stop()
    assert len(polled.times) == 200
    for times in polled.times.values():
        gaps = [after - before for before, after in zip([0.0, *times], [*times, 3000.0], strict=True)]
        assert max(gaps) <= 300.0
        assert min(gaps[1:-1]) >= 200.0


@virtual_time
async def test_the_looks_are_spread_over_the_interval() -> None:
    polled = Polled(300.0, {f"p{number}" for number in range(3000)})
    await asyncio.sleep(1500)
    await polled.stop()
    per_second: dict[int, int] = defaultdict(int)
    for times in polled.times.values():
        for time in times:
            per_second[int(time)] += 1
    assert max(per_second.values()) < 60, "an even rate is about 11 a second"


@virtual_time
async def test_projects_come_and_go() -> None:
    polled = Polled(10.0, {"a"})
    await asyncio.sleep(20)
    polled.projects = {"b"}
    await asyncio.sleep(20)
    await polled.stop()
    assert max(polled.times["a"]) <= 20.0
    assert 20.0 < min(polled.times["b"]) <= 30.0


@virtual_time
async def test_no_projects_are_no_looks() -> None:
    polled = Polled(0.5, set())
    await asyncio.sleep(10)
    await polled.stop()
    assert not polled.times

"""What was and what changed: as the object graphs themselves say."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from integration.history.buildings import Building
from integration.history.reading import COLUMNS, Change, Read, changes, close, leaves_of, read

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from integration.pipeline.bench import Bench, Thing

STEPS = 14


class Applications:
    """What was applied to a model, in order: versions and what their trees say."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.trees: dict[str, Thing] = {}
        self.listed: list[tuple[datetime, str]] = []
        self.order: list[tuple[str, dict[uuid.UUID, Read]]] = []

    async def publish(self, tree: Thing) -> None:
        """Publishes a tree as a version."""
        version = await self.bench.publish(tree)
        self.trees[version.id] = tree
        self.listed.append((version.created_at, version.id))
        # Two may have come within a millisecond.
        self.listed.sort()

    async def delete_newest(self) -> None:
        """Deletes the newest version on the server."""
        await self.bench.sandbox.delete_version(self.bench.project_id, self.listed.pop()[1])

    async def look(self) -> None:
        """Syncs, and notes what is shown if it is something else than before."""
        outcome = await self.bench.look()
        assert not outcome.retry
        newest = self.listed[-1][1]
        if not self.order or self.order[-1][0] != newest:
            self.order.append((newest, read(self.trees[newest])))

    def newest_application(self, version: str) -> int:
        """Where in the order a version was applied last."""
        return max(place for place, (applied, _) in enumerate(self.order) if applied == version)

    def expected(self, a: str, b: str) -> set[Change]:
        """What the trees say of two versions."""
        place_a, place_b = self.newest_application(a), self.newest_application(b)
        seen = {guid for _, state in self.order[:place_a] for guid in state}
        if place_b < place_a:
            seen |= self.order[place_b][1].keys()
        return changes(self.order[place_a][1], self.order[place_b][1], seen)

    def check_state(self, version: str) -> None:
        """`elements_as_of` gives what the version's tree says."""
        query = "SELECT * FROM elements_as_of('structure', %s)"
        rows = {row["guid"]: row for row in self.bench.rows(query, version)}
        state = self.order[self.newest_application(version)][1]
        assert rows.keys() == state.keys()
        for guid, element in state.items():
            row = rows[guid]
            assert {name: row[name] for name in COLUMNS} == element.columns
            assert row["parent_guid"] == element.parent
            assert row["removed_at"] is None
            stored = dict(leaves_of(row["properties"]))
            stored.pop(("speckle_type",), None)
            assert stored.keys() == element.leaves.keys()
            assert not {way: leaf for way, leaf in element.leaves.items() if not close(stored[way], leaf)}, stored

    def check_diff(self, a: str, b: str) -> None:
        """`version_diff` gives what the trees say, with both values."""
        found = self.bench.rows("SELECT * FROM version_diff(%s, %s)", a, b)
        as_set: set[Change] = {(row["guid"], row["change"], row["path"] and tuple(row["path"])) for row in found}
        assert as_set == self.expected(a, b)
        assert len(as_set) == len(found)
        old, new = self.order[self.newest_application(a)][1], self.order[self.newest_application(b)][1]
        for row in found:
            if row["change"] == "modified":
                assert same(row["old"], value(old[row["guid"]], row["path"]))
                assert same(row["new"], value(new[row["guid"]], row["path"]))


def value(element: Read, path: list[str]) -> Any:
    if path == ["parent_guid"]:
        return element.parent and str(element.parent)
    return element.leaves.get(tuple(path[1:])) if path[0] == "properties" else element.columns[path[0]]


def same(one: Any, other: Any) -> bool:
    return close(float(one), float(other)) if isinstance(one, int | float) else bool(one == other)


@pytest.mark.parametrize("seed", range(5))
async def test_history_and_diffs_say_what_the_object_graphs_say(bench: Bench, seed: int) -> None:
    """Random versions, noise, renamed and moved things, deleted versions, the same root again, versions passed over."""
    building, applied = Building(seed), Applications(bench)
    choice = building.random
    for _ in range(STEPS):
        if len(applied.listed) > 1 and choice.random() < 0.2:
            await applied.delete_newest()
        elif applied.listed and choice.random() < 0.15:
            await applied.publish(applied.trees[choice.choice(applied.listed)[1]])
        else:
            building.step()
            await applied.publish(building.tree())
            if choice.random() < 0.1:
                building.step()
                await applied.publish(building.tree())
        await applied.look()
        versions = sorted({version for version, _ in applied.order})
        applied.check_state(choice.choice(versions))
        applied.check_diff(choice.choice(versions), choice.choice(versions))
        applied.check_diff(versions[0], applied.order[-1][0])
    for version in versions:
        applied.check_state(version)
    for a, b in itertools.combinations(versions, 2):
        applied.check_diff(*choice.choice(((a, b), (b, a))))

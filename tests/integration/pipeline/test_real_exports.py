"""Two exports of one bridge's steel, two weeks apart: what really changed, and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from speckle2pg.pipeline.extract.canonical import NOISE
from speckle2pg.sandbox.graphs import load_graph

if TYPE_CHECKING:
    from pathlib import Path

    from integration.pipeline.bench import Bench
    from speckle2pg.pipeline.merge import Counts

COMMON = 478


async def show(bench: Bench, file: Path) -> tuple[str, Counts]:
    """Publishes a file's graph and syncs it; gives the version's id and what it changed."""
    root, objects = load_graph(file)
    version = await bench.sandbox.publish(bench.project_id, bench.model_id, root, objects=objects)
    outcome = await bench.look()
    return version.id, outcome.applied[bench.model_id].counts


def guids(bench: Bench) -> set[str]:
    return {str(row["guid"]) for row in bench.present_rows()}


async def test_there_and_back_again(bench: Bench, shared_models: Path) -> None:
    one, two = (shared_models / f"tekla_multicom_v{number}.ndjson.gz" for number in (1, 2))
    _, first = await show(bench, one)
    assert (first.added, first.removed) == (515, 0)
    of_one, content = guids(bench), bench.present()

    _, again = await show(bench, one)
    assert (again.added, again.modified, again.removed, again.unchanged) == (0, 0, 0, 515)

    _, second = await show(bench, two)
    assert (second.added, second.restored, second.removed) == (319, 0, 37)
    assert (second.modified, second.unchanged) == (95, 383)
    assert second.modified + second.unchanged == COMMON

    _, back = await show(bench, one)
    assert (back.added, back.restored, back.removed) == (37, 37, 319)
    assert (back.modified, back.unchanged) == (95, 383)
    assert guids(bench) == of_one
    assert {name: row["content_hash"] for name, row in bench.present().items()} == {
        name: row["content_hash"] for name, row in content.items()
    }
    bench.check()


async def test_differences_of_the_two_exports_are_changed_properties_and_never_noise(
    bench: Bench, shared_models: Path
) -> None:
    one, _ = await show(bench, shared_models / "tekla_multicom_v1.ndjson.gz")
    two, counts = await show(bench, shared_models / "tekla_multicom_v2.ndjson.gz")
    rows = bench.rows("SELECT guid, change, path, old, new FROM version_diff(%s, %s)", one, two)
    of_change = Counter(change for _, change in {(row["guid"], row["change"]) for row in rows})
    assert of_change == {"added": counts.added, "removed": counts.removed, "modified": counts.modified}
    leaves = [row for row in rows if row["change"] == "modified"]
    assert all(row["path"] and row["old"] != row["new"] for row in leaves)
    below = [tuple(row["path"][1:]) for row in leaves if row["path"][0] == "properties"]
    assert below
    for path in below:
        for pattern, _ in NOISE:
            noisy = len(path) >= len(pattern) and all(
                rule in ("*", name) for rule, name in zip(pattern, path, strict=False)
            )
            assert not noisy, path

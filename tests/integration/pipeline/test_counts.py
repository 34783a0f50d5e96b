"""Whatever the sequence of versions, counts add up, history is whole, and rows are those of a fresh database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.pipeline.bench import Bench, Thing, collection, element, graph, open_bench
from speckle2pg.sandbox.bridge import sample_bridge

if TYPE_CHECKING:
    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database

NAMES = st.sampled_from(["Опора 1", "Пролёт", "梁", "", None])
IDS = st.sampled_from(["A", "B", "C", "D", "8a3f0c52-9f4e-4a0e-9d0e-1f2a3b4c5d6e", None, None])


def things(depth: int) -> st.SearchStrategy[Thing]:
    below = st.lists(things(depth - 1), max_size=3) if depth else st.just([])
    elements = st.builds(
        lambda key, size, level, children: element(key, *children, name="n", size=size, **level),
        IDS,
        st.integers(0, 2),
        st.sampled_from(
            [
                {},
                {"level": "Own"},
                {"category": "Columns"},
                {"ifcType": "IfcElementAssembly"},
                {"ifcType": "IfcBuildingStorey"},
            ]
        ),
        below,
    )
    collections = st.builds(
        lambda name, key, children: collection(name, *children, applicationId=key), NAMES, IDS, below
    )
    return st.one_of(elements, collections)


def proxies(levels: dict[str, str]) -> list[Thing]:
    return [
        {"speckle_type": "Objects.Other.LevelProxy", "value": {"name": name}, "objects": [key]}
        for key, name in levels.items()
    ]


VERSIONS = st.builds(
    lambda name, levels, children: collection(name, *children, levelProxies=proxies(levels)),
    NAMES,
    st.dictionaries(st.sampled_from("ABCD"), st.sampled_from(["L1", "L2"]), max_size=2),
    st.lists(things(2), max_size=4),
)
STEPS = st.one_of(VERSIONS, VERSIONS, st.integers(0, 3), st.just("delete newest"))


async def _take_step(bench: Bench, step: Any, published: list[Thing]) -> None:
    if step == "delete newest":
        shown = bench.sandbox.world.versions_of(bench.model_id)
        if shown:
            await bench.sandbox.delete_version(bench.project_id, max(shown, key=lambda v: (v.created_at, v.id)).id)
        return
    if isinstance(step, int):
        step = published[step % len(published)] if published else collection("Root")
    published.append(step)
    await bench.publish(step)


def _hashes(rows: list[dict[str, Any]]) -> dict[Any, bytes]:
    return {row["guid"]: row["content_hash"] for row in rows}


def _as_of(bench: Bench, seq: int) -> dict[Any, bytes]:
    query = (
        "SELECT guid, content_hash FROM element_history WHERE model_id = %s AND from_seq <= %s AND to_seq > %s "
        "UNION ALL SELECT guid, content_hash FROM model_elements "
        "WHERE model_id = %s AND from_seq <= %s AND removed_at IS NULL"
    )
    rows = bench.rows(query, bench.model_id, seq, seq, bench.model_id, seq)
    found = _hashes(rows)
    assert len(found) == len(rows), "images of one element overlap"
    return found


def _content(bench: Bench) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows without the object id, which stays that of the version that last changed the row; and the tree."""
    rows = [{name: value for name, value in row.items() if name != "object_id"} for row in bench.present_rows()]
    tree = bench.rows("SELECT * FROM model_objects WHERE model_id = %s ORDER BY 3, 4, 7", bench.model_id)
    return rows, tree


async def _load_anew(bench: Bench) -> None:
    """As a fresh database would: nothing is known of the model."""
    for table in ("model_elements", "model_objects", "element_history", "model_syncs", "versions"):
        bench.rows(f"DELETE FROM {table} WHERE model_id = %s RETURNING project_id", bench.model_id)  # noqa: S608
    bench.rows("DELETE FROM models WHERE id = %s RETURNING project_id", bench.model_id)
    assert not (await bench.look(bench.model_id)).retry


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=2, max_size=6))
async def test_any_sequence_of_versions_ends_like_a_fresh_load_of_the_last(
    sandbox: SandboxServer, database: Database, owner_url: str, steps: list[Any]
) -> None:
    async with open_bench(sandbox, database, owner_url) as bench:
        published: list[Thing] = []
        images: dict[int, dict[Any, bytes]] = {}
        for step in steps:
            before = _hashes(bench.present_rows())
            await _take_step(bench, step, published)
            outcome = await bench.look(bench.model_id)
            assert not outcome.retry
            after = _hashes(bench.present_rows())
            bench.check()
            if (applied := outcome.applied.get(bench.model_id)) is not None:
                counts = applied.counts
                assert counts.added == len(after.keys() - before.keys())
                assert counts.removed == len(before.keys() - after.keys())
                assert counts.modified == sum(before[guid] != after[guid] for guid in before.keys() & after.keys())
                assert counts.added + counts.modified + counts.unchanged == len(after)
                images[applied.seq] = after
            else:
                assert after == before
        for seq, image in images.items():
            assert _as_of(bench, seq) == image
        assert not bench.rows("SELECT id FROM versions WHERE model_id = %s AND state = 'failed'", bench.model_id)
        grown = _content(bench)
        await _load_anew(bench)
        assert _content(bench) == grown


MARKED = "SELECT guid, xmin::text AS xmin, ctid::text AS ctid FROM model_elements ORDER BY guid"


async def test_republishing_the_same_root_reads_the_root_alone_and_writes_no_element(bench: Bench) -> None:
    version = sample_bridge()[0]
    bench.sandbox.world.add_objects(bench.project_id, version.objects)
    await bench.sandbox.publish(bench.project_id, bench.model_id, version.root_id)
    await bench.look()
    before = bench.rows(MARKED)
    tree = bench.rows("SELECT xmin::text AS xmin FROM model_objects ORDER BY ctid")
    assert len(before) == version.elements
    bench.sandbox.counts.reset()
    again = await bench.sandbox.publish(bench.project_id, bench.model_id, version.root_id)
    await bench.look()
    assert bench.sandbox.counts.objects_requested == 1
    assert bench.rows(MARKED) == before
    assert bench.rows("SELECT xmin::text AS xmin FROM model_objects ORDER BY ctid") == tree
    row = bench.version(again)
    assert (row["state"], row["unchanged"], row["added"], row["modified"]) == ("synced", version.elements, 0, 0)
    assert bench.rows("SELECT * FROM element_history") == []
    bench.check()


def _storey(size: int, *, noise: int, many: int = 40) -> Thing:
    def part(number: int, noise: int, size: int = 1) -> Thing:
        return element(f"E{number}", properties={"Attributes": {"id": noise, "size": size}})

    first = collection("first", *(part(number, noise, size if number == 0 else 1) for number in range(many)))
    second = collection("second", *(part(number, noise) for number in range(many, 2 * many)))
    return collection("Root", first, second)


async def test_export_that_is_all_noise_writes_no_element_but_its_tree(bench: Bench) -> None:
    await bench.show(_storey(1, noise=1))
    before = bench.rows(MARKED)
    bench.sandbox.counts.reset()
    version = await bench.show(_storey(1, noise=2))
    # Every id is new, so all had to be read.
    assert bench.sandbox.counts.objects_requested == 83
    assert bench.version(version)["unchanged"] == 80
    assert bench.rows(MARKED) == before
    current = {row["object_id"] for row in bench.rows("SELECT object_id FROM model_objects WHERE is_row")}
    assert current <= set(graph(_storey(1, noise=2))[1])
    bench.check()


async def test_one_changed_leaf_costs_its_branch_and_one_row(bench: Bench) -> None:
    await bench.show(_storey(1, noise=1))
    before = {row["guid"]: row for row in bench.rows(MARKED)}
    bench.sandbox.counts.reset()
    version = await bench.show(_storey(2, noise=1))
    # Root, collection, leaf.
    assert bench.sandbox.counts.objects_requested == 3
    row = bench.version(version)
    assert (row["added"], row["modified"], row["unchanged"], row["objects_fetched"]) == (0, 1, 79, 3)
    assert sum(before[item["guid"]] != item for item in bench.rows(MARKED)) == 1
    history = bench.rows("SELECT application_id, from_seq, to_seq, properties FROM element_history")
    assert [(item["application_id"], item["from_seq"], item["to_seq"]) for item in history] == [("E0", 1, 2)]
    assert history[0]["properties"]["Attributes"]["size"] == 1
    bench.check()


async def test_known_subtree_follows_its_new_place_without_being_read_again(bench: Bench) -> None:
    subtree = element("wall", element("door"))
    assembly = {"ifcType": "IfcElementAssembly"}
    await bench.show(collection("Root", collection("Old", subtree), element("frame", **assembly)))
    bench.sandbox.counts.reset()
    version = await bench.show(collection("Root", element("frame", collection("New", subtree), **assembly)))
    # Root, frame, New; neither wall nor door.
    assert bench.sandbox.counts.objects_requested == 3
    found = bench.present()
    frame = found["frame"]["guid"]
    assert found["wall"]["path"] == found["door"]["path"] == ["Root", "New"]
    assert found["wall"]["category"] == found["door"]["category"] == "New"
    assert (found["wall"]["parent_guid"], found["wall"]["assembly_guid"]) == (frame, frame)
    assert (found["door"]["parent_guid"], found["door"]["assembly_guid"]) == (found["wall"]["guid"], frame)
    assert found["door"]["properties"]["speckle_type"] == "Objects.Data.DataObject"
    assert bench.version(version)["modified"] == 2
    bench.check()


async def test_element_follows_a_storey_that_was_given_another_guid_without_counting_as_modified(
    bench: Bench,
) -> None:
    storey = {"ifcType": "IfcBuildingStorey", "name": "Level 1"}
    await bench.show(collection("Root", element("old", element("wall"), **storey)))
    version = await bench.show(collection("Root", element("new", element("wall"), **storey)))
    found = bench.present()
    assert found["wall"]["parent_guid"] == found["new"]["guid"]
    row = bench.version(version)
    assert (row["added"], row["modified"], row["unchanged"], row["removed"]) == (1, 0, 1, 1)
    bench.check()


async def test_renamed_collection_changes_the_paths_of_known_elements(bench: Bench) -> None:
    parts = [element(f"E{number}", mark=number) for number in range(20)]
    await bench.show(collection("Root", collection("Before", *parts)))
    bench.sandbox.counts.reset()
    await bench.show(collection("Root", collection("After", *parts)))
    assert bench.sandbox.counts.objects_requested == 2
    assert {tuple(row["path"]) for row in bench.present_rows()} == {("Root", "After")}
    assert {row["properties"]["mark"] for row in bench.present_rows()} == set(range(20))
    bench.check()


async def test_changed_level_proxy_changes_the_levels_of_known_elements(bench: Bench) -> None:
    def tree(levels: dict[str, str]) -> Thing:
        return collection("Root", element("A"), element("B", level="own"), levelProxies=proxies(levels))

    await bench.show(tree({"A": "L1", "B": "L1"}))
    bench.sandbox.counts.reset()
    version = await bench.show(tree({"A": "L2"}))
    assert bench.sandbox.counts.objects_requested == 1
    assert {key: row["level"] for key, row in bench.present().items()} == {"A": "L2", "B": "own"}
    assert bench.version(version)["modified"] == 2
    bench.check()


async def test_level_proxies_below_the_root_count_neither_when_read_nor_when_known(bench: Bench) -> None:
    inner = collection("Linked", element("A"), levelProxies=proxies({"A": "L1"}))
    await bench.show(collection("Root", inner))
    version = await bench.show(collection("Root", inner, element("B")))
    assert bench.version(version)["unchanged"] == 1
    assert bench.present()["A"]["level"] is None


async def test_restored_element_keeps_its_first_time_and_counts_as_added(bench: Bench) -> None:
    first = await bench.show(collection("Root", element("A"), element("B")))
    await bench.show(collection("Root", element("A")))
    third = await bench.show(collection("Root", element("A"), element("B")))
    row = bench.version(third)
    assert (row["added"], row["restored"], row["unchanged"]) == (1, 1, 1)
    restored = bench.rows("SELECT * FROM model_elements WHERE application_id = 'B'")[0]
    assert (restored["created_at"], restored["updated_at"]) == (first.created_at, third.created_at)
    assert (restored["from_seq"], restored["removed_at"], restored["removed_reason"]) == (3, None, None)
    history = bench.rows("SELECT from_seq, to_seq FROM element_history")
    assert [(item["from_seq"], item["to_seq"]) for item in history] == [(1, 2)]
    bench.check()


async def test_every_guid_ever_seen_is_kept_in_parts(bench: Bench) -> None:
    await bench.show(collection("Root", element("A"), element("B")))
    await bench.show(collection("Root", element("C")))
    kept = {row["guid"] for row in bench.rows("SELECT guid FROM parts")}
    assert kept == {row["guid"] for row in bench.elements()}
    assert len(kept) == 3

"""The walk over trees that try to break it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from speckle2pg.pipeline.extract import identity
from speckle2pg.pipeline.extract.model import (
    MissingObjectError,
    Node,
    Occurrence,
    UnfoldingError,
    missing_node,
)
from speckle2pg.pipeline.extract.tree import missing_objects, walk

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

    from speckle2pg.pipeline.extract.model import Kind

MODEL = identity.model_namespace("p", "m")


def container(object_id: str, *children: str, name: str | None = None, app: str | None = None) -> Node:
    return Node(object_id, "container", application_id=app, name=name, children=children)


def part(object_id: str, *children: str, app: str | None = None, content: str = "", **more: Any) -> Node:
    kind: Kind = more.pop("kind", "part")
    own = (content or object_id).encode().ljust(32)
    return Node(object_id, kind, application_id=app, own_hash=own, children=children, **more)


def walked(*nodes: Node, levels: Mapping[str, str] | None = None, **options: Any) -> list[Occurrence]:
    """Walk from the first node."""
    by_id = {node.object_id: node for node in nodes}
    return list(walk(by_id, nodes[0].object_id, levels or {}, project_id="p", model_id="m", **options))


def rows(*nodes: Node, **options: Any) -> dict[str, Occurrence]:
    return {one.object_id: one for one in walked(*nodes, **options) if one.is_row}


def guid(app: str) -> uuid.UUID:
    return identity.application_guid(app, MODEL)


def tangled(rng: random.Random) -> list[Node]:
    """Return nodes that refer to each other at random: cycles, diamonds and repeats, some without ids."""
    names = [str(n) for n in range(12)]
    return [
        part(
            name,
            *rng.choices(names, k=rng.randint(0, 2)),
            app=rng.choice([None, None, "A", "B", name]),
            content=rng.choice(["", "same"]),
            kind=rng.choice(["part", "assembly", "container", "ignored"] if name != "0" else ["container"]),
        )
        for name in names
    ]


def test_ignored_objects_are_edges() -> None:
    found = walked(container("r", "p", "a"), Node("p", "ignored", application_id="P"), part("a", app="A"))
    assert [(one.object_id, one.is_row) for one in found] == [("r", False), ("p", False), ("a", True)]


@pytest.mark.parametrize("app", ["A", None])
def test_element_that_is_its_own_ancestor_is_an_edge_and_not_a_second_row(app: str | None) -> None:
    found = walked(container("r", "a"), part("a", "b", app=app), part("b", "a"))
    assert [(one.object_id, one.is_row) for one in found] == [
        ("r", False),
        ("a", True),
        ("b", True),
        ("a", False),
    ]


def test_collection_inside_itself_ends() -> None:
    assert [one.object_id for one in walked(container("r", "r", "a"), part("a"))] == ["r", "r", "a"]


def test_element_inside_an_element_with_the_same_identity_and_other_content_is_a_row() -> None:
    found = walked(container("r", "a"), part("a", "b", app="X"), part("b", app="X"))
    assert [(one.is_row, one.ordinal) for one in found[1:]] == [(True, 0), (True, 1)]


def test_diamonds_with_application_ids_are_walked_once() -> None:
    depth = 60
    chain = [part(f"{n}", f"{n + 1}", f"{n + 1}", app=f"A{n}") for n in range(depth)]
    found = walked(*chain, part(str(depth), app="end"))
    assert sum(one.is_row for one in found) == depth + 1
    assert len(found) == 2 * depth + 1


def test_diamonds_without_application_ids_are_refused_before_they_fill_the_memory() -> None:
    depth = 40
    chain = [part(f"{n}", f"{n + 1}", f"{n + 1}") for n in range(depth)]
    with pytest.raises(UnfoldingError, match="5000"):
        walked(*chain, part(str(depth)), max_rows=5_000)


def test_small_diamond_without_application_ids_makes_a_row_for_each_place() -> None:
    found = walked(container("r", "a", "a"), part("a", "b"), part("b", "c"), part("c", app="C"))
    made = [one.object_id for one in found if one.is_row]
    assert made == ["a", "b", "c", "a", "b"]


@pytest.mark.parametrize("seed", range(100))
def test_tangled_trees_yield_each_edge_once_each_guid_once_and_every_node(seed: int) -> None:
    nodes = tangled(random.Random(seed))
    found = walked(*nodes)
    edges = [(one.parent_object_id, one.position, one.guid) for one in found]
    assert len(set(edges)) == len(edges)
    made = [one.guid for one in found if one.is_row]
    assert len(set(made)) == len(made)
    children = {(one.parent_object_id, one.position): one.object_id for one in found}
    reached = {one.object_id for one in found}
    expected = {
        (node.object_id, position): child
        for node in nodes
        if node.object_id in reached
        for position, child in enumerate(node.children)
    }
    assert children == {("", 0): "0"} | expected
    identified = {(node.application_id, node.own_hash) for node in nodes if node.object_id in reached}
    rows_made = {(one.application_id, one.own_hash) for one in found if one.is_row}
    elements = {
        (node.application_id, node.own_hash)
        for node in nodes
        if node.object_id in reached and node.kind in {"part", "assembly"} and node.application_id is not None
    }
    assert elements <= rows_made <= identified


def test_chain_of_ten_thousand_is_walked_without_recursion() -> None:
    depth = 10_000
    chain = [part(str(n), str(n + 1), app=f"A{n}") for n in range(depth)]
    found = walked(*chain, part(str(depth), app="end"))
    assert len(found) == depth + 1
    assert found[-1].parent_guid == guid(f"A{depth - 1}")


def test_thousands_with_one_identity_are_told_apart() -> None:
    names = [str(n) for n in range(5_000)]
    found = rows(container("r", *names), *(part(name, app="X") for name in names))
    assert found["4999"].ordinal == 4_999


def test_missing_objects_are_named_before_anything_is_yielded() -> None:
    nodes = {"r": container("r", "a", "gone", "gone2"), "a": part("a", "gone")}
    assert sorted(missing_objects(nodes, "r")) == ["gone", "gone2"]
    with pytest.raises(MissingObjectError) as fault:
        next(walk(nodes, "r", {}, project_id="p", model_id="m"))
    assert sorted(fault.value.object_ids) == ["gone", "gone2"]


def test_objects_that_the_server_does_not_have_can_be_stood_in_for() -> None:
    found = walked(container("r", "gone", "a"), missing_node("gone"), part("a"))
    assert [one.object_id for one in found if one.is_row] == ["a"]


def test_empty_version_has_an_edge_and_no_rows() -> None:
    assert [one.is_row for one in walked(container("r"))] == [False]

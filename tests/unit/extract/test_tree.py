"""The walk: places, identities and repeats."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from speckle2pg.pipeline.extract import identity
from speckle2pg.pipeline.extract.model import (
    Node,
    Occurrence,
)
from speckle2pg.pipeline.extract.tree import walk

if TYPE_CHECKING:
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


def test_occurrences_come_depth_first_in_document_order() -> None:
    found = walked(container("r", "a", "b"), part("a", "a1", "a2", app="A"), part("b", app="B"), part("a1"), part("a2"))
    assert [one.object_id for one in found] == ["r", "a", "a1", "a2", "b"]
    assert [(one.parent_object_id, one.position) for one in found] == [
        ("", 0),
        ("r", 0),
        ("a", 0),
        ("a", 1),
        ("r", 1),
    ]
    assert [one.is_row for one in found] == [False, True, True, True, True]


def test_walk_carries_every_field_of_a_node() -> None:
    node = part("a", app="A", element_id="7", name="n", category="c", level="l")
    one = walked(container("r", "a"), node)[1]
    assert (one.kind, one.application_id, one.element_id, one.name) == ("part", "A", "7", "n")
    assert (one.own_category, one.own_level, one.own_hash) == ("c", "l", node.own_hash)


def test_path_is_the_names_of_the_collections_and_parent_the_nearest_element() -> None:
    found = rows(
        container("r", "s", name="Project"),
        container("s", "a", name="Storey"),
        part("a", "c", app="A", kind="assembly"),
        container("c", "b", "n", name="Nested"),
        part("b", app="B"),
        container("n", "d"),
        part("d", app="D"),
    )
    assert (found["a"].path, found["a"].parent_guid) == (("Project", "Storey"), None)
    assert (found["b"].path, found["b"].parent_guid) == (("Project", "Storey", "Nested"), guid("A"))
    assert found["d"].path == ("Project", "Storey", "Nested")
    assert [found[name].assembly_guid for name in "abd"] == [None, guid("A"), guid("A")]


def test_collection_doubled_by_its_first_child_is_that_element_for_the_others() -> None:
    found = rows(
        container("r", "s"),
        container("s", "s1", "b", name="Site", app="S"),
        part("s1", app="S", kind="spatial"),
        container("b", "b1", "x", "y", name="Building", app="B"),
        part("b1", app="B", kind="spatial"),
        part("x", app="X"),
        part("y", app="Y"),
    )
    assert found["s1"].parent_guid is None
    assert found["b1"].parent_guid == guid("S")
    assert found["b1"].path == ("Site", "Building")
    assert found["x"].parent_guid == found["y"].parent_guid == guid("B")


def test_collection_not_doubled_by_its_first_child_is_no_parent() -> None:
    found = rows(
        container("r", "x", "b1", app="B"), part("x", app="X"), part("b1", app="B"),
    )  # fmt: skip
    assert found["x"].parent_guid is None


def test_doubling_element_with_an_ordinal_lends_its_own_guid() -> None:
    found = rows(
        container("r", "b0", "b"),
        part("b0", app="B"),
        container("b", "b1", "x", app="B"),
        part("b1", app="B"),
        part("x", app="X"),
    )
    assert found["b1"].ordinal == 1
    assert found["x"].parent_guid == found["b1"].guid == identity.ordinal_guid(guid("B"), 1)


def test_level_is_the_proxys_else_the_elements_own_and_never_inherited() -> None:
    found = rows(
        container("r", "a", "b"),
        part("a", "c", app="A", level="own"),
        part("b", app="B", level="own"),
        part("c"),
        levels={"A": "proxy"},
    )  # fmt: skip
    assert [found[name].level for name in "abc"] == ["proxy", "own", None]


def test_category_is_the_own_one_else_the_nearest_named_collections_unless_there_is_none() -> None:
    found = rows(
        container("r", "c", name="Beams"),
        container("c", "own", "none", "denied"),
        part("own", category="Walls"),
        part("none", "inner"),
        part("denied", category=""),
        part("inner"),
    )
    categories = {name: one.category for name, one in found.items()}
    assert categories == {"own": "Walls", "none": "Beams", "denied": None, "inner": "Beams"}
    assert found["denied"].own_category == ""


def test_same_identity_with_the_same_content_is_one_row_and_its_edge() -> None:
    found = walked(container("r", "a", "b"), part("a", app="X", content="c"), part("b", app="X", content="c"))
    assert [(one.object_id, one.is_row) for one in found] == [("r", False), ("a", True), ("b", False)]
    assert found[1].guid == found[2].guid


def test_same_identity_with_other_content_has_ordinals() -> None:
    found = walked(
        container("r", "a", "b", "c", "d"),
        part("a", app="X"),
        part("b", app="X"),
        part("c", app="X", content="a"),
        part("d", app="X"),
    )
    assert [(one.is_row, one.ordinal) for one in found[1:]] == [(True, 0), (True, 1), (False, 0), (True, 2)]
    assert [one.guid for one in found[1:]] == [
        guid("X"),
        uuid.uuid5(guid("X"), "1"),
        guid("X"),
        uuid.uuid5(guid("X"), "2"),
    ]


def test_repeat_with_other_children_is_descended_so_that_nothing_is_lost() -> None:
    found = rows(
        container("r", "a", "b"),
        part("a", app="X", content="c"),
        part("b", "inner", app="X", content="c"),
        part("inner", app="I"),
    )
    assert found["inner"].parent_guid == guid("X")


def test_without_application_id_the_guid_follows_from_parent_and_element_id_or_position() -> None:
    found = rows(container("r", "a"), part("a", "b", "c", app="A"), part("b"), part("c", element_id="7"))
    assert found["b"].guid == identity.child_guid(guid("A"), None, 0)
    assert found["c"].guid == identity.child_guid(guid("A"), "7", 1)


def test_root_without_application_id_has_the_models_guid() -> None:
    assert walked(container("r"))[0].guid == identity.root_guid(MODEL)
    assert walked(container("r", app="2A7"))[0].guid == guid("2A7")


def test_root_that_is_an_element_is_a_row() -> None:
    found = walked(part("r", app="R"))
    assert [(one.is_row, one.path, one.parent_guid) for one in found] == [(True, (), None)]


def test_separate_models_have_guids_of_their_own() -> None:
    one = walked(part("r", app="55111bae-0000-02f9-3134-323731383934"), separate=True)[0]
    assert one.guid == uuid.uuid5(MODEL, "55111bae-0000-02f9-3134-323731383934")


def test_guids_do_not_depend_on_the_order_of_unrelated_elements() -> None:
    names = [f"A{n}" for n in range(20)]
    shuffled = random.Random(3).sample(names, len(names))
    nodes = [part(name, f"{name}c", app=name) for name in names]
    inner = [part(f"{name}c", element_id="1") for name in names]
    straight = rows(container("r", *names), *nodes, *inner)
    other = rows(container("r", *shuffled), *nodes, *inner)
    assert {name: one.guid for name, one in straight.items()} == {name: one.guid for name, one in other.items()}
    assert {one.content_hash for one in straight.values()} == {one.content_hash for one in other.values()}


IDENTIFIED = st.lists(st.integers(0, 8).map(str), unique=True, min_size=1, max_size=8)


@given(IDENTIFIED, st.randoms(use_true_random=False), st.integers(0, 6))
def test_guids_outlive_reordering_and_unrelated_elements(names: list[str], rng: random.Random, more: int) -> None:
    """Of what has ids; a part without one is known by its place below a parent that has one."""

    def model(order: list[str], added: int) -> dict[str, uuid.UUID]:
        parts = [part(name, f"{name}/leg", app=f"A{name}") for name in order]
        legs = [part(f"{name}/leg", element_id="7" if int(name) % 2 else None) for name in order]
        new = [part(f"new{number}", app=f"N{number}") for number in range(added)]
        both = [*(one.object_id for one in parts), *(one.object_id for one in new)]
        rng.shuffle(both)
        found = rows(container("r", *both), *parts, *legs, *new)
        return {object_id: one.guid for object_id, one in found.items() if not object_id.startswith("new")}

    shuffled = list(names)
    rng.shuffle(shuffled)
    assert model(shuffled, more) == model(names, 0)


@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=8))
def test_duplicates_are_told_apart_by_content_and_numbered_in_document_order(contents: list[str]) -> None:
    parts = [part(str(number), app="X", content=content) for number, content in enumerate(contents)]
    found = [one for one in walked(container("r", *(one.object_id for one in parts)), *parts) if one.is_row]
    distinct = list(dict.fromkeys(contents))
    assert [one.guid for one in found] == [
        identity.ordinal_guid(guid("X"), ordinal) for ordinal in range(len(distinct))
    ]
    assert [one.ordinal for one in found] == list(range(len(distinct)))


def test_separate_models_share_no_guid_at_any_depth() -> None:
    nodes = [container("r", "a"), part("a", "b", app="A"), part("b")]
    here = {one.guid for one in walked(*nodes, separate=True) if one.is_row}
    there = {
        one.guid
        for one in walk({node.object_id: node for node in nodes}, "r", {}, project_id="p", model_id="n", separate=True)
        if one.is_row
    }
    assert len(here) == len(there) == 2
    assert not here & there

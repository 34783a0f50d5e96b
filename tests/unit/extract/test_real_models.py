"""The whole extraction over real models, where they are beside the project."""

from __future__ import annotations

import gzip
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from speckle2pg.pipeline.extract import identity
from speckle2pg.pipeline.extract.decode import parse
from speckle2pg.pipeline.extract.tree import walk

if TYPE_CHECKING:
    import uuid

    from speckle2pg.pipeline.extract.model import Facts, Node, Occurrence

MODELS = Path(__file__).resolve().parents[3].parent / "shared" / "models"


@cache
def rows_of(name: str) -> dict[uuid.UUID, Occurrence]:
    """Return a model's rows by guid, read breadth-first as from a server; skip where it is absent."""
    file = MODELS / f"{name}.ndjson.gz"
    if not file.exists():
        pytest.skip("the sample models are not beside the project")
    lines = (line.split(b"\t", 1) for line in gzip.decompress(file.read_bytes()).split(b"\n") if line)
    objects = {object_id.decode(): payload for object_id, payload in lines}
    root = next(iter(objects))
    nodes: dict[str, Node] = {}
    levels: dict[str, str] = {}
    waiting = [root]
    while waiting:
        object_id = waiting.pop()
        for parsed in parse(object_id, objects[object_id], is_root=object_id == root).flat():
            nodes[parsed.node.object_id] = parsed.node
            levels.update(parsed.levels)
            waiting.extend(child for child in parsed.node.children if child not in nodes)
    found = [one for one in walk(nodes, root, levels, project_id="p", model_id="m") if one.is_row]
    assert len({one.guid for one in found}) == len(found)
    return {one.guid: one for one in found}


@cache
def facts_of(name: str) -> dict[str, Facts]:
    """Return the facts of a model's elements by object id."""
    lines = (
        line.split(b"\t", 1)
        for line in gzip.decompress((MODELS / f"{name}.ndjson.gz").read_bytes()).split(b"\n")
        if line
    )
    parsed = (parse(object_id.decode(), payload) for object_id, payload in lines)
    return {one.node.object_id: one.facts for one in parsed if one.facts is not None}


def kinds(name: str) -> dict[str, int]:
    return dict(Counter(one.kind for one in rows_of(name).values()))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tekla_multicom_v1", {"part": 301, "assembly": 206, "annotation": 5, "spatial": 3}),
        ("tekla_multicom_v2", {"part": 562, "assembly": 228, "spatial": 7}),
        ("tekla_multicom_v1_v3", {"part": 301, "annotation": 5}),
        ("ytong_v1", {"part": 120, "spatial": 3}),
        ("ytong_v2", {"part": 124, "spatial": 3}),
        ("fzk_haus", {"part": 82, "annotation": 14, "spatial": 11}),
    ],
)
def test_every_element_is_a_row_of_its_kind(name: str, expected: dict[str, int]) -> None:
    assert kinds(name) == expected


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_tekla_connector_and_ifc_export_name_the_same_parts(version: str) -> None:
    """The one writes UUIDs and the other GlobalIds: no application id is in both, and every part is."""
    tekla, ifc = rows_of(f"tekla_multicom_{version}_v3"), rows_of(f"tekla_multicom_{version}")
    as_tekla = {guid: one for guid, one in tekla.items() if one.kind == "part"}
    as_ifc = {guid: one for guid, one in ifc.items() if one.kind == "part"}
    assert as_tekla.keys() == as_ifc.keys()
    assert not {one.application_id for one in as_tekla.values()} & {one.application_id for one in as_ifc.values()}
    renamed = {guid for guid, one in as_ifc.items() if one.name != as_tekla[guid].name}
    assert all(as_ifc[guid].name == as_ifc[guid].application_id for guid in renamed), "the nameless are called by ids"
    assert len(renamed) <= 6
    assert tekla.keys() <= ifc.keys()


EVERY_MODEL = ("tekla_multicom_v1", "tekla_multicom_v2", "ytong_v1", "ytong_v2", "fzk_haus")


def test_different_application_ids_have_different_guids_over_all_models() -> None:
    ids: dict[uuid.UUID, set[str | None]] = {}
    for name in EVERY_MODEL:
        for guid, one in rows_of(name).items():
            ids.setdefault(guid, set()).add(one.application_id)
    assert len(ids) > 1_000
    assert all(len(found) == 1 for found in ids.values())


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_every_global_id_of_a_real_model_survives_the_round_trip(name: str) -> None:
    for guid, one in rows_of(name).items():
        if one.application_id is not None and identity.ifc_expand(one.application_id) is not None:
            assert identity.ifc_compress(guid) == one.application_id


def test_two_exports_share_their_elements_and_most_of_those_are_unchanged() -> None:
    old, new = rows_of("tekla_multicom_v1"), rows_of("tekla_multicom_v2")
    common = old.keys() & new.keys()
    assert len(common) == 478
    assert sum(old[guid].object_id == new[guid].object_id for guid in common) == 0
    assert sum(old[guid].own_hash == new[guid].own_hash for guid in common) == 382


def test_regenerated_guids_share_nothing() -> None:
    assert not rows_of("ytong_v1").keys() & rows_of("ytong_v2").keys()


def test_levels_come_from_the_level_proxies() -> None:
    levels = Counter(one.level for one in rows_of("fzk_haus").values())
    assert levels == {"Dachgeschoss": 59, "Erdgeschoss": 44, None: 4}


def test_parts_of_an_assembly_know_it() -> None:
    found = rows_of("tekla_multicom_v1")
    assemblies = {guid for guid, one in found.items() if one.kind == "assembly"}
    inside = [one for one in found.values() if one.kind == "part"]
    assert all(one.assembly_guid in assemblies for one in inside)


def test_storeys_enclose_what_their_collections_hold() -> None:
    found = rows_of("fzk_haus")
    names = Counter(found[one.parent_guid].name for one in found.values() if one.parent_guid is not None)
    assert names["Dachgeschoss"] + names["Erdgeschoss"] > 80
    assert [one.name for one in found.values() if one.parent_guid is None] == ["Gelaende"]


def test_quantities_of_the_two_forms_of_one_model_agree() -> None:
    as_ifc, as_tekla = rows_of("tekla_multicom_v1"), rows_of("tekla_multicom_v1_v3")
    ifc_facts, tekla_facts = facts_of("tekla_multicom_v1"), facts_of("tekla_multicom_v1_v3")
    compared = 0
    for guid, one in as_tekla.items():
        ours, theirs = ifc_facts[as_ifc[guid].object_id], tekla_facts[one.object_id]
        if ours.volume_m3 is not None and theirs.volume_m3 is not None:
            compared += 1
            assert ours.volume_m3 == pytest.approx(theirs.volume_m3, rel=1e-3)
            assert ours.assembly_mark == theirs.assembly_mark
            assert ours.material == theirs.material
    assert compared == 295

"""Object graphs are read from files, and what is no graph is said clearly."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from speckle2pg.sandbox.bridge import sample_bridge
from speckle2pg.sandbox.bridge.identifiers import global_id
from speckle2pg.sandbox.graphs import GraphFileError, load_graph

MODELS = Path(__file__).resolve().parents[2].parent / "shared" / "models"
LINES = 'a1\t{"id":"a1","name":"x\u2028y"}\nb2\t{"id":"b2"}\n'


def test_lines_with_tabs_are_kept_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "graph.ndjson"
    file.write_text(LINES, encoding="utf-8")
    root, objects = load_graph(file)
    assert root == "a1"
    assert objects == {"a1": '{"id":"a1","name":"x\u2028y"}'.encode(), "b2": b'{"id":"b2"}'}


def test_compressed_and_plain_json_lines_are_read_too(tmp_path: Path) -> None:
    file = tmp_path / "graph.ndjson.gz"
    file.write_bytes(gzip.compress(b'{"name":"r","id":"a1"}\r\n\n{"id":"b2"}'))
    assert load_graph(file) == ("a1", {"a1": b'{"name":"r","id":"a1"}', "b2": b'{"id":"b2"}'})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"a1\t{}\nnonsense", "line 2"),
        (b"a1\tnonsense", "no JSON object after the tab"),
        (b'{"name":"no id"}', "with an id"),
        (b'{"id":5}', "with an id"),
        (b"[1]", "line 1"),
        (b"\xff\t{}", "not text"),
        (gzip.compress(b'{"id":"a"}')[:12], "damaged"),
    ],
)
def test_what_is_no_graph_is_said_clearly(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "graph.ndjson"
    file.write_bytes(content)
    with pytest.raises(GraphFileError, match=words) as caught:
        load_graph(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_and_a_folder_are_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(GraphFileError, match="does not exist"):
        load_graph(tmp_path / "none.ndjson")
    with pytest.raises(GraphFileError, match="cannot be read"):
        load_graph(tmp_path)


def test_real_models_are_read() -> None:
    files = sorted(MODELS.glob("*.ndjson.gz"))
    if not files:
        pytest.skip("the real models are not beside the project")
    for file in files:
        root, _ = load_graph(file)
        assert root == file.with_name(file.name.replace(".ndjson.gz", ".root")).read_text().strip()


def test_the_bridge_is_the_same_each_time_and_counts_its_changes() -> None:
    versions = sample_bridge()
    assert versions == sample_bridge()
    counts = [(v.elements, v.parts, v.added, v.modified, v.removed, v.unchanged) for v in versions]
    assert counts == [
        (402, 362, 402, 0, 0, 0),
        (424, 382, 26, 16, 4, 382),
        (424, 382, 0, 0, 0, 424),
        (446, 402, 26, 22, 4, 398),
    ]


def test_a_bridge_published_again_has_other_object_ids_but_the_same_parts() -> None:
    _, second, third, _ = sample_bridge()
    assert application_ids(second.objects) == application_ids(third.objects)
    assert elements(second.objects).keys().isdisjoint(elements(third.objects))


def test_every_reference_and_closure_of_the_bridge_leads_to_an_object() -> None:
    for version in sample_bridge():
        objects = {key: json.loads(text) for key, text in version.objects.items()}
        assert next(iter(objects)) == version.root_id
        closure = objects[version.root_id]["__closure"]
        assert closure.keys() == objects.keys() - {version.root_id}
        for value in objects.values():
            assert set(references(value)) <= objects.keys()


def test_spatial_collections_are_doubled_by_their_first_child() -> None:
    first = sample_bridge()[0]
    objects = {key: json.loads(text) for key, text in first.objects.items()}
    spatial = [value for value in objects.values() if value.get("ifcType") == "IfcBridgePart"]
    collections = [value for value in spatial if "elements" in value]
    assert len(collections) == 9
    for collection in collections:
        double = objects[collection["elements"][0]["referencedId"]]
        assert double["applicationId"] == collection["applicationId"]
        assert double["speckle_type"] == "Objects.Data.DataObject"


def test_global_ids_are_ifcs() -> None:
    for number in range(100):
        made = global_id(str(number))
        assert len(made) == 22
        assert made[0] in "0123"


def elements(objects: dict[str, bytes]) -> dict[str, str]:
    found = {key: json.loads(text) for key, text in objects.items()}
    return {
        key: value["applicationId"]
        for key, value in found.items()
        if value["speckle_type"] == "Objects.Data.DataObject"
    }


def application_ids(objects: dict[str, bytes]) -> set[str]:
    return set(elements(objects).values())


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        if value.get("speckle_type") == "reference":
            return [value["referencedId"]]
        return [found for member in value.values() for found in references(member)]
    return [found for item in value for found in references(item)] if isinstance(value, list) else []

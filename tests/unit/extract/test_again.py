"""What is derived again from the database is what a fresh reading of the object gives."""

from __future__ import annotations

import gzip
import json
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speckle2pg.pipeline.extract.again import Stored, derive_again
from speckle2pg.pipeline.extract.attributes import compile_rules
from speckle2pg.pipeline.extract.decode import parse
from unit.extract import families

if TYPE_CHECKING:
    from pathlib import Path

    from speckle2pg.pipeline.extract.model import Parsed

MODELS = ["tekla_multicom_v1", "tekla_multicom_v2", "tekla_multicom_v1_v3", "tekla_multicom_v2_v3"]
MODELS += ["ytong_v1", "ytong_v2", "fzk_haus"]

RULES = compile_rules([{"name": name, "paths": ["*", "*.*"], "type": name} for name in ("text", "number", "station")])


def as_stored(value: Any) -> Any:
    """Return a value as jsonb gives it back: other key order, whole numbers written out."""
    if isinstance(value, dict):
        return {name: as_stored(value[name]) for name in sorted(value, key=lambda name: (len(name.encode()), name))}
    if isinstance(value, list):
        return [as_stored(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) >= 2**53:
        return int(Decimal(repr(value)))
    return value


def check(fresh: Parsed) -> None:
    """Derive an element again as the database holds it, and compare everything."""
    node, facts = fresh.node, fresh.facts
    assert facts is not None
    properties = as_stored(json.loads(facts.properties))
    again = derive_again(
        Stored(
            application_id=facts.application_id,
            element_type=facts.element_type,
            element_name=facts.element_name,
            own_category=node.category,
            own_level=node.level,
            properties=properties,
        )
    )
    columns = again.columns
    assert (again.kind, again.own_hash) == (node.kind, node.own_hash)
    assert (columns.category, columns.level) == (node.category, node.level)
    shared = set(columns.__struct_fields__) & set(facts.__struct_fields__)
    assert {name: getattr(columns, name) for name in shared} == {name: getattr(facts, name) for name in shared}
    assert RULES.pick(properties) == json.loads(facts.attributes)


@pytest.mark.parametrize("name", MODELS)
def test_every_element_of_the_real_models_is_derived_again_the_same(shared_models: Path, name: str) -> None:
    lines = gzip.decompress((shared_models / f"{name}.ndjson.gz").read_bytes()).split(b"\n")
    compared = 0
    for line in filter(None, lines):
        object_id, payload = line.split(b"\t", 1)
        for fresh in parse(object_id.decode(), payload, attributes=RULES).flat():
            if fresh.facts is not None:
                check(fresh)
                compared += 1
    assert compared > 100


@pytest.mark.parametrize("family", families.EVERY)
def test_each_family_is_derived_again_the_same(family: str) -> None:
    check(parse("ab", json.dumps(families.EVERY[family]).encode(), attributes=RULES))


@pytest.mark.parametrize("family", families.EVERY)
@pytest.mark.parametrize("seed", range(5))
def test_order_of_members_changes_nothing(family: str, seed: int) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: shuffled(member) for name, member in rng.sample(sorted(value.items()), len(value))}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    rng = random.Random(seed)
    one = parse("ab", json.dumps(families.EVERY[family]).encode(), attributes=RULES)
    other = parse("ab", json.dumps(shuffled(families.EVERY[family])).encode(), attributes=RULES)
    assert one.facts is not None
    assert other.facts is not None
    assert one.node == other.node
    for name in set(one.facts.__struct_fields__) - {"properties", "attributes"}:
        assert getattr(one.facts, name) == getattr(other.facts, name), name


NAMES = st.sampled_from(
    [
        "speckle_type",
        "type",
        "ifcType",
        "category",
        "level",
        "name",
        "units",
        "elementId",
        "material",
        "object.type",
        "object.speckle_type",
        "object.object.type",
        "builtInCategory",
        "parameters",
        "Material Quantities",
        "Report",
    ]
)
# A member that is itself called "object.type" is the one name that could not be told from a prefixed one.
PLAIN = NAMES.filter(lambda name: not name.startswith("object."))
WORDS = st.sampled_from(
    [
        "IfcBeam",
        "IfcGrid",
        "Beam",
        "Zone",
        "Walls",
        "Undefined",
        "",
        " ",
        "7",
        "Base",
        "Objects.Data.RevitObject",
        "X.IfcA",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES | WORDS, inner, max_size=3)
)
TYPES = st.sampled_from(
    [members["speckle_type"] for members in families.EVERY.values()] + ["Base", "X.IfcWall", "X.Zone"]
)


@settings(max_examples=200, deadline=None)
@given(speckle_type=TYPES | st.just(3), own=st.dictionaries(NAMES, VALUES), plain=st.dictionaries(PLAIN, VALUES))
def test_anything_that_can_be_read_is_derived_again_the_same(
    speckle_type: Any, own: dict[str, Any], plain: dict[str, Any]
) -> None:
    members = {**plain, "properties": own, "applicationId": "x", "speckle_type": speckle_type}
    fresh = parse("ab", json.dumps(members).encode(), attributes=RULES)
    if fresh.facts is not None:
        check(fresh)

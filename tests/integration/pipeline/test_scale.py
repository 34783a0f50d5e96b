"""Loads of large models: plans that grow with the model and not with its square, a loop that stays responsive."""

from __future__ import annotations

import asyncio
import hashlib
import time
import tracemalloc
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from speckle2pg.pipeline.extract.model import Facts, Node
from speckle2pg.pipeline.extract.tree import walk
from speckle2pg.pipeline.load import Applied, Loader
from speckle2pg.pipeline.plan import Cursor
from speckle2pg.pipeline.staging import Staging
from speckle2pg.speckle.model import Version
from speckle2pg.speckle.objects import Traffic
from speckle2pg.store.queries import load_queries
from support.oracle import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from speckle2pg.pipeline.extract.model import Occurrence
    from speckle2pg.store.database import Database

STATEMENTS = (
    *("classify", "keep_history", "remove_elements", "carry_facts", "write_elements", "settle_elements"),
    *("prune_tree", "write_tree"),
)
PARAMETERS = {
    "project_id": "p",
    "model_id": "m",
    "seq": 2,
    "version_id": "v",
    "reason": "absent",
    "canonical_version": 1,
    "at": datetime(2026, 1, 1, tzinfo=UTC),
}


def large_tree(count: int, revision: int) -> dict[str, Node]:
    """A root, a collection per 100 elements, and elements of which every tenth differs between revisions."""
    nodes: dict[str, Node] = {}
    groups: list[str] = []
    for start in range(0, count, 100):
        children = []
        for number in range(start, min(start + 100, count)):
            content = f"{number}/{revision if number % 10 == 0 else 0}"
            key = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
            own = hashlib.sha256(content.encode()).digest()
            nodes[key] = Node(key, "part", str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))), name="n", own_hash=own)
            children.append(key)
        group = f"g{revision}/{start}"
        nodes[group] = Node(group, "container", name=f"group {start}", children=tuple(children))
        groups.append(group)
    nodes["root"] = Node("root", "container", name="Root", children=tuple(groups))
    return nodes


def facts_of(node: Node) -> Facts:
    """An element's facts, with a kilobyte of properties."""
    unsaid: dict[str, Any] = dict.fromkeys(
        ("material", "mark", "assembly_mark", "phase", "profile", "area_m2", "volume_m3", "weight_kg")
    )
    return Facts(
        object_id=node.object_id,
        application_id=node.application_id,
        element_type="IfcBeam",
        element_name="n",
        length_m=1.0,
        properties=b'{"text": "' + b"x" * 1000 + b'"}',
        attributes=b"{}",
        replaced=0,
        **unsaid,
    )


def occurrences_of(nodes: dict[str, Node]) -> Iterator[Occurrence]:
    return walk(nodes, "root", {}, project_id="p", model_id="m")


async def load(database: Database, nodes: dict[str, Node], cursor: Cursor, known: set[str]) -> Applied:
    version = Version(id=f"v{cursor.seq + 1}", created_at=datetime(2026, 1, 1 + cursor.seq, tzinfo=UTC))
    staging = Staging(database, "p", "m", version.id)
    for node in nodes.values():
        if node.own_hash is not None and node.object_id not in known:
            await staging.add(facts_of(node))
    return await Loader(database).apply(
        *("p", "m", cursor, version, staging, occurrences_of(nodes)), traffic=Traffic(), replaced=0, seconds=dict
    )


@pytest.fixture
def prepared(owner_url: str) -> str:
    """A database with the project's and the model's row, whose tables nobody ever analyzes."""
    for table in ("model_elements", "model_objects", "staged_facts", "staged_tree"):
        with psycopg.connect(owner_url, autocommit=True) as connection:
            connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)".encode())
    rows(owner_url, "INSERT INTO projects (id) VALUES ('p') RETURNING id")
    rows(owner_url, "INSERT INTO models (project_id, id, name) VALUES ('p', 'm', 'm') RETURNING id")
    return owner_url


def plans(owner_url: str, load_id: int, *, local_settings: bool = True) -> dict[str, str]:
    found = {}
    with psycopg.connect(owner_url) as connection:
        if local_settings:
            connection.execute(load_queries()["plan_for_whole_models"].text.encode())
        for name in STATEMENTS:
            text = "EXPLAIN " + load_queries()[name].text
            lines = connection.execute(text.encode(), {**PARAMETERS, "load_id": load_id}).fetchall()
            found[name] = "\n".join(line[0] for line in lines)
        connection.rollback()
    return found


async def staged(database: Database, nodes: dict[str, Node]) -> int:
    staging = Staging(database, "p", "m", "v9")
    async with database.transaction() as tx:
        load_id, _ = await staging.complete(tx, occurrences_of(nodes))
    return load_id


@pytest.mark.parametrize("statistics", ["none", "of an empty staging", "of other loads"])
async def test_no_statement_of_a_load_grows_with_the_square_of_the_model(
    database: Database, prepared: str, statistics: str
) -> None:
    first = large_tree(2_000, 1)
    await load(database, first, Cursor(), set())
    if statistics == "of other loads":
        for _ in range(3):
            await staged(database, large_tree(300, 3))
    if statistics != "none":
        with psycopg.connect(prepared, autocommit=True) as connection:
            connection.execute(b"ANALYZE staged_tree, staged_facts, model_elements, model_objects")
    load_id = await staged(database, large_tree(2_000, 2))
    for name, plan in plans(prepared, load_id).items():
        assert "Nested Loop" not in plan, f"{name}:\n{plan}"


async def test_load_keeps_the_event_loop_responsive_and_its_memory_flat(database: Database, prepared: str) -> None:
    nodes = large_tree(6_000, 1)
    longest, stop = 0.0, False

    async def beat() -> None:
        nonlocal longest
        while not stop:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)

    heart = asyncio.create_task(beat())
    tracemalloc.start()
    applied = await load(database, nodes, Cursor(), set())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    stop = True
    await heart
    assert applied.counts.added == 6_000
    # The facts alone are 6 MB: a chunk of them is held, and a guid and a hash per element.
    assert peak < 10_000_000
    assert longest < 0.5, f"the event loop was held for {longest:.2f} s"


@pytest.mark.slow
async def test_load_of_20000_elements_takes_seconds(
    database: Database, prepared: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = large_tree(20_000, 1), large_tree(20_000, 2)
    report = []
    cursor, known = Cursor(), set[str]()
    for name, nodes in (("first", first), ("a tenth changed", second), ("again", second)):
        start = time.perf_counter()
        applied = await load(database, nodes, cursor, known)
        report.append(f"{name}: {time.perf_counter() - start:.2f} s, {applied.counts}")
        cursor, known = Cursor(applied.seq, applied.version_id, applied.counts.present), set(nodes)
        assert time.perf_counter() - start < 30
    assert applied.counts.unchanged == 20_000
    with capsys.disabled():
        print("\n" + "\n".join(report))  # noqa: T201  (a measurement)

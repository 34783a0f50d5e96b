"""What can be asked of the history, and what an answer says where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from integration.history.buildings import key
from integration.pipeline.bench import Thing, collection, element, open_bench
from support.logins import new_login, run

if TYPE_CHECKING:
    from integration.pipeline.bench import Bench
    from speckle2pg.sandbox import SandboxServer
    from speckle2pg.store.database import Database

DIFF = "SELECT change, path, old, new FROM version_diff(%s, %s) ORDER BY guid, path"


def building(*beams: int, **members: Any) -> Thing:
    return collection("Building", *(element(key(beam), name=f"Beam {beam}", **members) for beam in beams))


def refused(url: str, query: str, *parameters: Any) -> psycopg.errors.Diagnostic:
    """How the database refuses to answer."""
    with pytest.raises(psycopg.Error) as caught:
        run(url, query, *parameters)
    return caught.value.diag


async def test_a_version_that_was_passed_over_names_the_applied_ones_next_to_it(bench: Bench) -> None:
    first = await bench.show(building(1))
    passed = await bench.publish(building(1, 2))
    last = await bench.show(building(1, 2, 3))
    for query, parameters in (
        ("SELECT * FROM elements_as_of(%s, %s)", ("structure", passed.id)),
        ("SELECT * FROM version_diff(%s, %s)", (passed.id, last.id)),
        ("SELECT * FROM version_diff(%s, %s)", (first.id, passed.id)),
    ):
        said = refused(bench.owner_url, query, *parameters)
        assert said.sqlstate == "PT409"
        assert said.message_primary == (
            f"version {passed.id} of model {bench.model_id} was never applied (superseded); "
            f"the nearest applied versions: {first.id} before, {last.id} after"
        )


async def test_what_is_unknown_is_named(bench: Bench) -> None:
    version = await bench.show(building(1))
    url = bench.owner_url
    for query, parameters, message in (
        ("SELECT * FROM elements_as_of(%s, %s)", ("tower", version.id), "no model has the id or the name tower"),
        (
            "SELECT * FROM elements_as_of(%s, %s)",
            ("structure", "0000000000"),
            f"model {bench.model_id} has no version 0000000000",
        ),
        ("SELECT * FROM version_diff(%s, %s)", (version.id, "0000000000"), "no version has the id 0000000000"),
        ("SELECT * FROM version_diff(%s, %s)", ("0000000000", version.id), "no version has the id 0000000000"),
    ):
        said = refused(url, query, *parameters)
        assert (said.sqlstate, said.message_primary) == ("PT404", message)
        assert said.message_hint


async def test_versions_of_different_models_cannot_be_compared(bench: Bench) -> None:
    one = await bench.show(building(1))
    other_model = bench.sandbox.world.create_model(bench.project_id, "roof").id
    other = await bench.show(building(2), model=other_model)
    said = refused(bench.owner_url, DIFF, one.id, other.id)
    assert said.sqlstate == "PT400"
    assert said.message_primary == (
        f"version {one.id} is of model {bench.model_id} and version {other.id} of model {other_model}"
    )
    said = refused(bench.owner_url, "SELECT * FROM elements_as_of(%s, %s)", "roof", one.id)
    assert (said.sqlstate, said.message_detail) == ("PT404", f"The version is in model {bench.model_id}.")


async def test_a_name_that_two_models_have_is_not_guessed(
    bench: Bench, sandbox: SandboxServer, database: Database
) -> None:
    version = await bench.show(building(1))
    async with open_bench(sandbox, database, bench.owner_url) as other:
        await other.show(building(1))
        said = refused(bench.owner_url, "SELECT * FROM elements_as_of('structure', %s)", version.id)
        assert (said.sqlstate, said.message_primary) == ("PT409", "2 models are named structure")
        assert bench.model_id in (said.message_detail or "")
        assert other.model_id in (said.message_detail or "")
    assert len(bench.rows("SELECT * FROM elements_as_of(%s, %s)", bench.model_id, version.id)) == 1


async def test_a_model_of_which_no_history_was_kept_says_since_when(
    bench: Bench, sandbox: SandboxServer, database: Database
) -> None:
    first = await bench.show(building(1))
    async with open_bench(sandbox, database, bench.owner_url, like=bench, history=False) as forgetful:
        second = await forgetful.show(building(2))
    for query, parameters in (
        ("SELECT * FROM elements_as_of('structure', %s)", (first.id,)),
        ("SELECT * FROM version_diff(%s, %s)", (first.id, second.id)),
    ):
        said = refused(bench.owner_url, query, *parameters)
        assert said.sqlstate == "PT410"
        assert said.message_primary == (f"the history of model {bench.model_id} is not kept back to version {first.id}")
        assert said.message_detail == f"It begins with version {second.id}."
    third = await bench.show(building(1, 2))
    assert [row["change"] for row in bench.rows(DIFF, second.id, third.id)] == ["restored"]


async def test_a_version_that_was_moved_is_asked_where_it_was_applied(bench: Bench) -> None:
    roof = bench.sandbox.world.create_model(bench.project_id, "roof").id
    await bench.show(building(7), model=roof)
    first = await bench.show(building(1))
    moved = await bench.show(building(1, 2))
    await bench.sandbox.move_version(bench.project_id, moved.id, "roof")
    await bench.look()
    query = "SELECT element_name FROM elements_as_of(%s, %s) ORDER BY 1"
    assert bench.cursor(roof)["version_id"] == moved.id
    assert len(bench.rows(query, "structure", moved.id)) == len(bench.rows(query, "roof", moved.id)) == 2
    assert [row["change"] for row in bench.rows(DIFF, first.id, moved.id)] == ["restored"]

    await bench.show(building(8), model=roof)
    passed = await bench.show(building(1, 2, 3))
    await bench.sandbox.move_version(bench.project_id, passed.id, "roof")
    newest = await bench.publish(building(9), model=roof)
    await bench.look()
    said = refused(bench.owner_url, query, "roof", passed.id)
    assert (said.sqlstate, said.message_detail) == ("PT409", f"It was applied to model {bench.model_id}.")
    assert f"{newest.id} after" in (said.message_primary or "")


async def test_new_guids_of_enclosing_storeys_are_no_modification_and_other_parents_are(bench: Bench) -> None:
    def below(parent: int, kind: str) -> Thing:
        return collection("Building", element(key(parent), element(key(1)), ifcType=kind, name="parent"))

    first = await bench.show(below(50, "IfcBuildingStorey"))
    second = await bench.show(below(51, "IfcBuildingStorey"))
    third = await bench.show(below(52, "IfcElementAssembly"))
    fourth = await bench.show(below(53, "IfcElementAssembly"))
    assert {row["change"] for row in bench.rows(DIFF, first.id, second.id)} == {"added", "removed"}
    changed = "SELECT path, old, new FROM version_diff(%s, %s) WHERE guid = %s"
    assert bench.rows(changed, first.id, second.id, key(1)) == []
    assert bench.rows(changed, second.id, third.id, key(1)) == [
        {"path": ["parent_guid"], "old": key(51), "new": key(52)}
    ]
    assert bench.rows(changed, third.id, fourth.id, key(1)) == [
        {"path": ["parent_guid"], "old": key(52), "new": key(53)}
    ]
    assert bench.rows(changed, fourth.id, first.id, key(1)) == [
        {"path": ["parent_guid"], "old": key(53), "new": key(50)}
    ]


async def test_a_restored_element_is_restored_also_after_its_former_image_was_pruned(bench: Bench) -> None:
    await bench.show(building(1, 2))
    second = await bench.show(building(1))
    third = await bench.show(building(1, 2, 3))
    expected = {key(2): "restored", key(3): "added"}
    query = "SELECT guid, change FROM version_diff(%s, %s)"
    assert {str(row["guid"]): row["change"] for row in bench.rows(query, second.id, third.id)} == expected
    run(bench.owner_url, "DELETE FROM element_history WHERE to_seq <= 2")
    assert {str(row["guid"]): row["change"] for row in bench.rows(query, second.id, third.id)} == expected


async def test_a_member_may_ask(bench: Bench) -> None:
    """The functions run with the rights of who asks."""
    first = await bench.show(building(1))
    second = await bench.show(building(1, 2))
    with new_login(bench.owner_url) as (name, url):
        said = refused(url, DIFF, first.id, second.id)
        assert said.sqlstate == "42501"
        run(bench.owner_url, f"GRANT web_anon TO {name}")
        assert refused(url, DIFF, first.id, second.id).sqlstate == "PT404"
        run(bench.owner_url, "INSERT INTO project_members VALUES (%s, '*')", bench.project_id)
        assert len(run(url, DIFF, first.id, second.id)) == 1
        assert len(run(url, "SELECT * FROM elements_as_of('structure', %s)", first.id)) == 1


async def test_a_small_change_of_a_large_model_is_compared_without_reading_the_model(bench: Bench) -> None:
    first = await bench.show(building(*range(3000)))
    second = await bench.show(building(*range(1, 3001)))
    run(bench.owner_url, "ANALYZE")
    with psycopg.connect(bench.owner_url) as connection:
        rows = connection.execute(DIFF.encode(), (first.id, second.id)).fetchall()
        counted = connection.execute(
            b"SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"
            b" WHERE relname IN ('model_elements', 'element_history')"
        ).fetchone()
    assert [row[0] for row in rows] == ["removed", "added"]
    assert counted is not None
    assert counted[0] < 50

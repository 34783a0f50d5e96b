"""What happens on the server, and what the tables show of it afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from integration.pipeline.bench import Bench, collection, element
from speckle2pg.sandbox.faults import Fault

ONE = collection("Root", element("A"), element("B"))
TWO = collection("Root", element("A"), element("C"), element("D"))


async def test_deleted_newest_version_gives_way_to_the_one_before(bench: Bench) -> None:
    first = await bench.show(ONE)
    second = await bench.show(TWO)
    await bench.sandbox.delete_version(bench.project_id, second.id)
    await bench.look()
    assert bench.cursor()["version_id"] == first.id
    assert set(bench.present()) == {"A", "B"}
    assert (bench.version(first)["state"], bench.version(first)["seq"]) == ("synced", 3)
    assert (bench.version(first)["restored"], bench.version(first)["base_version_id"]) == (1, second.id)
    assert bench.version(second)["state"] == "deleted"
    bench.check()


async def test_deletion_of_all_versions_empties_the_model_and_keeps_it(bench: Bench) -> None:
    first = await bench.show(ONE)
    await bench.sandbox.delete_version(bench.project_id, first.id)
    outcome = await bench.look()
    assert outcome.applied[bench.model_id].counts.removed == 2
    cursor = bench.cursor()
    assert (cursor["version_id"], cursor["element_count"], cursor["seq"], cursor["state"]) == (None, 0, 2, "active")
    assert {row["removed_reason"] for row in bench.rows("SELECT removed_reason FROM model_elements")} == {"no_version"}
    await bench.look()
    assert bench.cursor()["seq"] == 2
    bench.check()
    await bench.show(TWO)
    assert set(bench.present()) == {"A", "C", "D"}
    bench.check()


async def test_moved_version_is_right_in_both_models(bench: Bench) -> None:
    first = await bench.show(ONE)
    second = await bench.show(TWO)
    other = await bench.sandbox.create_model(bench.project_id, "other")
    await bench.sandbox.move_version(bench.project_id, second.id, other.id)
    await bench.look()
    assert bench.cursor()["version_id"] == first.id
    assert bench.cursor(other.id)["version_id"] == second.id
    counted = bench.rows("SELECT model_id, count(*) AS n FROM model_elements WHERE removed_at IS NULL GROUP BY 1")
    assert {row["model_id"]: row["n"] for row in counted} == {bench.model_id: 2, other.id: 3}
    assert (bench.version(second)["model_id"], bench.version(second)["state"]) == (other.id, "synced")
    bench.check()


async def test_version_moved_to_a_model_with_newer_ones_is_listed_there(bench: Bench) -> None:
    moved = await bench.show(ONE)
    last = await bench.show(TWO)
    other = await bench.sandbox.create_model(bench.project_id, "other")
    for _ in range(4):
        await bench.show(TWO, model=other.id)
    await bench.sandbox.move_version(bench.project_id, moved.id, other.id)
    await bench.look()
    assert (bench.version(moved)["model_id"], bench.version(moved)["state"]) == (other.id, "synced")
    assert bench.cursor()["version_id"] == last.id
    bench.check()


async def test_every_version_is_on_record_and_those_passed_over_have_no_counts(bench: Bench) -> None:
    await bench.show(ONE)
    published = [await bench.publish(TWO if number % 2 else ONE) for number in range(130)]
    await bench.look()
    newest = max(published, key=lambda version: (version.created_at, version.id)).id
    rows = bench.rows("SELECT id, state, added, seq FROM versions WHERE model_id = %s", bench.model_id)
    assert len(rows) == 131
    passed_over = {row["id"] for row in rows if row["state"] == "superseded"}
    assert passed_over == {version.id for version in published} - {newest}
    assert all((row["added"], row["seq"]) == (None, None) for row in rows if row["state"] == "superseded")
    assert bench.cursor()["version_id"] == newest
    bench.check()


async def test_older_version_that_is_deleted_or_comes_late_is_noticed(bench: Bench) -> None:
    versions = [await bench.show(ONE) for _ in range(6)]
    await bench.sandbox.delete_version(bench.project_id, versions[1].id)
    early = await bench.publish(TWO, created_at=versions[0].created_at - timedelta(days=1))
    await bench.look()
    # One went and one came: only a difference in number makes the whole list be read.
    await bench.sandbox.delete_version(bench.project_id, versions[2].id)
    await bench.look()
    assert [bench.version(versions[number])["state"] for number in (1, 2)] == ["deleted", "deleted"]
    assert bench.version(early)["state"] == "superseded"
    requests = bench.sandbox.counts.requests["POST /graphql"]
    await bench.look()
    assert bench.sandbox.counts.requests["POST /graphql"] == requests + 1
    bench.check()


async def test_newest_is_the_greatest_of_time_and_id_where_times_tie(bench: Bench) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    tied = []
    for number in range(12):
        tied.append(await bench.publish(ONE if number % 2 else TWO, created_at=at))
        if number % 3 == 0:
            await bench.look()
            assert bench.cursor()["version_id"] == max(version.id for version in tied)
    # Whatever order the server gives: the greatest id is not among the two that it lists first.
    while max(version.id for version in tied) in {version.id for version in tied[:2]}:
        tied.append(await bench.publish(ONE, created_at=at))
    for model_id in (bench.model_id, None, None):
        await bench.look(model_id)
        assert bench.cursor()["version_id"] == max(version.id for version in tied)
    assert {row["state"] for row in bench.rows("SELECT state FROM versions")} == {"synced", "superseded"}
    bench.check()


async def test_deleted_model_removes_its_rows_with_the_reason(bench: Bench) -> None:
    version = await bench.show(ONE)
    await bench.sandbox.delete_model(bench.project_id, bench.model_id)
    outcome = await bench.look()
    assert outcome.applied[bench.model_id].counts.removed == 2
    cursor = bench.cursor()
    assert (cursor["state"], cursor["version_id"], cursor["element_count"]) == ("deleted", None, 0)
    assert cursor["deleted_at"] is not None
    rows = bench.rows("SELECT removed_at, removed_reason FROM model_elements")
    assert {row["removed_reason"] for row in rows} == {"model_deleted"}
    assert all(row["removed_at"] is not None for row in rows)
    assert bench.version(version)["state"] == "deleted"
    assert bench.rows("SELECT * FROM model_objects") == []
    assert not (await bench.look()).applied
    assert bench.cursor()["seq"] == 2
    bench.check()


async def test_deleted_model_that_is_asked_for_by_itself_is_removed_too(bench: Bench) -> None:
    await bench.show(ONE)
    await bench.sandbox.delete_model(bench.project_id, bench.model_id)
    await bench.look(bench.model_id)
    assert bench.cursor()["state"] == "deleted"
    await bench.look("nosuchmodel")
    bench.check()


async def test_model_called_main_that_became_empty_is_not_taken_for_deleted(bench: Bench) -> None:
    main = bench.sandbox.world.find_model(bench.project_id, "main")
    assert main is not None
    version = await bench.show(ONE, model=main.id)
    assert bench.cursor(main.id)["element_count"] == 2
    await bench.sandbox.delete_version(bench.project_id, version.id)
    assert not any(model.id == main.id for model in (await bench.queries.project(bench.project_id)).models)
    await bench.look()
    assert (bench.cursor(main.id)["state"], bench.cursor(main.id)["version_id"]) == ("active", None)
    assert {row["removed_reason"] for row in bench.rows("SELECT removed_reason FROM model_elements")} == {"no_version"}


async def test_model_renamed_out_of_the_globs_and_in_again(bench: Bench) -> None:
    bench.rows("UPDATE projects SET model_globs = '{struct*}' RETURNING id")
    first = await bench.show(ONE)
    await bench.sandbox.rename_model(bench.project_id, bench.model_id, "archive/old")
    await bench.publish(TWO)
    await bench.look()
    assert (bench.cursor()["state"], bench.cursor()["name"]) == ("excluded", "archive/old")
    assert bench.cursor()["version_id"] == first.id
    assert set(bench.present()) == {"A", "B"}
    await bench.sandbox.rename_model(bench.project_id, bench.model_id, "structure 2")
    await bench.look()
    assert (bench.cursor()["state"], bench.cursor()["name"]) == ("active", "structure 2")
    assert set(bench.present()) == {"A", "C", "D"}
    bench.check()


async def test_project_that_is_deleted_is_gone_and_its_rows_stay(bench: Bench) -> None:
    await bench.show(ONE)
    backup = bench.sandbox.world.backup()
    await bench.sandbox.delete_project(bench.project_id)
    for model_id in (None, bench.model_id):
        outcome = await bench.look(model_id)
        assert (outcome.state, outcome.retry) == ("gone", {})
    assert bench.project()["state"] == "gone"
    assert bench.project()["state_reason"]
    assert set(bench.present()) == {"A", "B"}
    assert bench.cursor()["state"] == "active"
    bench.sandbox.world.restore(backup)
    await bench.publish(TWO)
    await bench.look()
    assert (bench.project()["state"], bench.project()["state_reason"]) == ("ok", None)
    assert set(bench.present()) == {"A", "C", "D"}
    bench.check()


async def test_project_without_access_is_unreadable_and_its_rows_stay(bench: Bench) -> None:
    await bench.show(ONE)
    await bench.publish(TWO)
    owner = bench.sandbox.world.add_user("Owner")
    bench.sandbox.world.set_role(bench.project_id, owner.id, "stream:owner")
    bench.sandbox.world.set_role(bench.project_id, bench.user.id, None)
    for model_id in (bench.model_id, None):
        outcome = await bench.look(model_id)
        assert (outcome.state, outcome.retry) == ("unreadable", {})
    assert bench.project()["state"] == "unreadable"
    assert bench.project()["state_reason"]
    assert set(bench.present()) == {"A", "B"}
    await bench.sandbox.update_project(bench.project_id, visibility="PUBLIC")
    await bench.look(bench.model_id)
    assert (bench.project()["state"], bench.project()["state_reason"]) == ("ok", None)
    assert set(bench.present()) == {"A", "C", "D"}


async def test_refused_token_is_said_and_tried_again_and_rows_stay(bench: Bench) -> None:
    await bench.show(ONE)
    bench.sandbox.world.revoke_token(bench.token)
    outcome = await bench.look()
    assert (outcome.state, list(outcome.retry)) == ("unreadable", [(bench.project_id, None)])
    assert "token" in bench.project()["state_reason"]
    assert set(bench.present()) == {"A", "B"}
    bench.sandbox.world.tokens[bench.token].revoked = False
    await bench.look()
    assert bench.project()["state"] == "ok"


async def test_paused_or_unregistered_project_is_left_alone(bench: Bench) -> None:
    await bench.show(ONE)
    bench.rows("UPDATE projects SET enabled = false RETURNING id")
    await bench.publish(TWO)
    assert (await bench.look()).state is None
    bench.rows("DELETE FROM projects RETURNING id")
    assert (await bench.look()).state is None
    assert set(bench.present()) == {"A", "B"}


async def test_trouble_with_one_model_does_not_hold_up_the_others(bench: Bench) -> None:
    others = [await bench.sandbox.create_model(bench.project_id, name) for name in ("aaa", "zzz")]
    await bench.publish(collection("Root", "f" * 32))
    for other in others:
        await bench.publish(ONE, model=other.id)
    outcome = await bench.look()
    assert set(outcome.retry) == {(bench.project_id, bench.model_id)}
    assert [bench.cursor(other.id)["element_count"] for other in others] == [2, 2]


async def test_server_that_fails_in_passing_is_asked_again_and_the_version_says_why(bench: Bench) -> None:
    version = await bench.publish(ONE)
    fault = bench.sandbox.faults.add(Fault(path="/api/*", status=503, body="busy"))
    outcome = await bench.look()
    assert set(outcome.retry) == {(bench.project_id, bench.model_id)}
    assert (bench.version(version)["state"], "503" in bench.version(version)["error"]) == ("pending", True)
    assert bench.project()["state"] == "ok"
    fault.remove()
    await bench.look()
    assert (bench.version(version)["state"], bench.version(version)["error"]) == ("synced", None)


async def test_full_sync_of_what_is_current_applies_it_again_and_changes_no_element(bench: Bench) -> None:
    version = await bench.show(ONE)
    before = bench.rows("SELECT guid, xmin::text AS xmin FROM model_elements")
    bench.sandbox.counts.reset()
    await bench.look(full=True)
    assert bench.sandbox.counts.objects_requested == 3
    assert (bench.version(version)["seq"], bench.version(version)["unchanged"]) == (2, 2)
    assert bench.rows("SELECT guid, xmin::text AS xmin FROM model_elements") == before
    bench.check()


async def test_restored_server_backup_takes_the_database_back_with_it(bench: Bench) -> None:
    first = await bench.show(ONE)
    backup = bench.sandbox.world.backup()
    second = await bench.show(TWO)
    bench.sandbox.world.restore(backup)
    await bench.look()
    assert bench.cursor()["version_id"] == first.id
    assert set(bench.present()) == {"A", "B"}
    assert bench.version(second)["state"] == "deleted"
    bench.check()

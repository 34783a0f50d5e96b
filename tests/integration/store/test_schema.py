# ruff: noqa: S608, ISC004  (statements are made of the literals of this file; long lists of names)
"""The tables are those of the design, explained, and refuse what they must refuse."""

from __future__ import annotations

import psycopg
import pytest

from support.logins import run

_ELEMENT = (
    "project_id model_id guid application_id object_id content_hash canonical_version kind element_type element_name "
    "category level material mark assembly_mark assembly_guid phase profile length_m area_m2 volume_m3 weight_kg path "
    "parent_guid properties attributes version_id from_seq created_at updated_at removed_at removed_seq "
    "removed_version_id removed_reason change_pos"
)

# Table: primary key, columns that the design names, columns beyond these.
TABLES: dict[str, tuple[str, str, str]] = {
    "instance": (
        "only_row",
        "server_url server_id schema_version feed_base",
        "only_row feed_identity public_url definitions",
    ),
    "projects": (
        "id",
        "id name description enabled model_globs every_version separate_models created_at updated_at state "
        "state_reason last_reconciled_at",
        "",
    ),
    "models": (
        "project_id id",
        "project_id id name state seq version_id version_created_at element_count synced_at source_application "
        "deleted_at",
        "description derivation history_seq",
    ),
    "versions": (
        "project_id id",
        "project_id id model_id root_object_id source_application author message created_at announced_at announced_by "
        "state attempts error started_at synced_at seq base_version_id added modified removed restored unchanged "
        "duplicates objects_fetched bytes_fetched requests stage_seconds decided_by decided_at",
        "replaced approved_seq",
    ),
    "model_syncs": (
        "project_id model_id seq",
        "project_id model_id seq version_id synced_at",
        "change_pos removed_reason open_before",
    ),
    "model_objects": (
        "project_id model_id parent_object_id position guid",
        "project_id model_id parent_object_id position object_id kind guid",
        "application_id element_id name own_category own_level own_hash is_row",
    ),
    "model_elements": ("project_id model_id guid", _ELEMENT, ""),
    "element_history": ("project_id model_id guid from_seq", f"{_ELEMENT} to_seq", ""),
    "parts": ("project_id guid", "project_id guid first_seen_at last_seen_at", ""),
    "sync_requests": ("id", "", "id project_id model_id cause requested_at requested_by handled_at result"),
    "leases": ("project_id", "", "project_id replica_id epoch acquired_at heartbeat_at"),
    "replicas": ("id", "", "id hostname version started_at heartbeat_at"),
    "outbound_notifications": (
        "id",
        "",
        "id idempotency_key url project_id model_id version_id payload state attempts next_attempt_at error "
        "created_at delivered_at",
    ),
    "monitoring_snapshots": ("taken_at", "", "taken_at body"),
    "admin_log": ("id", "", "id at actor action project_id subject details"),
    "noise_rules": ("path", "", "path reason"),
    "purges": ("project_id change_pos", "", "change_pos project_id model_id purged_at purged_by"),
    "attribute_map": ("project_id name", "project_id name paths type", ""),
    "element_status": (
        "project_id guid",
        "project_id guid status effective_on note updated_at updated_by",
        "",
    ),
    "element_status_log": (
        "project_id guid id",
        "",
        "project_id guid id old_status new_status effective_on note changed_at changed_by",
    ),
    # All projects together are null, which no primary key holds.
    "status_values": ("", "project_id code title sort weight is_done color", ""),
    "project_members": ("project_id subject", "project_id subject can_write", ""),
    "taken_over": ("", "", "project_id guid status created_at adopted_at"),
}
VIEWS = {
    "elements": _ELEMENT + " model_name model_state status effective_status status_source effective_on status_note "
    "status_updated_at status_updated_by viewer_url",
    "elements_all": "",
    "parts_current": "model_ids",
    "status_counts": "project_id status parts",
    "progress": "project_id dimension value parts weight_kg volume_m3 weighted_done",
    "status_conflicts": "project_id guid conflict changes set_by",
    "takeover_report": "guid project_id status outcome",
}
STAGING = {"loads", "staged_facts", "staged_tree"}

TYPES = {
    ("model_elements", "guid"): "uuid",
    ("model_elements", "path"): "text[]",
    ("model_elements", "properties"): "jsonb",
    ("model_elements", "attributes"): "jsonb",
    ("projects", "model_globs"): "text[]",
    ("projects", "separate_models"): "text[]",
    ("versions", "stage_seconds"): "jsonb",
    ("parts", "guid"): "uuid",
}

COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
"""

ELEMENT = (
    "INSERT INTO {table} (project_id, model_id, guid, object_id, content_hash, canonical_version, kind, version_id, "
    "from_seq, created_at, updated_at, removed_reason, change_pos{more}) VALUES ('p', 'm', gen_random_uuid(), 'o', '', "
    "1, '{kind}', 'v', 1, now(), now(), {reason}, 1{value})"
)
HISTORY = ELEMENT.replace("{more}", ", to_seq").replace("{value}", ", 2")
PRESENT = ELEMENT.replace("{more}", "").replace("{value}", "")
OBJECT = (
    "INSERT INTO model_objects (project_id, model_id, parent_object_id, position, object_id, kind, guid, is_row) "
    "VALUES ('p', 'm', '', 0, 'o', '{kind}', gen_random_uuid(), true)"
)
VERSION = "INSERT INTO versions (project_id, id, model_id, created_at, state) VALUES ('p', 'v', 'm', now(), '{state}')"
POST = "INSERT INTO outbound_notifications (url, project_id, payload, state) VALUES ('u', 'p', '{{}}', '{state}')"
SYNC = "INSERT INTO model_syncs (project_id, model_id, seq, removed_reason) VALUES ('p', 'm', 1, {reason})"
STATUS = (
    "WITH part AS (INSERT INTO parts VALUES ('p', gen_random_uuid(), now(), now()) RETURNING project_id, guid) "
    "INSERT INTO element_status (project_id, guid, status, effective_on) "
    "SELECT project_id, guid, {status}, {day}::date FROM part"
)
VALUE = "INSERT INTO status_values (project_id, code, weight, color) VALUES ({project}, '{code}', {weight}, '{color}')"
MEMBER = "INSERT INTO project_members (project_id, subject) VALUES ('p', '{subject}')"
ATTRIBUTE = "INSERT INTO attribute_map (project_id, name, paths, type) VALUES ('p', '{name}', '{paths}', '{type}')"

# Check constraint: statements that it must refuse, and statements that it must let pass.
CHECKS: dict[str, tuple[list[str], list[str]]] = {
    "instance_only_row_check": (["INSERT INTO instance (only_row) VALUES (false)"], []),
    "projects_id_is_a_speckle_id": (
        [f"INSERT INTO projects (id) VALUES ('{name}')" for name in ("", "a b", "a/b", "проект", "x" * 65, "ab\n")],
        [f"INSERT INTO projects (id) VALUES ('{name}')" for name in ("a", "32bc5b1b8b", "x" * 64, "A-_9")],
    ),
    "projects_state_check": (
        ["INSERT INTO projects (id, state) VALUES ('abc', 'lost')"],
        [f"INSERT INTO projects (id, state) VALUES ('abc', '{s}')" for s in ("new", "ok", "unreadable", "gone")],
    ),
    "models_state_check": (
        ["INSERT INTO models (project_id, id, name, state) VALUES ('p', 'm', 'n', 'lost')"],
        [
            f"INSERT INTO models (project_id, id, name, state) VALUES ('p', 'm', 'n', '{state}')"
            for state in ("active", "excluded", "deleted")
        ],
    ),
    "versions_state_check": (
        [VERSION.format(state="lost")],
        [
            VERSION.format(state=state)
            for state in ("pending", "syncing", "synced", "superseded", "held", "rejected", "failed", "deleted")
        ],
    ),
    "outbound_notifications_state_check": (
        [POST.format(state="lost")],
        [POST.format(state=state) for state in ("pending", "delivered", "dead")],
    ),
    "model_syncs_removed_reason_check": (
        [SYNC.format(reason="'absent'")],
        [SYNC.format(reason=reason) for reason in ("NULL", "'no_version'", "'model_deleted'")],
    ),
    "attribute_map_name_check": (
        [ATTRIBUTE.format(name="", paths="{a}", type="text")],
        [ATTRIBUTE.format(name="Пикет", paths="{a}", type="text")],
    ),
    "attribute_map_paths_check": (
        [ATTRIBUTE.format(name="a", paths="{}", type="text")],
        [ATTRIBUTE.format(name="a", paths="{a.b,c.*}", type="text")],
    ),
    "attribute_map_type_check": (
        [ATTRIBUTE.format(name="a", paths="{a}", type="point")],
        [
            ATTRIBUTE.format(name="a", paths="{a}", type=kind)
            for kind in ("text", "number", "boolean", "date", "station")
        ],
    ),
    "element_status_has_a_code": (
        [STATUS.format(status="''", day="NULL"), STATUS.format(status="repeat('x', 201)", day="NULL")],
        [STATUS.format(status="'смонтировано'", day="NULL")],
    ),
    "element_status_has_a_day": (
        [STATUS.format(status="'x'", day="'infinity'")],
        [STATUS.format(status="'x'", day="'2026-01-31'")],
    ),
    "taken_over_status_check": (
        [
            f"INSERT INTO taken_over (guid, status) VALUES (gen_random_uuid(), {status})"
            for status in ("''", "repeat('x', 201)")
        ],
        [f"INSERT INTO taken_over (guid, status) VALUES (gen_random_uuid(), {status})" for status in ("NULL", "'x'")],
    ),
    "status_values_project_id_check": (
        [VALUE.format(project="''", code="done", weight=1, color="red")],
        [VALUE.format(project=project, code="done", weight=1, color="red") for project in ("NULL", "'p'")],
    ),
    "status_values_code_check": ([VALUE.format(project="'p'", code="", weight=1, color="red")], []),
    "status_values_weight_check": (
        [VALUE.format(project="'p'", code="done", weight=w, color="red") for w in ("-0.1", "'infinity'", "'NaN'")],
        [VALUE.format(project="'p'", code="done", weight=w, color="red") for w in ("NULL", "0", "0.5", "100")],
    ),
    "status_values_color_check": (
        [VALUE.format(project="'p'", code="done", weight=1, color=c) for c in ("#12", "#12345g", "", "red;x", "1")],
        [VALUE.format(project="'p'", code="done", weight=1, color=c) for c in ("#abc", "#A1b2C3", "green")],
    ),
    "project_members_subject_check": (
        [MEMBER.format(subject="")],
        [MEMBER.format(subject=subject) for subject in ("*", "anna@example.org")],
    ),
    "model_objects_kind_check": (
        [OBJECT.format(kind="lost")],
        [OBJECT.format(kind=kind) for kind in ("container", "part", "spatial", "ignored")],
    ),
} | {
    f"{table}_{column}_check": case
    for table, form in (("model_elements", PRESENT), ("element_history", HISTORY))
    for column, case in (
        (
            "kind",
            (
                [form.format(table=table, kind="container", reason="NULL")],
                [
                    form.format(table=table, kind=kind, reason="NULL")
                    for kind in ("part", "assembly", "spatial", "void", "annotation", "other")
                ],
            ),
        ),
        (
            "removed_reason",
            (
                [form.format(table=table, kind="part", reason="'bored'")],
                [
                    form.format(table=table, kind="part", reason=f"'{reason}'")
                    for reason in ("absent", "no_version", "model_deleted")
                ],
            ),
        ),
    )
}


def test_tables_and_columns_are_those_of_the_design(owner_url: str) -> None:
    found: dict[str, set[str]] = {}
    for table, column, _, _ in run(owner_url, COLUMNS):
        found.setdefault(table, set()).add(column)
    ours = {name for name in found if not name.startswith("speckle2pg_migrations")}
    assert ours == TABLES.keys() | VIEWS.keys() | STAGING
    for view, columns in VIEWS.items():
        assert found[view] >= set(columns.split()), view
    assert found["elements_all"] == found["elements"] == found["parts_current"] - {"model_ids"}
    for table, (_, designed, further) in TABLES.items():
        assert found[table] == {*designed.split(), *further.split()}, table


@pytest.mark.parametrize("table", TABLES)
def test_primary_keys_are_those_of_the_design(owner_url: str, table: str) -> None:
    key = run(
        owner_url,
        "SELECT a.attname FROM pg_index AS i JOIN unnest(i.indkey) WITH ORDINALITY AS k (n, place) ON true "
        "JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.n "
        "WHERE i.indisprimary AND i.indrelid = %s::regclass ORDER BY k.place",
        table,
    )
    assert [row[0] for row in key] == TABLES[table][0].split()


def test_project_id_leads_every_key_that_has_it(owner_url: str) -> None:
    """So the tables can be distributed by it."""
    wrong = [name for name, (key, _, _) in TABLES.items() if "project_id" in key and not key.startswith("project_id")]
    assert not wrong


def test_columns_have_the_types_of_the_design(owner_url: str) -> None:
    found = {(row[0], row[1]): row[2] for row in run(owner_url, COLUMNS)}
    assert {key: found[key] for key in TYPES} == TYPES
    times = [key for key, kind in found.items() if key[0] in TABLES and (key[1].endswith("_at") or "timestamp" in kind)]
    assert len(times) > 25
    assert {found[key] for key in times} == {"timestamp with time zone"}


def test_element_history_has_the_columns_of_model_elements_with_the_same_types(owner_url: str) -> None:
    found = run(owner_url, COLUMNS)
    now = [(row[1], row[2]) for row in found if row[0] == "model_elements"]
    former = [(row[1], row[2]) for row in found if row[0] == "element_history"]
    assert set(former) - set(now) == {("to_seq", "bigint")}
    assert set(now) <= set(former)


def test_every_table_column_and_function_has_a_comment(owner_url: str) -> None:
    columns = run(owner_url, COLUMNS)
    silent = [row[:2] for row in columns if not row[3] and not row[0].startswith("speckle2pg_migrations")]
    assert not silent
    objects = run(
        owner_url,
        "SELECT relname FROM pg_class AS c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'S') "
        "AND obj_description(oid, 'pg_class') IS NULL "
        "AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'i') "
        "UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
        "AND obj_description(oid, 'pg_proc') IS NULL",
    )
    assert objects == []


def test_nothing_cascades(owner_url: str) -> None:
    assert run(owner_url, "SELECT conname FROM pg_constraint WHERE confdeltype = 'c'") == []


def test_every_check_constraint_has_a_case(owner_url: str) -> None:
    found = run(
        owner_url, "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    )
    assert {row[0] for row in found} == CHECKS.keys()


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_constraint_refuses_what_it_must_and_only_that(owner_url: str, name: str) -> None:
    refused, accepted = CHECKS[name]
    with psycopg.connect(owner_url) as connection:
        for statement in refused:
            with pytest.raises(psycopg.errors.CheckViolation) as caught, connection.transaction():
                connection.execute(statement.encode())
            assert caught.value.diag.constraint_name == name
        for statement in accepted:
            with connection.transaction(force_rollback=True):
                connection.execute(statement.encode())


def test_the_instance_is_one_row(owner_url: str) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(owner_url, "INSERT INTO instance DEFAULT VALUES")


def heard(url: str, *statements: str) -> list[str]:
    """The payloads that statements send on the registry's channel."""
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute("LISTEN speckle2pg_registry")
        for statement in statements:
            run(url, statement)
        run(url, "SELECT pg_notify('speckle2pg_registry', 'the end')")
        payloads: list[str] = []
        for notification in listener.notifies(timeout=10):
            if notification.payload == "the end":
                return payloads
            payloads.append(notification.payload)
    raise AssertionError("the last notification did not come")


def test_an_id_alone_registers_a_project_and_tells_the_daemon(owner_url: str) -> None:
    assert heard(owner_url, "INSERT INTO projects (id) VALUES ('abc')") == ["abc"]
    row = run(owner_url, "SELECT enabled, model_globs, every_version, separate_models, state, name FROM projects")
    assert row == [(True, ["*"], False, [], "new", None)]


@pytest.mark.parametrize(
    "change",
    ["enabled = false", "model_globs = '{!x}'", "every_version = true", "separate_models = '{a}'"],
)
def test_a_change_of_the_registry_tells_the_daemon_and_is_dated(owner_url: str, change: str) -> None:
    run(owner_url, "INSERT INTO projects (id, updated_at) VALUES ('abc', '2000-01-01')")
    assert heard(owner_url, f"UPDATE projects SET {change}") == ["abc"]
    assert run(owner_url, "SELECT updated_at > '2001-01-01' FROM projects") == [(True,)]


def test_a_deleted_project_tells_the_daemon(owner_url: str) -> None:
    run(owner_url, "INSERT INTO projects (id) VALUES ('abc')")
    assert heard(owner_url, "DELETE FROM projects") == ["abc"]


def test_what_the_daemon_writes_tells_nobody_and_dates_nothing(owner_url: str) -> None:
    run(owner_url, "INSERT INTO projects (id, updated_at) VALUES ('abc', '2000-01-01')")
    told = heard(
        owner_url,
        "UPDATE projects SET state = 'ok', state_reason = 'x', name = 'Bridge', description = 'd'",
        "UPDATE projects SET last_reconciled_at = now()",
    )
    assert told == []
    assert run(owner_url, "SELECT updated_at = '2000-01-01' FROM projects") == [(True,)]

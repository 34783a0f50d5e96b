"""Rows by the hundred thousand, as loads and people leave them: for plans, and for what large tables cost."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

# Twenty elements are a group: an assembly, its parts, and an element that knows only the part it is below. Twenty
# groups are below an assembly of assemblies. The same numbers in two models are the same parts.
_ELEMENTS = """
INSERT INTO model_elements (
    project_id, model_id, guid, application_id, object_id, content_hash, canonical_version, kind, element_type,
    element_name, category, level, material, mark, assembly_mark, assembly_guid, phase, profile, length_m, volume_m3,
    weight_kg, path, parent_guid, properties, attributes, version_id, from_seq, created_at, updated_at, change_pos)
SELECT project, model, pg_temp.guid_of(project, n), 'id-' || n, md5(n::text), sha256(n::text::bytea), 1,
    CASE place WHEN 0 THEN 'assembly' WHEN 19 THEN 'other' ELSE 'part' END,
    (ARRAY['IfcBeam', 'IfcColumn', 'IfcPlate', 'IfcMember'])[1 + n %% 4], 'Элемент ' || n %% 1000, 'Structural',
    'L' || n / 2000, 'S355', 'M' || n %% 500, 'A' || n / 20 %% 200,
    CASE WHEN place BETWEEN 1 AND 18 THEN pg_temp.guid_of(project, n - place) END,
    (n / 5000 %% 10)::text, 'HEA200', n %% 90 / 10.0, n %% 7 / 100.0, n %% 700, ARRAY['Model', 'L' || n / 2000],
    CASE
        WHEN place = 19 THEN pg_temp.guid_of(project, n - 1)
        WHEN place > 0 THEN pg_temp.guid_of(project, n - place)
        WHEN n %% 400 > 0 THEN pg_temp.guid_of(project, n - n %% 400)
    END,
    jsonb_build_object('Property Sets', jsonb_build_object('Tekla Common', jsonb_build_object(
        'Phase', n / 5000 %% 10, 'Number', n, 'Remark', repeat(md5(n::text), width / 32)))),
    jsonb_build_object('station', n / 100 * 10, 'axis', 'A' || n %% 12), 'v1-' || model, 1, at, at,
    change
FROM (VALUES (%(project)s, %(model)s, %(width)s::int, timestamptz '2026-01-01',
    (SELECT count(*) FROM models))) AS given (project, model, width, at, change)
CROSS JOIN generate_series(0, %(count)s - 1) AS n
CROSS JOIN LATERAL (VALUES (n %% 20)) AS p (place)
"""

_TREE = """
INSERT INTO model_objects (project_id, model_id, parent_object_id, position, object_id, kind, guid, is_row)
SELECT %(project)s, %(model)s, md5('group ' || n / 20), n %% 20, md5(n::text),
    CASE n %% 20 WHEN 0 THEN 'assembly' WHEN 19 THEN 'other' ELSE 'part' END, pg_temp.guid_of(%(project)s, n), true
FROM generate_series(0, %(count)s - 1) AS n
"""

_PARTS = """
INSERT INTO parts
SELECT %(project)s, pg_temp.guid_of(%(project)s, n), '2026-01-01', '2026-01-01'
FROM generate_series(0, %(count)s - 1) AS n
"""

_MODEL = """
WITH p AS (
    INSERT INTO projects (id, state, last_reconciled_at) VALUES (%(project)s, 'ok', now()) ON CONFLICT DO NOTHING
), v AS (
    INSERT INTO versions (project_id, id, model_id, created_at, state, seq, synced_at)
    VALUES (%(project)s, 'v1-' || %(model)s, %(model)s, '2026-01-01', 'synced', 1, now() - interval '3 days')
), s AS (
    INSERT INTO model_syncs (project_id, model_id, seq, version_id, synced_at)
    VALUES (%(project)s, %(model)s, 1, 'v1-' || %(model)s, now() - interval '3 days')
)
INSERT INTO models (project_id, id, name, seq, version_id, version_created_at, element_count, synced_at)
VALUES (%(project)s, %(model)s, 'model ' || %(model)s, 1, 'v1-' || %(model)s, '2026-01-01', %(count)s,
    now() - interval '3 days')
"""

# Of twelve groups five have statuses on all but the assembly, and four on the assembly alone.
_STATUSES = """
INSERT INTO element_status (project_id, guid, status, effective_on, updated_at, updated_by)
SELECT %(project)s, pg_temp.guid_of(%(project)s, n), (ARRAY['cut', 'painted', 'mounted'])[1 + n / 20 %% 3],
    '2026-02-01', now() - interval '2 days', 'anna'
FROM generate_series(0, %(count)s - 1) AS n
WHERE CASE WHEN n %% 20 = 0 THEN n / 20 %% 12 BETWEEN 5 AND 8 ELSE n / 20 %% 12 < 5 END
"""

_CHANGE = """
WITH changed AS (
    SELECT e.*
    FROM generate_series(0, (SELECT element_count FROM models WHERE project_id = %(project)s AND id = %(model)s) - 1,
                         %(every)s) AS n
    JOIN model_elements AS e
      ON e.project_id = %(project)s AND e.model_id = %(model)s AND e.guid = pg_temp.guid_of(%(project)s, n)
), before AS (
    INSERT INTO element_history SELECT c.*, 2 FROM changed AS c
), v AS (
    INSERT INTO versions (project_id, id, model_id, created_at, state, seq, synced_at)
    VALUES (%(project)s, 'v2-' || %(model)s, %(model)s, '2026-03-01', 'synced', 2, now() - interval '1 day')
), s AS (
    INSERT INTO model_syncs (project_id, model_id, seq, version_id, synced_at)
    VALUES (%(project)s, %(model)s, 2, 'v2-' || %(model)s, now() - interval '1 day')
), m AS (
    UPDATE models SET seq = 2, version_id = 'v2-' || %(model)s WHERE project_id = %(project)s AND id = %(model)s
)
UPDATE model_elements AS e
SET weight_kg = c.weight_kg + 1, content_hash = sha256(c.content_hash), version_id = 'v2-' || %(model)s, from_seq = 2,
    updated_at = '2026-03-01', change_pos = (SELECT count(*) + 1000 FROM model_syncs)
FROM changed AS c
WHERE e.project_id = c.project_id AND e.model_id = c.model_id AND e.guid = c.guid
"""


@dataclass(frozen=True, slots=True)
class Volume:
    """Writes large models straight into the tables, as the owner.

    Attributes:
        owner_url: The owner's address of the database.
        width: About how many bytes the properties of an element have.
    """

    owner_url: str
    width: int = 960

    def project(self, project: str, **models: int) -> None:
        """A project and its models by id, with how many elements each has."""
        with self._connection() as connection:
            for model, count in models.items():
                given = {"project": project, "model": model, "count": count, "width": self.width}
                for statement in (_MODEL, _ELEMENTS, _TREE):
                    connection.execute(statement.encode(), given)
            connection.execute(_PARTS.encode(), {"project": project, "count": max(models.values())})

    def statuses(self, project: str, count: int) -> int:
        """Statuses set two days ago on elements among so many first numbers; gives how many."""
        with self._connection() as connection:
            connection.execute(
                b"INSERT INTO status_values (project_id, code, sort, weight, is_done, color) VALUES"
                b" (%(p)s, 'cut', 1, 1, false, 'red'), (%(p)s, 'painted', 2, 2, false, 'blue'),"
                b" (%(p)s, 'mounted', 3, 4, true, 'green') ON CONFLICT DO NOTHING",
                {"p": project},
            )
            return connection.execute(_STATUSES.encode(), {"project": project, "count": count}).rowcount

    def change(self, project: str, model: str, every: int) -> None:
        """A second application, a day ago, that modified every n-th element."""
        with self._connection() as connection:
            connection.execute(_CHANGE.encode(), {"project": project, "model": model, "every": every})

    def finish(self) -> None:
        """Statistics and visibility, as autovacuum leaves them."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute(b"VACUUM (ANALYZE)")

    def _connection(self) -> psycopg.Connection:
        """Rows are known to be right, so nothing checks or logs them."""
        connection = psycopg.connect(
            self.owner_url, options="-c synchronous_commit=off -c session_replication_role=replica"
        )
        connection.execute(
            b"CREATE FUNCTION pg_temp.guid_of(project text, number int) RETURNS uuid IMMUTABLE LANGUAGE sql"
            b" RETURN md5(project || '/' || number)::uuid"
        )
        return connection

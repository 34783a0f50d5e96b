-- name: judge_alone
-- Until this transaction ends no other model of the project is judged: two that hold the same parts would each count on
-- the other one to keep them.
SELECT id FROM projects WHERE id = %(project_id)s FOR NO KEY UPDATE;

-- name: count_removed_with_status
-- Elements with a status that a load would remove from its model and that no other followed model of the project holds.
SELECT count(*) AS removed
FROM model_elements AS m
JOIN element_status AS t ON t.project_id = m.project_id AND t.guid = m.guid AND t.status <> 'not_started'
WHERE m.project_id = %(project_id)s
  AND m.model_id = %(model_id)s
  AND m.removed_at IS NULL
  AND NOT EXISTS (
      SELECT FROM staged_tree AS s WHERE s.load_id = %(load_id)s AND s.is_row AND s.guid = m.guid)
  AND NOT EXISTS (
      SELECT
      FROM model_elements AS o
      JOIN models AS a ON a.project_id = o.project_id AND a.id = o.model_id AND a.state = 'active'
      WHERE o.project_id = m.project_id
        AND o.guid = m.guid
        AND o.model_id <> m.model_id
        AND o.removed_at IS NULL);

-- name: find_approval
-- Whether a person let a version remove what it removes from the rows of this seq.
SELECT 1 AS approved
FROM versions
WHERE project_id = %(project_id)s AND id = %(version_id)s AND approved_seq = %(seq)s;

-- name: hold_version
-- A version waits for a person, unless one has approved it meanwhile.
UPDATE versions AS v
SET state = 'held', error = %(error)s
FROM models AS m
WHERE v.project_id = %(project_id)s
  AND v.id = %(version_id)s
  AND v.state IN ('pending', 'syncing')
  AND m.project_id = v.project_id
  AND m.id = v.model_id
  AND m.version_id IS DISTINCT FROM v.id
  AND v.approved_seq IS DISTINCT FROM m.seq;

-- name: first_changes
-- The first elements of each operation of a staged load, at most so many per operation.
WITH changes AS (
    SELECT 'added' AS operation, s.guid, f.element_type, s.name, f.mark
    FROM staged_tree AS s
    LEFT JOIN staged_facts AS f ON f.load_id = s.load_id AND f.object_id = s.object_id
    LEFT JOIN model_elements AS m
      ON m.project_id = %(project_id)s AND m.model_id = %(model_id)s AND m.guid = s.guid
    WHERE s.load_id = %(load_id)s AND s.is_row AND (m.guid IS NULL OR m.removed_at IS NOT NULL)
    UNION ALL
    SELECT 'modified', s.guid, f.element_type, s.name, f.mark
    FROM staged_tree AS s
    LEFT JOIN staged_facts AS f ON f.load_id = s.load_id AND f.object_id = s.object_id
    JOIN model_elements AS m
      ON m.project_id = %(project_id)s AND m.model_id = %(model_id)s AND m.guid = s.guid
    WHERE s.load_id = %(load_id)s AND s.is_row AND m.removed_at IS NULL AND s.content_hash <> m.content_hash
    UNION ALL
    SELECT 'removed', m.guid, m.element_type, m.element_name, m.mark
    FROM model_elements AS m
    WHERE m.project_id = %(project_id)s
      AND m.model_id = %(model_id)s
      AND m.removed_at IS NULL
      AND NOT EXISTS (
          SELECT FROM staged_tree AS s WHERE s.load_id = %(load_id)s AND s.is_row AND s.guid = m.guid)
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY operation ORDER BY element_type, name, mark, guid) AS place FROM changes
)
SELECT operation, element_type, name, mark
FROM ranked
WHERE place <= %(most)s
ORDER BY operation, place;

-- name: find_versions
-- Versions on record of an id, in one project or in any.
SELECT project_id, id, model_id, state
FROM versions
WHERE id = %(version_id)s AND (%(project_id)s::text IS NULL OR project_id = %(project_id)s)
ORDER BY project_id;

-- name: approve_version
-- A person lets a version remove what it removes from the rows that are shown now.
UPDATE versions AS v
SET state = 'pending', error = NULL, decided_by = %(actor)s, decided_at = now(),
    approved_seq = (SELECT m.seq FROM models AS m WHERE m.project_id = v.project_id AND m.id = v.model_id)
WHERE v.project_id = %(project_id)s AND v.id = %(version_id)s AND v.state IN ('held', 'rejected')
RETURNING v.model_id;

-- name: reject_version
-- A person leaves the model as it is until another version is newest.
UPDATE versions
SET state = 'rejected', decided_by = %(actor)s, decided_at = now(), approved_seq = NULL
WHERE project_id = %(project_id)s AND id = %(version_id)s AND state = 'held'
RETURNING model_id;

-- name: retry_version
-- A person has a failed version tried again.
UPDATE versions
SET state = 'pending'
WHERE project_id = %(project_id)s AND id = %(version_id)s AND state = 'failed'
RETURNING model_id;

-- name: newest_on_record
-- The newest version of a model.
SELECT id, state
FROM versions
WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND state <> 'deleted'
ORDER BY created_at DESC, id COLLATE "C" DESC
LIMIT 1;

-- name: ring_requests
-- Tells a running daemon, when the transaction commits, that a request waits.
SELECT pg_notify('speckle2pg_requests', %(project_id)s);

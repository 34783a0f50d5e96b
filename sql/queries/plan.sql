-- name: stored_models
-- The cursors of a project's models.
SELECT id, name, state, seq, version_id, version_created_at, element_count, derivation
FROM models
WHERE project_id = %(project_id)s;

-- name: record_model
-- Keeps a model's name and whether it is followed; a deleted model that is listed again lives again.
INSERT INTO models (project_id, id, name, description, state)
VALUES (%(project_id)s, %(model_id)s, %(name)s, %(description)s, %(state)s)
ON CONFLICT (project_id, id) DO UPDATE
    SET name = EXCLUDED.name,
        description = EXCLUDED.description,
        state = EXCLUDED.state,
        deleted_at = NULL
    WHERE (models.name, models.description, models.state)
        IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.description, EXCLUDED.state);

-- name: count_versions
-- How many versions of a model are on record: of those given, and others. Deleted ones do not count.
SELECT count(*) FILTER (WHERE id = ANY(%(ids)s)) AS listed,
       count(*) FILTER (WHERE NOT id = ANY(%(ids)s)) AS others
FROM versions
WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND state <> 'deleted';

-- name: recorded_versions
-- All versions on record in a model.
SELECT id FROM versions WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND state <> 'deleted';

-- name: record_versions
-- Lists what the server lists. The newest one waits to be applied, unless it was decided on; in another model than
-- before it is judged anew.
INSERT INTO versions AS v (project_id, id, model_id, root_object_id, source_application, author, message,
                           created_at, announced_at, announced_by, state)
SELECT %(project_id)s, r.id, %(model_id)s, r.root_object_id, r.source_application, r.author, r.message,
       r.created_at, %(announced_at)s, %(announced_by)s,
       CASE WHEN r.id = %(newest_id)s THEN 'pending' ELSE 'superseded' END
FROM jsonb_to_recordset(%(versions)s) AS r (
    id text, root_object_id text, source_application text, author text, message text, created_at timestamptz)
ON CONFLICT (project_id, id) DO UPDATE
    SET model_id = EXCLUDED.model_id,
        root_object_id = EXCLUDED.root_object_id,
        source_application = EXCLUDED.source_application,
        author = EXCLUDED.author,
        message = EXCLUDED.message,
        created_at = EXCLUDED.created_at,
        approved_seq = CASE WHEN v.model_id = EXCLUDED.model_id THEN v.approved_seq END,
        state = CASE
            WHEN v.id = %(newest_id)s AND v.state IN ('superseded', 'deleted') THEN 'pending'
            WHEN v.id = %(newest_id)s AND v.model_id <> EXCLUDED.model_id AND v.state IN ('failed', 'held', 'rejected')
                THEN 'pending'
            WHEN v.state = 'deleted' THEN CASE WHEN v.seq IS NULL THEN 'superseded' ELSE 'synced' END
            ELSE v.state
        END
    WHERE (v.model_id, v.root_object_id, v.source_application, v.author, v.message, v.created_at)
            IS DISTINCT FROM (EXCLUDED.model_id, EXCLUDED.root_object_id, EXCLUDED.source_application,
                              EXCLUDED.author, EXCLUDED.message, EXCLUDED.created_at)
       OR v.state = 'deleted'
       OR v.id = %(newest_id)s AND v.state = 'superseded';

-- name: pass_over_versions
-- All but the newest version of a model are superseded unless they were applied. Where every version is loaded, those
-- newer than what the model shows still wait.
UPDATE versions
SET state = 'superseded',
    -- What to do about it is no longer to be done.
    error = CASE WHEN state = 'held' THEN 'it was held: ' || split_part(error, ': `speckle2pg', 1) ELSE error END
WHERE project_id = %(project_id)s
  AND model_id = %(model_id)s
  AND id <> %(newest_id)s
  AND state IN ('pending', 'syncing', 'failed', 'held', 'rejected')
  AND NOT (%(every)s
           AND state IN ('pending', 'syncing')
           AND (%(shown_id)s::text IS NULL
                OR (created_at, id COLLATE "C") > (%(shown_at)s::timestamptz, %(shown_id)s::text)));

-- name: await_untried_versions
-- Versions that are newer than what the model shows and were never tried wait to be loaded in their turn.
UPDATE versions
SET state = 'pending'
WHERE project_id = %(project_id)s
  AND model_id = %(model_id)s
  AND state = 'superseded'
  AND attempts = 0
  AND (%(shown_id)s::text IS NULL
       OR (created_at, id COLLATE "C") > (%(shown_at)s::timestamptz, %(shown_id)s::text));

-- name: versions_before
-- Versions to load before the newest one: newer than what the model shows, in the order of their creation.
SELECT v.id, v.created_at, v.root_object_id, v.source_application
FROM versions AS v
JOIN versions AS n ON n.project_id = v.project_id AND n.id = %(newest_id)s
WHERE v.project_id = %(project_id)s
  AND v.model_id = %(model_id)s
  AND v.state IN ('pending', 'syncing', 'synced')
  AND (v.created_at, v.id COLLATE "C") < (n.created_at, n.id)
  AND (%(shown_id)s::text IS NULL
       OR (v.created_at, v.id COLLATE "C") > (%(shown_at)s::timestamptz, %(shown_id)s::text))
ORDER BY v.created_at, v.id COLLATE "C";

-- name: record_vanished_versions
-- Versions of a model, newer than a moment if one is given, that the server no longer lists there.
UPDATE versions
SET state = 'deleted'
WHERE project_id = %(project_id)s
  AND model_id = %(model_id)s
  AND (%(since)s::timestamptz IS NULL OR created_at > %(since)s)
  AND NOT id = ANY(%(ids)s)
  AND state <> 'deleted';

-- name: version_state
-- What is on record of one version.
SELECT state, attempts, error FROM versions WHERE project_id = %(project_id)s AND id = %(version_id)s;

-- name: begin_version
-- An attempt to apply a version starts.
UPDATE versions
SET state = 'syncing', attempts = attempts + 1, started_at = now()
WHERE project_id = %(project_id)s AND id = %(version_id)s
RETURNING attempts;

-- name: record_attempt
-- An attempt ended without being applied: it waits for the next one, or it failed for good. If the model shows the
-- version all the same, another writer was faster, and it is synced.
UPDATE versions AS v
SET state = CASE WHEN shown.yes THEN 'synced' ELSE %(state)s END,
    error = CASE WHEN shown.yes THEN NULL ELSE %(error)s END
FROM (
    SELECT EXISTS (
        SELECT FROM models AS m WHERE m.project_id = %(project_id)s AND m.version_id = %(version_id)s) AS yes
) AS shown
WHERE v.project_id = %(project_id)s AND v.id = %(version_id)s AND v.state IN ('pending', 'syncing');

-- name: stored_tree
-- The tree of the applied version, in document order below each parent.
SELECT parent_object_id, position, object_id, kind, application_id, element_id, name, own_category, own_level,
       own_hash
FROM model_objects
WHERE project_id = %(project_id)s AND model_id = %(model_id)s
ORDER BY parent_object_id, position;

-- name: stored_cursor
-- Where a model stands.
SELECT name, state, seq, version_id, version_created_at, element_count, derivation
FROM models
WHERE project_id = %(project_id)s AND id = %(model_id)s;

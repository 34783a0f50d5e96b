-- name: list_projects
-- Every row of the registry.
SELECT id, name, enabled, model_globs, every_version, separate_models, state, state_reason, last_reconciled_at,
       created_at,
       (SELECT md5(string_agg(a::text, ',' ORDER BY a.name)) FROM attribute_map AS a WHERE a.project_id = projects.id)
           AS attribute_map
FROM projects
ORDER BY id;

-- name: get_project
-- One row of the registry.
SELECT id, name, enabled, model_globs, every_version, separate_models, state, state_reason, last_reconciled_at
FROM projects
WHERE id = %(project_id)s;

-- name: attribute_rules
-- What a project picks out of properties.
SELECT name, paths, type FROM attribute_map WHERE project_id = %(project_id)s ORDER BY name;

-- name: add_project
-- Registers a project, or enables it again; inserted says whether the row is new.
INSERT INTO projects (id, name, model_globs)
VALUES (%(project_id)s, %(name)s, COALESCE(%(model_globs)s::text[], '{*}'))
ON CONFLICT (id) DO UPDATE
    SET name = COALESCE(EXCLUDED.name, projects.name),
        model_globs = COALESCE(%(model_globs)s::text[], projects.model_globs),
        enabled = true,
        updated_at = now()
RETURNING id, name, enabled, model_globs, state, state_reason, (xmax = 0) AS inserted;

-- name: register_project
-- Registers a project unless it is there; a row that is there stays as it is.
INSERT INTO projects (id, name) VALUES (%(project_id)s, %(name)s) ON CONFLICT (id) DO NOTHING;

-- name: show_project
-- A row of the registry as programs see it.
SELECT id, name, description, enabled, model_globs, state, state_reason FROM projects WHERE id = %(project_id)s;

-- name: enable_project
-- Pauses or resumes a project.
UPDATE projects
SET enabled = %(enabled)s, updated_at = now()
WHERE id = %(project_id)s
RETURNING id;

-- name: delete_project
-- Takes a project out of the registry; its rows stay.
DELETE FROM projects WHERE id = %(project_id)s RETURNING id;

-- name: record_project
-- What the server says of a project: its name, description and whether it can be read.
UPDATE projects
SET name = COALESCE(%(name)s, name),
    description = COALESCE(%(description)s, description),
    state = %(state)s,
    state_reason = %(reason)s,
    last_reconciled_at = CASE WHEN %(is_whole)s THEN now() ELSE last_reconciled_at END
WHERE id = %(project_id)s;

-- name: get_instance
-- Which Speckle server this schema belongs to.
SELECT server_url, server_id, schema_version, feed_base FROM instance;

-- name: bind_instance
-- Ties the schema to a server, unless it already belongs to one (then the caller compares).
UPDATE instance
SET server_url = %(server_url)s, server_id = %(server_id)s
WHERE server_url IS NULL OR %(rebind)s
RETURNING server_url;

-- name: record_public_url
-- Keeps the server's address for browsers where the views find it.
UPDATE instance SET public_url = %(public_url)s WHERE public_url IS DISTINCT FROM %(public_url)s;

-- name: adopt_statuses
-- Gives statuses that were taken over without a project to the one that has their guid.
SELECT adopt_statuses() AS adopted;

-- name: project_summary
-- Projects with their models, elements and lag, for status and for people.
SELECT p.id, p.name, p.enabled, p.state, p.state_reason, p.last_reconciled_at,
       COALESCE(m.models, 0) AS models,
       COALESCE(m.elements, 0) AS elements,
       m.synced_at,
       COALESCE(v.waiting, 0) AS waiting,
       COALESCE(v.failed, 0) AS failed,
       COALESCE(v.held, 0) AS held,
       CASE
           WHEN NOT p.enabled THEN 0
           -- Not looked at since it was registered: as far behind as it can be.
           WHEN p.state = 'new' THEN
               GREATEST(v.lag_seconds, EXTRACT(epoch FROM now() - p.updated_at)::double precision)
           ELSE COALESCE(v.lag_seconds, 0)
       END AS lag_seconds,
       CASE WHEN p.enabled THEN COALESCE(v.oldest_pending_seconds, 0) ELSE 0 END AS oldest_pending_seconds
FROM projects AS p
LEFT JOIN (
    SELECT project_id, count(*) AS models, sum(element_count)::bigint AS elements, max(synced_at) AS synced_at
    FROM models
    WHERE state = 'active'
    GROUP BY project_id
) AS m ON m.project_id = p.id
LEFT JOIN (
    SELECT project_id,
           count(*) FILTER (WHERE state IN ('pending', 'syncing')) AS waiting,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state = 'held') AS held,
           EXTRACT(epoch FROM now() - min(announced_at) FILTER (WHERE state IN ('pending', 'syncing', 'failed')))
               ::double precision AS lag_seconds,
           EXTRACT(epoch FROM now() - min(announced_at) FILTER (WHERE state IN ('pending', 'syncing')))
               ::double precision AS oldest_pending_seconds
    FROM versions
    WHERE state IN ('pending', 'syncing', 'failed', 'held')
    GROUP BY project_id
) AS v ON v.project_id = p.id
ORDER BY p.id;

-- name: model_summary
-- Models of a project, or of all, with the version that their rows show.
SELECT project_id, id, name, state, seq, version_id, version_created_at, element_count, synced_at, source_application
FROM models
WHERE %(project_id)s::text IS NULL OR project_id = %(project_id)s
ORDER BY project_id, name, id;

-- name: unfinished_versions
-- Versions that wait or need a person, newest first.
SELECT project_id, id, model_id, state, attempts, error, created_at, announced_at, announced_by
FROM versions
WHERE state IN ('pending', 'syncing', 'held', 'failed')
ORDER BY announced_at DESC
LIMIT 100;

-- name: log_admin
-- Notes what an administrator did.
INSERT INTO admin_log (actor, action, project_id, subject, details)
VALUES (%(actor)s, %(action)s, %(project_id)s, %(subject)s, %(details)s);

-- name: accept_request
-- Keeps a request to look before it is answered. A crash of the database may lose it; the catch-up then finds all.
INSERT INTO sync_requests (project_id, model_id, cause, requested_by)
VALUES (%(project_id)s, %(model_id)s, %(cause)s, %(requested_by)s)
RETURNING id;

-- name: open_requests
-- Requests that were accepted and not yet handled, oldest first.
SELECT id, project_id, model_id, cause FROM sync_requests WHERE handled_at IS NULL ORDER BY id;

-- name: settle_request
-- What came of a request.
UPDATE sync_requests SET handled_at = now(), result = %(result)s WHERE id = %(request_id)s;

-- name: version_report
-- One version with its counts and the seconds from its creation to its commit.
SELECT id, state, error, added, modified, removed, restored, unchanged,
       round(EXTRACT(epoch FROM synced_at - created_at)::numeric, 3)::double precision AS lag_seconds
FROM versions
WHERE project_id = %(project_id)s AND id = %(version_id)s;

-- name: elements_by_type
-- Elements of a project by kind and type.
SELECT kind, element_type,
       count(*) FILTER (WHERE removed_at IS NULL) AS present,
       count(*) FILTER (WHERE removed_at IS NOT NULL) AS removed,
       sum(weight_kg) FILTER (WHERE removed_at IS NULL) AS weight_kg
FROM model_elements
WHERE project_id = %(project_id)s
GROUP BY kind, element_type
ORDER BY kind, present DESC, element_type;

-- name: latest_changes
-- The elements that changed last, at most four per operation.
SELECT operation, element_type, element_name, mark, path
FROM (
    SELECT e.*, CASE WHEN e.removed_at IS NOT NULL THEN 'removed'
                     WHEN e.created_at = e.updated_at THEN 'added'
                     ELSE 'modified' END AS operation,
           row_number() OVER (
               PARTITION BY e.removed_at IS NULL, e.created_at = e.updated_at
               ORDER BY e.change_pos DESC, e.element_name) AS place
    FROM model_elements AS e
    JOIN models AS m ON m.project_id = e.project_id AND m.id = e.model_id
    WHERE e.project_id = %(project_id)s AND m.seq > 1
) AS ranked
WHERE place <= 4
ORDER BY operation, place;

-- name: stuck_versions
-- Versions of a project that were not applied and wait for a person.
SELECT id, model_id, state, error
FROM versions
WHERE project_id = %(project_id)s AND state IN ('failed', 'held')
ORDER BY created_at DESC;

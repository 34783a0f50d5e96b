-- name: make_side_tables
-- Tables of this session with the names of the real ones: the ordinary load writes to them while they come first in
-- search_path. model_state holds a model as it was at one seq.
DO $block$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'models', 'versions', 'model_syncs', 'model_objects', 'model_elements', 'element_history', 'parts', 'loads',
        'staged_facts', 'staged_tree']
    LOOP
        EXECUTE format('CREATE TEMP TABLE pg_temp.%%I (LIKE %%I INCLUDING ALL EXCLUDING COMMENTS)', name, name);
    END LOOP;
    CREATE TEMP TABLE pg_temp.model_state (LIKE model_elements INCLUDING ALL EXCLUDING COMMENTS);
END
$block$;

-- name: empty_side_tables
-- A replay begins anew.
TRUNCATE pg_temp.models, pg_temp.versions, pg_temp.model_syncs, pg_temp.model_objects, pg_temp.model_elements,
    pg_temp.element_history, pg_temp.parts, pg_temp.loads, pg_temp.staged_facts, pg_temp.staged_tree,
    pg_temp.model_state;

-- name: find_side_tables
-- Whether the session has tables of its own, and whether they are those of this replay: behind a pooler another one may
-- have been given the same session.
SELECT made, made AND current_setting('speckle2pg.replay', true) IS NOT DISTINCT FROM %(token)s::text AS ours
FROM (SELECT to_regclass('pg_temp.model_state') IS NOT NULL AS made) AS found;

-- name: claim_side_tables
-- Says whose tables they are, for the session.
SELECT set_config('speckle2pg.replay', %(token)s, false);

-- name: shadow_tables
-- Puts the session's own tables before the real ones, for this transaction.
SELECT set_config('search_path', 'pg_temp, ' || current_setting('search_path'), true);

-- name: replay_start
-- Where a model stands, and since which seq its states can be told.
SELECT seq, version_id, version_created_at, element_count, derivation, history_seq
FROM models
WHERE project_id = %(project_id)s AND id = %(model_id)s;

-- name: applications
-- What was applied to a model, in order. Where nothing was left in it, its rows say when that was.
SELECT s.seq, s.version_id, s.removed_reason, v.root_object_id, v.source_application,
       COALESCE(
           v.created_at,
           (SELECT max(e.removed_at) FROM model_elements AS e
            WHERE e.project_id = s.project_id AND e.model_id = s.model_id AND e.removed_seq = s.seq
              AND s.version_id IS NULL),
           s.synced_at) AS at
FROM model_syncs AS s
LEFT JOIN versions AS v ON v.project_id = s.project_id AND v.id = s.version_id
WHERE s.project_id = %(project_id)s AND s.model_id = %(model_id)s
ORDER BY s.seq;

-- name: replayable_versions
-- Of these versions of a model those that are on record and that no person rejected.
SELECT id, created_at, root_object_id, source_application
FROM versions
WHERE project_id = %(project_id)s
  AND model_id = %(model_id)s
  AND id = ANY(%(ids)s)
  AND state NOT IN ('held', 'rejected')
  AND (decided_at IS NULL OR approved_seq IS NOT NULL)
ORDER BY created_at, id COLLATE "C";

-- name: copy_model_aside
-- The model's row as it was when it showed a version, or nothing yet.
INSERT INTO pg_temp.models SELECT * FROM models WHERE project_id = %(project_id)s AND id = %(model_id)s;

-- name: set_model_aside
-- Where the replay begins.
UPDATE pg_temp.models SET seq = %(seq)s, version_id = %(version_id)s;

-- name: copy_versions_aside
-- All versions of the model, and those that it showed once and that are in another one now.
INSERT INTO pg_temp.versions
SELECT *
FROM versions AS v
WHERE v.project_id = %(project_id)s
  AND (v.model_id = %(model_id)s
       OR EXISTS (
           SELECT FROM model_syncs AS s
           WHERE s.project_id = v.project_id AND s.model_id = %(model_id)s AND s.version_id = v.id));

-- name: forget_steps
-- What was applied on the side so far, but for the tree that it left.
TRUNCATE pg_temp.model_syncs, pg_temp.model_elements, pg_temp.element_history, pg_temp.parts;

-- name: forget_state
-- Before another state is told.
TRUNCATE pg_temp.model_state;

-- name: tell_state
-- The model as it was at a seq, with the elements that were removed by then: of each the last image that began. A
-- removal that was undone since is told by the application that did it.
INSERT INTO pg_temp.model_state (
    project_id, model_id, guid, application_id, object_id, content_hash, canonical_version, kind, element_type,
    element_name, category, level, material, mark, assembly_mark, assembly_guid, phase, profile, length_m, area_m2,
    volume_m3, weight_kg, path, parent_guid, properties, attributes, version_id, from_seq, created_at, updated_at,
    change_pos, removed_at, removed_seq, removed_version_id, removed_reason)
SELECT i.project_id, i.model_id, i.guid, i.application_id, i.object_id, i.content_hash, i.canonical_version, i.kind,
    i.element_type, i.element_name, i.category, i.level, i.material, i.mark, i.assembly_mark, i.assembly_guid, i.phase,
    i.profile, i.length_m, i.area_m2, i.volume_m3, i.weight_kg, i.path, i.parent_guid, i.properties, i.attributes,
    i.version_id, i.from_seq, i.created_at, i.updated_at, i.change_pos,
    CASE WHEN s.seq IS NOT NULL THEN COALESCE(i.removed_at, v.created_at, s.synced_at) END,
    s.seq,
    CASE WHEN s.seq IS NOT NULL THEN COALESCE(i.removed_version_id, s.version_id) END,
    CASE WHEN s.seq IS NOT NULL THEN COALESCE(i.removed_reason, s.removed_reason, 'absent') END
FROM (
    SELECT DISTINCT ON (guid) *
    FROM (
        SELECT project_id, model_id, guid, application_id, object_id, content_hash, canonical_version, kind,
            element_type, element_name, category, level, material, mark, assembly_mark, assembly_guid, phase, profile,
            length_m, area_m2, volume_m3, weight_kg, path, parent_guid, properties, attributes, version_id, from_seq,
            created_at, updated_at, change_pos, removed_at, removed_version_id, removed_reason, to_seq
        FROM element_history
        WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND from_seq <= %(seq)s
        UNION ALL
        SELECT project_id, model_id, guid, application_id, object_id, content_hash, canonical_version, kind,
            element_type, element_name, category, level, material, mark, assembly_mark, assembly_guid, phase, profile,
            length_m, area_m2, volume_m3, weight_kg, path, parent_guid, properties, attributes, version_id, from_seq,
            created_at, updated_at, change_pos, removed_at, removed_version_id, removed_reason, removed_seq
        FROM model_elements
        WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND from_seq <= %(seq)s
    ) AS images
    ORDER BY guid, from_seq DESC, removed_at IS NULL
) AS i
LEFT JOIN model_syncs AS s
  ON s.project_id = i.project_id AND s.model_id = i.model_id AND s.seq = i.to_seq AND s.seq <= %(seq)s
LEFT JOIN versions AS v ON v.project_id = s.project_id AND v.id = s.version_id;

-- name: begin_with_state
-- The replay begins with the told state.
INSERT INTO pg_temp.model_elements SELECT * FROM pg_temp.model_state;

-- name: stage_state_tree
-- The told state as the tree of a version: one edge per row. Rows may share an object, while facts are kept by object
-- id: so that bears the guid until the rows are written.
INSERT INTO pg_temp.staged_tree (load_id, parent_object_id, position, object_id, kind, guid, application_id, is_row,
    path, parent_guid, assembly_guid, level, category, content_hash)
SELECT %(load_id)s, '', row_number() OVER (ORDER BY guid), object_id || '#' || guid, kind, guid, application_id, true,
    path, parent_guid, assembly_guid, level, category, content_hash
FROM pg_temp.model_state
WHERE removed_at IS NULL;

-- name: stage_state_facts
-- The told state as what objects say of themselves.
INSERT INTO pg_temp.staged_facts (load_id, object_id, element_type, element_name, material, mark, assembly_mark, phase,
    profile, length_m, area_m2, volume_m3, weight_kg, properties, attributes)
SELECT %(load_id)s, object_id || '#' || guid, element_type, element_name, material, mark, assembly_mark, phase,
    profile, length_m, area_m2, volume_m3, weight_kg, properties, attributes
FROM pg_temp.model_state
WHERE removed_at IS NULL;

-- name: name_objects_again
-- Rows written from a told state bear their object ids again.
UPDATE pg_temp.model_elements
SET object_id = left(object_id, -37)
WHERE object_id LIKE '%%#' || guid;

-- name: differing_elements
-- How many elements are present in the replayed model or in the real one, and not in the other.
SELECT count(*) AS differing
FROM (SELECT guid FROM pg_temp.model_elements WHERE removed_at IS NULL) AS t
FULL JOIN (
    SELECT guid FROM model_elements
    WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND removed_at IS NULL
) AS m ON m.guid = t.guid
WHERE t.guid IS NULL OR m.guid IS NULL;

-- name: drop_history_after
-- The images that ended after the seq at which the replay began.
DELETE FROM element_history
WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND to_seq > %(start)s;

-- name: take_history
-- The replayed images in their place.
INSERT INTO element_history SELECT * FROM pg_temp.element_history;

-- name: settle_unknown_elements
-- Rows of elements that no replayed version held were removed in states that cannot be told any more: their images are
-- empty, before the first state that can.
UPDATE model_elements AS m
SET from_seq = LEAST(m.from_seq, %(start)s),
    removed_seq = LEAST(m.removed_seq, %(start)s),
    change_pos = (SELECT next_position())
WHERE m.project_id = %(project_id)s
  AND m.model_id = %(model_id)s
  AND m.removed_seq > %(start)s
  AND NOT EXISTS (SELECT FROM pg_temp.model_elements AS t WHERE t.guid = m.guid);

-- name: keep_positions
-- A replayed row begins with what the real one has that a replay cannot know: its place in the feed, and that it was
-- seen in a version that is not replayed.
UPDATE pg_temp.model_elements AS t
SET change_pos = m.change_pos, created_at = LEAST(t.created_at, m.created_at)
FROM model_elements AS m
WHERE m.project_id = %(project_id)s AND m.model_id = %(model_id)s AND m.guid = t.guid;

-- name: find_changed_elements
-- Rows that the replay made different in any column, or that are new, take their place in the feed now.
UPDATE pg_temp.model_elements AS t
SET change_pos = (SELECT next_position())
WHERE NOT EXISTS (
    SELECT FROM model_elements AS m
    WHERE m.project_id = %(project_id)s
      AND m.model_id = %(model_id)s
      AND m.guid = t.guid
      AND ROW(m.*) IS NOT DISTINCT FROM ROW(t.*));

-- name: take_elements
-- Writes those rows.
INSERT INTO model_elements
SELECT *
FROM pg_temp.model_elements
WHERE change_pos = (SELECT next_position())
ON CONFLICT (project_id, model_id, guid) DO UPDATE
    SET application_id = EXCLUDED.application_id,
        object_id = EXCLUDED.object_id,
        content_hash = EXCLUDED.content_hash,
        canonical_version = EXCLUDED.canonical_version,
        kind = EXCLUDED.kind,
        element_type = EXCLUDED.element_type,
        element_name = EXCLUDED.element_name,
        category = EXCLUDED.category,
        level = EXCLUDED.level,
        material = EXCLUDED.material,
        mark = EXCLUDED.mark,
        assembly_mark = EXCLUDED.assembly_mark,
        assembly_guid = EXCLUDED.assembly_guid,
        phase = EXCLUDED.phase,
        profile = EXCLUDED.profile,
        length_m = EXCLUDED.length_m,
        area_m2 = EXCLUDED.area_m2,
        volume_m3 = EXCLUDED.volume_m3,
        weight_kg = EXCLUDED.weight_kg,
        path = EXCLUDED.path,
        parent_guid = EXCLUDED.parent_guid,
        properties = EXCLUDED.properties,
        attributes = EXCLUDED.attributes,
        version_id = EXCLUDED.version_id,
        from_seq = EXCLUDED.from_seq,
        created_at = EXCLUDED.created_at,
        updated_at = EXCLUDED.updated_at,
        removed_at = EXCLUDED.removed_at,
        removed_seq = EXCLUDED.removed_seq,
        removed_version_id = EXCLUDED.removed_version_id,
        removed_reason = EXCLUDED.removed_reason,
        change_pos = EXCLUDED.change_pos;

-- name: keep_sync_times
-- An application that happened keeps when that was; a replayed one takes its place in the feed now.
UPDATE pg_temp.model_syncs AS t
SET synced_at = COALESCE(s.synced_at, t.synced_at),
    change_pos = COALESCE(s.change_pos, (SELECT next_position()))
FROM jsonb_to_recordset(%(replayed)s) AS r (seq bigint, was bigint)
LEFT JOIN model_syncs AS s
  ON s.project_id = %(project_id)s AND s.model_id = %(model_id)s AND s.seq = r.was
WHERE t.seq = r.seq;

-- name: drop_syncs_after
-- Applications after the one at which the replay began.
DELETE FROM model_syncs WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND seq > %(start)s;

-- name: take_syncs
-- All of them and the replayed ones, in order.
INSERT INTO model_syncs SELECT * FROM pg_temp.model_syncs;

-- name: take_counts
-- What each version changed, against the version that now stands before it.
UPDATE versions AS v
SET base_version_id = t.base_version_id, added = t.added, modified = t.modified, removed = t.removed,
    restored = t.restored, unchanged = t.unchanged
FROM pg_temp.versions AS t
WHERE v.project_id = %(project_id)s
  AND v.model_id = %(model_id)s
  AND v.id = t.id
  AND EXISTS (SELECT FROM pg_temp.model_syncs AS s WHERE s.version_id = v.id);

-- name: take_traffic
-- Versions that were never applied before are synced, with what that took.
UPDATE versions AS v
SET state = CASE v.state WHEN 'deleted' THEN 'deleted' ELSE 'synced' END, error = NULL, attempts = t.attempts,
    started_at = t.started_at, synced_at = t.synced_at, duplicates = t.duplicates, replaced = t.replaced,
    objects_fetched = t.objects_fetched, bytes_fetched = t.bytes_fetched, requests = t.requests,
    stage_seconds = t.stage_seconds
FROM pg_temp.versions AS t
WHERE v.project_id = %(project_id)s
  AND v.model_id = %(model_id)s
  AND v.id = t.id
  AND v.id = ANY(%(ids)s);

-- name: renumber_versions
-- Each version's last application.
UPDATE versions AS v
SET seq = s.seq
FROM (
    SELECT o.id, max(a.seq) AS seq
    FROM versions AS o
    LEFT JOIN model_syncs AS a
      ON a.project_id = o.project_id AND a.model_id = o.model_id AND a.version_id = o.id
    WHERE o.project_id = %(project_id)s AND o.model_id = %(model_id)s
    GROUP BY o.id
) AS s
WHERE v.project_id = %(project_id)s
  AND v.model_id = %(model_id)s
  AND v.id = s.id
  AND v.seq IS DISTINCT FROM s.seq;

-- name: keep_approvals
-- What a person let a version remove from the rows that are shown, it may remove under their new seq.
UPDATE versions
SET approved_seq = %(seq)s
WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND approved_seq = %(was)s AND seq IS NULL;

-- name: renumber_model
-- The model shows what it showed, under its new seq.
UPDATE models AS m
SET seq = t.seq, history_seq = %(history_seq)s
FROM pg_temp.models AS t
WHERE m.project_id = %(project_id)s AND m.id = %(model_id)s
RETURNING m.element_count = t.element_count AND m.version_id IS NOT DISTINCT FROM t.version_id AS same;

-- name: take_parts
-- Parts that only replayed versions held, and parts that were there earlier than was known.
INSERT INTO parts AS p (project_id, guid, first_seen_at, last_seen_at)
SELECT t.project_id, t.guid, t.first_seen_at, t.last_seen_at
FROM pg_temp.parts AS t
LEFT JOIN parts AS k ON k.project_id = t.project_id AND k.guid = t.guid
WHERE k.guid IS NULL OR t.first_seen_at < k.first_seen_at OR t.last_seen_at > k.last_seen_at
ORDER BY t.guid
ON CONFLICT (project_id, guid) DO UPDATE
    SET first_seen_at = LEAST(p.first_seen_at, EXCLUDED.first_seen_at),
        last_seen_at = GREATEST(p.last_seen_at, EXCLUDED.last_seen_at);

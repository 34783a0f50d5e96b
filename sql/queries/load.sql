-- name: open_load
-- Starts a load and gives its id.
INSERT INTO loads (project_id, model_id, version_id)
VALUES (%(project_id)s, %(model_id)s, %(version_id)s)
RETURNING id;

-- name: copy_facts
-- Stages what downloaded objects say of themselves.
COPY staged_facts (load_id, object_id, element_type, element_name, material, mark, assembly_mark, phase, profile,
    length_m, area_m2, volume_m3, weight_kg, properties, attributes)
FROM STDIN;

-- name: copy_tree
-- Stages the tree of a version.
COPY staged_tree (load_id, parent_object_id, position, object_id, kind, guid, application_id, element_id, name,
    own_category, own_level, own_hash, is_row, path, parent_guid, assembly_guid, level, category, content_hash)
FROM STDIN;

-- name: lock_model
-- One writer per model: the row is held until the transaction ends, and its seq is compared with the plan's.
-- Its project cannot be taken out of the registry meanwhile, nor loaded once it was.
SELECT m.seq, m.version_id, m.derivation
FROM models AS m
JOIN projects AS p ON p.id = m.project_id
WHERE m.project_id = %(project_id)s AND m.id = %(model_id)s
FOR UPDATE OF m FOR KEY SHARE OF p;

-- name: plan_for_whole_models
-- For this transaction. A load reads whole models, while the planner takes freshly staged rows, of which it has no
-- statistics, for very few: nested loops over them would grow with the square of the model.
SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true);

-- name: accept_noise
-- Where only an element's own content hashes differently, it is unchanged all the same if no leaf of it differs from its
-- row (numbers within the tolerance), or if it is the object that was found so before. It takes over the row's hash. The
-- row keeps its values, so that differences that are each too small to count do not add up unseen.
UPDATE staged_tree AS s
SET content_hash = m.content_hash
FROM model_elements AS m
WHERE s.load_id = %(load_id)s
  AND s.is_row
  AND m.project_id = %(project_id)s
  AND m.model_id = %(model_id)s
  AND m.guid = s.guid
  AND m.removed_at IS NULL
  AND m.content_hash <> s.content_hash
  AND substr(m.content_hash, 17) = substr(s.content_hash, 17)
  AND (
      EXISTS (
          SELECT FROM model_objects AS o
          WHERE o.project_id = m.project_id
            AND o.model_id = m.model_id
            AND o.guid = s.guid
            AND o.object_id = s.object_id
            AND o.is_row)
      OR EXISTS (
          SELECT FROM staged_facts AS f
          WHERE f.load_id = s.load_id
            AND f.object_id = s.object_id
            AND (m.application_id, m.element_type, m.element_name, m.mark, m.assembly_mark, m.phase, m.profile)
                IS NOT DISTINCT FROM
                (s.application_id, f.element_type, f.element_name, f.mark, f.assembly_mark, f.phase, f.profile)
            AND is_close(m.length_m, f.length_m)
            AND is_close(m.area_m2, f.area_m2)
            AND is_close(m.volume_m3, f.volume_m3)
            AND is_close(m.weight_kg, f.weight_kg)
            AND NOT EXISTS (SELECT FROM json_differences(m.properties, f.properties)))
  );

-- name: carry_facts
-- A known object was not downloaded. Where its row has to be written all the same (its place or its guid
-- changed), its facts are taken from the row of its guid in the applied version: its own, or that of an equal object.
INSERT INTO staged_facts (load_id, object_id, element_type, element_name, material, mark, assembly_mark, phase, profile,
    length_m, area_m2, volume_m3, weight_kg, properties, attributes)
SELECT DISTINCT ON (s.object_id) s.load_id, s.object_id, e.element_type, e.element_name, e.material, e.mark,
    e.assembly_mark, e.phase, e.profile, e.length_m, e.area_m2, e.volume_m3, e.weight_kg, e.properties, e.attributes
FROM staged_tree AS s
JOIN model_objects AS o
  ON o.project_id = %(project_id)s AND o.model_id = %(model_id)s AND o.object_id = s.object_id
JOIN model_elements AS e
  ON e.project_id = o.project_id AND e.model_id = o.model_id AND e.guid = o.guid
LEFT JOIN model_elements AS m
  ON m.project_id = %(project_id)s AND m.model_id = %(model_id)s AND m.guid = s.guid
WHERE s.load_id = %(load_id)s
  AND s.is_row
  AND (m.guid IS NULL OR m.removed_at IS NOT NULL OR m.content_hash <> s.content_hash)
ON CONFLICT (load_id, object_id) DO NOTHING;

-- name: classify
-- What the load will do to the model's rows.
SELECT count(*) FILTER (WHERE s.guid IS NOT NULL AND (m.guid IS NULL OR m.removed_at IS NOT NULL)) AS added,
       count(*) FILTER (WHERE s.guid IS NOT NULL AND m.removed_at IS NOT NULL) AS restored,
       count(*) FILTER (WHERE s.content_hash <> m.content_hash AND m.removed_at IS NULL) AS modified,
       count(*) FILTER (WHERE s.content_hash = m.content_hash AND m.removed_at IS NULL) AS unchanged,
       count(*) FILTER (WHERE s.guid IS NULL AND m.removed_at IS NULL) AS removed,
       count(*) FILTER (
           WHERE s.content_hash = m.content_hash
             AND m.removed_at IS NULL
             AND (s.parent_guid, s.assembly_guid) IS DISTINCT FROM (m.parent_guid, m.assembly_guid)) AS settled
FROM (
    SELECT guid, content_hash, parent_guid, assembly_guid FROM staged_tree WHERE load_id = %(load_id)s AND is_row
) AS s
FULL JOIN (
    SELECT guid, content_hash, parent_guid, assembly_guid, removed_at
    FROM model_elements
    WHERE project_id = %(project_id)s AND model_id = %(model_id)s
) AS m ON m.guid = s.guid;

-- name: keep_history
-- The images that this load ends, valid until before its seq.
INSERT INTO element_history (project_id, model_id, guid, application_id, object_id, content_hash, canonical_version, kind,
    element_type, element_name, category, level, material, mark, assembly_mark, assembly_guid, phase,
    profile, length_m, area_m2, volume_m3, weight_kg, path, parent_guid, properties, attributes,
    version_id, from_seq, created_at, updated_at, removed_at, removed_seq, removed_version_id,
    removed_reason, change_pos, to_seq)
SELECT m.project_id, m.model_id, m.guid, m.application_id, m.object_id, m.content_hash, m.canonical_version,
    m.kind, m.element_type, m.element_name, m.category, m.level, m.material, m.mark, m.assembly_mark,
    m.assembly_guid, m.phase, m.profile, m.length_m, m.area_m2, m.volume_m3, m.weight_kg, m.path,
    m.parent_guid, m.properties, m.attributes, m.version_id, m.from_seq, m.created_at, m.updated_at,
    m.removed_at, m.removed_seq, m.removed_version_id, m.removed_reason, m.change_pos,
    %(seq)s
FROM model_elements AS m
LEFT JOIN staged_tree AS s ON s.load_id = %(load_id)s AND s.is_row AND s.guid = m.guid
WHERE m.project_id = %(project_id)s
  AND m.model_id = %(model_id)s
  AND m.removed_at IS NULL
  AND (s.guid IS NULL
       OR s.content_hash <> m.content_hash
       OR (s.parent_guid, s.assembly_guid) IS DISTINCT FROM (m.parent_guid, m.assembly_guid));

-- name: remove_elements
-- Elements that the version no longer holds keep their row and say when and why they went.
UPDATE model_elements AS m
SET removed_at = %(at)s,
    removed_seq = %(seq)s,
    removed_version_id = %(version_id)s,
    removed_reason = %(reason)s,
    change_pos = (SELECT next_position())
WHERE m.project_id = %(project_id)s
  AND m.model_id = %(model_id)s
  AND m.removed_at IS NULL
  AND NOT EXISTS (
      SELECT FROM staged_tree AS s WHERE s.load_id = %(load_id)s AND s.is_row AND s.guid = m.guid);

-- name: write_elements
-- Adds, restores and changes elements, and keeps their guids in parts. An element whose content is the same is
-- not touched, whatever its object id.
WITH written AS (
    INSERT INTO model_elements AS m (
        project_id, model_id, guid, application_id, object_id, content_hash, canonical_version, kind,
        category, level, path, parent_guid, assembly_guid, element_type, element_name, material, mark,
        assembly_mark, phase, profile, length_m, area_m2, volume_m3, weight_kg, properties, attributes,
        version_id, from_seq, created_at, updated_at, change_pos)
    SELECT %(project_id)s, %(model_id)s, s.guid, s.application_id, s.object_id, s.content_hash,
        %(canonical_version)s, s.kind,
        s.category, s.level, s.path, s.parent_guid, s.assembly_guid, f.element_type, f.element_name, f.material,
        f.mark, f.assembly_mark, f.phase, f.profile, f.length_m, f.area_m2, f.volume_m3, f.weight_kg,
        f.properties, f.attributes,
        %(version_id)s, %(seq)s, %(at)s, %(at)s,
        (SELECT next_position())
    FROM staged_tree AS s
    JOIN staged_facts AS f ON f.load_id = s.load_id AND f.object_id = s.object_id
    LEFT JOIN model_elements AS e
      ON e.project_id = %(project_id)s AND e.model_id = %(model_id)s AND e.guid = s.guid
    WHERE s.load_id = %(load_id)s
      AND s.is_row
      AND (e.guid IS NULL OR e.removed_at IS NOT NULL OR e.content_hash <> s.content_hash)
    ON CONFLICT (project_id, model_id, guid) DO UPDATE
        SET application_id = EXCLUDED.application_id,
            object_id = EXCLUDED.object_id,
            content_hash = EXCLUDED.content_hash,
            canonical_version = EXCLUDED.canonical_version,
            kind = EXCLUDED.kind,
            category = EXCLUDED.category,
            level = EXCLUDED.level,
            path = EXCLUDED.path,
            parent_guid = EXCLUDED.parent_guid,
            assembly_guid = EXCLUDED.assembly_guid,
            element_type = EXCLUDED.element_type,
            element_name = EXCLUDED.element_name,
            material = EXCLUDED.material,
            mark = EXCLUDED.mark,
            assembly_mark = EXCLUDED.assembly_mark,
            phase = EXCLUDED.phase,
            profile = EXCLUDED.profile,
            length_m = EXCLUDED.length_m,
            area_m2 = EXCLUDED.area_m2,
            volume_m3 = EXCLUDED.volume_m3,
            weight_kg = EXCLUDED.weight_kg,
            properties = EXCLUDED.properties,
            attributes = EXCLUDED.attributes,
            version_id = EXCLUDED.version_id,
            from_seq = EXCLUDED.from_seq,
            updated_at = EXCLUDED.updated_at,
            change_pos = EXCLUDED.change_pos,
            removed_at = NULL,
            removed_seq = NULL,
            removed_version_id = NULL,
            removed_reason = NULL
    RETURNING m.guid
), kept AS (
    INSERT INTO parts (project_id, guid, first_seen_at, last_seen_at)
    SELECT %(project_id)s, guid, %(at)s, %(at)s FROM written
    ON CONFLICT (project_id, guid) DO UPDATE
        SET first_seen_at = LEAST(parts.first_seen_at, EXCLUDED.first_seen_at),
            last_seen_at = GREATEST(parts.last_seen_at, EXCLUDED.last_seen_at)
)
SELECT count(*) AS written FROM written;

-- name: settle_elements
-- An element whose content is the same can still hang below another parent (an export gives its storeys new guids):
-- its row follows the tree, without counting as modified; the image before is history all the same.
UPDATE model_elements AS m
SET parent_guid = s.parent_guid,
    assembly_guid = s.assembly_guid,
    from_seq = %(seq)s,
    change_pos = (SELECT next_position())
FROM staged_tree AS s
WHERE s.load_id = %(load_id)s
  AND s.is_row
  AND m.project_id = %(project_id)s
  AND m.model_id = %(model_id)s
  AND m.guid = s.guid
  AND m.removed_at IS NULL
  AND m.content_hash = s.content_hash
  AND (m.parent_guid, m.assembly_guid) IS DISTINCT FROM (s.parent_guid, s.assembly_guid);

-- name: prune_tree
-- Edges that the version's tree no longer has.
DELETE FROM model_objects AS o
WHERE o.project_id = %(project_id)s
  AND o.model_id = %(model_id)s
  AND NOT EXISTS (
      SELECT FROM staged_tree AS s
      WHERE s.load_id = %(load_id)s
        AND s.parent_object_id = o.parent_object_id
        AND s.position = o.position
        AND s.guid = o.guid);

-- name: write_tree
-- Edges that are new or changed.
INSERT INTO model_objects AS o (project_id, model_id, parent_object_id, position, object_id, kind, guid,
    application_id, element_id, name, own_category, own_level, own_hash, is_row)
SELECT %(project_id)s, %(model_id)s, parent_object_id, position, object_id, kind, guid,
    application_id, element_id, name, own_category, own_level, own_hash, is_row
FROM staged_tree
WHERE load_id = %(load_id)s
ON CONFLICT (project_id, model_id, parent_object_id, position, guid) DO UPDATE
    SET object_id = EXCLUDED.object_id,
        kind = EXCLUDED.kind,
        application_id = EXCLUDED.application_id,
        element_id = EXCLUDED.element_id,
        name = EXCLUDED.name,
        own_category = EXCLUDED.own_category,
        own_level = EXCLUDED.own_level,
        own_hash = EXCLUDED.own_hash,
        is_row = EXCLUDED.is_row
    WHERE (o.object_id, o.kind, o.application_id, o.element_id, o.name, o.own_category, o.own_level, o.own_hash,
           o.is_row)
        IS DISTINCT FROM (EXCLUDED.object_id, EXCLUDED.kind, EXCLUDED.application_id, EXCLUDED.element_id,
           EXCLUDED.name, EXCLUDED.own_category, EXCLUDED.own_level, EXCLUDED.own_hash, EXCLUDED.is_row);

-- name: move_cursor
-- The model now shows this version.
UPDATE models
SET seq = %(seq)s,
    version_id = %(version_id)s,
    version_created_at = %(version_created_at)s,
    element_count = (SELECT count(*) FROM model_elements
                     WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND removed_at IS NULL),
    synced_at = clock_timestamp(),
    source_application = %(source_application)s,
    derivation = %(derivation)s,
    history_seq = CASE WHEN %(history)s THEN history_seq ELSE %(seq)s END
WHERE project_id = %(project_id)s AND id = %(model_id)s
RETURNING element_count;

-- name: record_sync
-- Notes the application in order.
INSERT INTO model_syncs (project_id, model_id, seq, version_id, removed_reason, change_pos)
SELECT %(project_id)s, %(model_id)s, %(seq)s, %(version_id)s, %(removed_reason)s,
    next_position();

-- name: finish_version
-- The version is applied, with what it changed and what it took.
UPDATE versions
SET state = 'synced', error = NULL, synced_at = clock_timestamp(), seq = %(seq)s, base_version_id = %(base_version_id)s,
    added = %(added)s, modified = %(modified)s, removed = %(removed)s, restored = %(restored)s,
    unchanged = %(unchanged)s, duplicates = %(duplicates)s, replaced = %(replaced)s,
    objects_fetched = %(objects_fetched)s,
    bytes_fetched = %(bytes_fetched)s, requests = %(requests)s, stage_seconds = %(stage_seconds)s
WHERE project_id = %(project_id)s AND id = %(version_id)s;

-- name: retire_model
-- A model that the server deleted.
UPDATE models
SET state = 'deleted', deleted_at = now()
WHERE project_id = %(project_id)s AND id = %(model_id)s;

-- name: retire_versions
-- All versions of a model that is no longer on the server.
UPDATE versions
SET state = 'deleted'
WHERE project_id = %(project_id)s AND model_id = %(model_id)s AND state <> 'deleted';

-- name: announce
-- Tells listeners on channel speckle2pg, when the transaction commits.
SELECT pg_notify('speckle2pg', %(payload)s);

-- name: drop_staged_facts
-- Staged facts of a finished or abandoned load.
DELETE FROM staged_facts WHERE load_id = %(load_id)s;

-- name: drop_staged_tree
-- Staged tree of a finished or abandoned load.
DELETE FROM staged_tree WHERE load_id = %(load_id)s;

-- name: close_load
-- The load is over.
DELETE FROM loads WHERE id = %(load_id)s;

-- name: orphaned_loads
-- Loads so old that no process still works on them, and staged rows without a load (a crash of the database).
SELECT id FROM loads WHERE started_at < now() - make_interval(hours => 24)
UNION
SELECT DISTINCT f.load_id FROM staged_facts AS f WHERE NOT EXISTS (SELECT FROM loads WHERE id = f.load_id)
UNION
SELECT DISTINCT t.load_id FROM staged_tree AS t WHERE NOT EXISTS (SELECT FROM loads WHERE id = t.load_id);

-- What happened to parts after somebody had set their status.

CREATE OR REPLACE FUNCTION {schema}.changes_of_element(project text, model text, element uuid, since_seq bigint)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT jsonb_agg(jsonb_build_object('path', d.path, 'old', d.old, 'new', d.new) ORDER BY d.path)
    FROM {schema}.element_at(project, model, element, since_seq) AS a
    JOIN {schema}.model_elements AS b ON b.project_id = project AND b.model_id = model AND b.guid = element
    CROSS JOIN LATERAL {schema}.content_differences(a, b) AS d
$function$;
COMMENT ON FUNCTION {schema}.changes_of_element(text, text, uuid, bigint) IS
    'Where the content of an element differs from what it was after an application of its model: [{path, old, new}]; null where it does not, or where history was not kept.';

CREATE OR REPLACE VIEW {schema}.status_conflicts WITH (security_invoker = true) AS
SELECT c.project_id, e.guid, c.model_id, m.name AS model_name,
    CASE WHEN e.removed_at IS NOT NULL THEN 'removed' WHEN image.differs IS NULL AND i.guid IS NOT NULL THEN 'added' ELSE 'modified' END
        AS conflict,
    e.kind, e.element_type, e.element_name, e.mark, e.level, s.status, s.effective_on, s.note AS status_note,
    s.updated_at AS set_at, s.updated_by AS set_by, s.guid AS set_on,
    COALESCE(e.removed_version_id, e.version_id) AS version_id, COALESCE(e.removed_at, e.updated_at) AS changed_at,
    c.synced_at AS applied_at, e.removed_reason,
    CASE
        WHEN e.removed_at IS NULL THEN {schema}.changes_of_element(e.project_id, e.model_id, e.guid, before.seq)
    END AS changes
FROM {schema}.model_syncs AS c
JOIN {schema}.models AS m ON m.project_id = c.project_id AND m.id = c.model_id
CROSS JOIN LATERAL (
    SELECT p.*
    FROM {schema}.model_elements AS p
    WHERE p.project_id = c.project_id AND p.model_id = c.model_id AND p.from_seq = c.seq AND p.removed_seq IS NULL
    UNION ALL
    SELECT r.*
    FROM {schema}.model_elements AS r
    WHERE r.project_id = c.project_id AND r.model_id = c.model_id AND r.removed_seq = c.seq
) AS e
-- By the key, also where nothing is known of the table yet: as a join, each status would meet each change.
LEFT JOIN LATERAL (
    SELECT (SELECT g.guid FROM {schema}.element_status AS g WHERE g.project_id = e.project_id AND g.guid = greatest(e.guid))
        AS guid
    HAVING true
) AS own ON true
-- The assembly whose status the part has, as elements_all finds it.
LEFT JOIN LATERAL (
    SELECT CASE
        WHEN own.guid IS NULL AND e.kind = 'part' AND COALESCE(e.assembly_guid, e.parent_guid) IS NOT NULL THEN (
            WITH RECURSIVE up (holder, guid) AS (
                SELECT COALESCE(e.assembly_guid, e.parent_guid), NULL::uuid
                UNION
                SELECT COALESCE(h.assembly_guid, h.parent_guid),
                    CASE WHEN h.kind = 'assembly' THEN (
                        SELECT g.guid
                        FROM {schema}.element_status AS g
                        WHERE g.project_id = e.project_id AND g.guid = u.holder) END
                FROM up AS u
                JOIN {schema}.model_elements AS h
                  ON h.project_id = e.project_id AND h.model_id || '' = e.model_id AND h.guid = u.holder
                WHERE u.guid IS NULL
            )
            SELECT u.guid FROM up AS u WHERE u.guid IS NOT NULL)
    END AS guid
    HAVING true
) AS i ON true
JOIN LATERAL (
    -- One of them is null; and greatest() is let through to the index behind policies, where COALESCE is not.
    SELECT g.* FROM {schema}.element_status AS g WHERE g.project_id = e.project_id AND g.guid = greatest(own.guid, i.guid) LIMIT 1
) AS s ON true
-- What the model showed when the status was set.
CROSS JOIN LATERAL (
    SELECT max(b.seq) AS seq
    FROM {schema}.model_syncs AS b
    WHERE b.project_id = c.project_id AND b.model_id = c.model_id AND b.synced_at <= s.updated_at
) AS before
-- Whether its content is another now; null where there is no image of then.
LEFT JOIN LATERAL (
    SELECT (SELECT (a.content_hash, a.canonical_version) <> (e.content_hash, e.canonical_version)
            FROM {schema}.element_at(e.project_id, e.model_id, e.guid, before.seq) AS a) AS differs
    HAVING true
) AS image ON true
WHERE s.status <> 'not_started'
  AND c.synced_at > s.updated_at
  -- What was applied before the first status was set need not be looked at; elements are found by the application's number.
  AND c.synced_at > (SELECT min(f.updated_at) FROM {schema}.element_status AS f WHERE f.project_id = c.project_id)
  AND m.state <> 'excluded'
  AND CASE
      WHEN e.removed_at IS NOT NULL THEN NOT EXISTS (
          -- Another model holds it still.
          SELECT
          FROM {schema}.model_elements AS o
          JOIN {schema}.models AS x ON x.project_id = o.project_id AND x.id = o.model_id AND x.state = 'active'
          WHERE o.project_id = e.project_id AND o.guid = e.guid AND o.removed_at IS NULL)
      WHEN image.differs IS NOT NULL THEN image.differs
      -- Of that time no images were kept.
      WHEN before.seq < m.history_seq THEN e.created_at < e.updated_at AND (
          SELECT v.synced_at > s.updated_at
          FROM {schema}.versions AS v
          WHERE v.project_id = e.project_id AND v.id = e.version_id)
      -- It came to an assembly that had the status already.
      ELSE before.seq IS NOT NULL AND i.guid IS NOT NULL
  END;
COMMENT ON VIEW {schema}.status_conflicts IS
    'Parts that were modified, or removed from all models, after their status or that of their assembly was set, or that came to an assembly with one: what changed, and who had set it. Another status, another day or a note settles it.';
COMMENT ON COLUMN {schema}.status_conflicts.project_id IS 'Project.';
COMMENT ON COLUMN {schema}.status_conflicts.guid IS 'The part.';
COMMENT ON COLUMN {schema}.status_conflicts.model_id IS 'Model in which it changed.';
COMMENT ON COLUMN {schema}.status_conflicts.model_name IS 'Full name of the model.';
COMMENT ON COLUMN {schema}.status_conflicts.conflict IS 'modified; removed; added: to an assembly that had its status already.';
COMMENT ON COLUMN {schema}.status_conflicts.kind IS 'As in elements.';
COMMENT ON COLUMN {schema}.status_conflicts.element_type IS 'As in elements.';
COMMENT ON COLUMN {schema}.status_conflicts.element_name IS 'As in elements.';
COMMENT ON COLUMN {schema}.status_conflicts.mark IS 'As in elements.';
COMMENT ON COLUMN {schema}.status_conflicts.level IS 'As in elements.';
COMMENT ON COLUMN {schema}.status_conflicts.status IS 'Status that was set.';
COMMENT ON COLUMN {schema}.status_conflicts.effective_on IS 'Day from which it holds.';
COMMENT ON COLUMN {schema}.status_conflicts.status_note IS 'Note to it.';
COMMENT ON COLUMN {schema}.status_conflicts.set_at IS 'When it was set.';
COMMENT ON COLUMN {schema}.status_conflicts.set_by IS 'Who had set it.';
COMMENT ON COLUMN {schema}.status_conflicts.set_on IS 'On what it was set: the part, or the assembly that it has it from.';
COMMENT ON COLUMN {schema}.status_conflicts.version_id IS 'Version that changed the part last.';
COMMENT ON COLUMN {schema}.status_conflicts.changed_at IS 'Creation time of that version.';
COMMENT ON COLUMN {schema}.status_conflicts.applied_at IS 'When it was applied here.';
COMMENT ON COLUMN {schema}.status_conflicts.removed_reason IS 'Why it was removed; null if it was not.';
COMMENT ON COLUMN {schema}.status_conflicts.changes IS 'What of the content differs from what was shown when the status was set: [{path, old, new}]; null where removed, or not kept.';

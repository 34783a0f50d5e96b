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
    CASE WHEN e.removed_at IS NULL THEN 'modified' ELSE 'removed' END AS conflict,
    e.kind, e.element_type, e.element_name, e.mark, e.level, s.status, s.effective_on, s.note AS status_note,
    s.updated_at AS set_at, s.updated_by AS set_by,
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
JOIN {schema}.element_status AS s ON s.project_id = c.project_id AND s.guid = e.guid
-- What the model showed when the status was set.
CROSS JOIN LATERAL (
    SELECT max(b.seq) AS seq
    FROM {schema}.model_syncs AS b
    WHERE b.project_id = c.project_id AND b.model_id = c.model_id AND b.synced_at <= s.updated_at
) AS before
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
          JOIN {schema}.models AS a ON a.project_id = o.project_id AND a.id = o.model_id AND a.state = 'active'
          WHERE o.project_id = e.project_id AND o.guid = e.guid AND o.removed_at IS NULL)
      ELSE COALESCE(
          (SELECT (a.content_hash, a.canonical_version) <> (e.content_hash, e.canonical_version)
           FROM {schema}.element_at(e.project_id, e.model_id, e.guid, before.seq) AS a),
          -- Of that time no images were kept.
          before.seq < m.history_seq AND e.created_at < e.updated_at AND (
              SELECT v.synced_at > s.updated_at
              FROM {schema}.versions AS v
              WHERE v.project_id = e.project_id AND v.id = e.version_id))
  END;
COMMENT ON VIEW {schema}.status_conflicts IS
    'Parts that were modified, or removed from all models, after their status was set: what changed, and who had set it. Another status, another day or a note settles it.';
COMMENT ON COLUMN {schema}.status_conflicts.project_id IS 'Project.';
COMMENT ON COLUMN {schema}.status_conflicts.guid IS 'The part.';
COMMENT ON COLUMN {schema}.status_conflicts.model_id IS 'Model in which it changed.';
COMMENT ON COLUMN {schema}.status_conflicts.model_name IS 'Full name of the model.';
COMMENT ON COLUMN {schema}.status_conflicts.conflict IS 'modified or removed.';
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
COMMENT ON COLUMN {schema}.status_conflicts.version_id IS 'Version that changed the part last.';
COMMENT ON COLUMN {schema}.status_conflicts.changed_at IS 'Creation time of that version.';
COMMENT ON COLUMN {schema}.status_conflicts.applied_at IS 'When it was applied here.';
COMMENT ON COLUMN {schema}.status_conflicts.removed_reason IS 'Why it was removed; null if it was not.';
COMMENT ON COLUMN {schema}.status_conflicts.changes IS 'What of the content differs from what was shown when the status was set: [{path, old, new}]; null where removed, or not kept.';

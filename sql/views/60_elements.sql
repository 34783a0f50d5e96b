-- What front ends read. Each view shows what whoever asks may see.

CREATE OR REPLACE VIEW {schema}.elements_all WITH (security_invoker = true) AS
SELECT e.project_id, e.model_id, e.guid, m.name AS model_name, m.state AS model_state, e.kind,
    e.element_type, e.element_name, e.category, e.level, e.material, e.mark, e.assembly_mark, e.assembly_guid, e.phase,
    e.profile, e.length_m, e.area_m2, e.volume_m3, e.weight_kg, e.path, e.parent_guid, e.properties, e.attributes,
    COALESCE(s.status, 'not_started') AS status,
    COALESCE(s.status, i.status, 'not_started') AS effective_status,
    CASE WHEN s.status IS NOT NULL THEN 'own' WHEN i.status IS NOT NULL THEN 'assembly' ELSE 'default' END
        AS status_source,
    s.effective_on, s.note AS status_note, s.updated_at AS status_updated_at, s.updated_by AS status_updated_by,
    e.application_id,
    COALESCE(o.object_id, e.object_id) AS object_id,
    e.content_hash, e.canonical_version, e.version_id, e.from_seq,
    LEAST(e.created_at, t.created_at) AS created_at, e.updated_at,
    e.removed_at, e.removed_seq, e.removed_version_id, e.removed_reason, e.change_pos,
    (SELECT COALESCE(n.public_url, n.server_url) FROM {schema}.instance AS n)
        || '/projects/' || e.project_id || '/models/' || COALESCE(o.object_id, e.object_id) AS viewer_url
FROM {schema}.model_elements AS e
JOIN {schema}.models AS m ON m.project_id = e.project_id AND m.id = e.model_id
-- greatest() keeps the planner from a merge join, which for a page in the middle reads all rows that come before it.
LEFT JOIN {schema}.element_status AS s ON s.project_id = e.project_id AND s.guid = greatest(e.guid)
LEFT JOIN {schema}.taken_over AS t ON t.project_id = e.project_id AND t.guid = greatest(e.guid)
-- HAVING says that it is one row: so the planner leaves these out where no column of theirs is read.
LEFT JOIN LATERAL (
    SELECT CASE
        WHEN s.status IS NULL AND COALESCE(e.assembly_guid, e.parent_guid) IS NOT NULL THEN (
            -- Rows that come twice end the walk: an element can be its own ancestor.
            WITH RECURSIVE up (holder, status) AS (
                SELECT COALESCE(e.assembly_guid, e.parent_guid), NULL::text
                UNION
                SELECT COALESCE(h.assembly_guid, h.parent_guid),
                    CASE WHEN h.kind = 'assembly' THEN (
                        SELECT g.status
                        FROM {schema}.element_status AS g
                        WHERE g.project_id = e.project_id AND g.guid = u.holder) END
                FROM up AS u
                -- || leaves the index by guid alone, also where nothing is known of the table yet.
                JOIN {schema}.model_elements AS h
                  ON h.project_id = e.project_id AND h.model_id || '' = e.model_id AND h.guid = u.holder
                WHERE u.status IS NULL
            )
            SELECT u.status FROM up AS u WHERE u.status IS NOT NULL)
    END AS status
    HAVING true
) AS i ON true
LEFT JOIN LATERAL (
    SELECT (SELECT o.object_id
            FROM {schema}.model_objects AS o
            WHERE o.project_id = e.project_id AND o.model_id = e.model_id AND o.guid = e.guid AND o.is_row
            LIMIT 1) AS object_id
    HAVING true
) AS o ON true;
COMMENT ON VIEW {schema}.elements_all IS
    'Elements of all models with their statuses: also removed ones, and those of models that are not followed any more. Page by project_id, model_id, guid.';

CREATE OR REPLACE VIEW {schema}.elements WITH (security_invoker = true) AS
SELECT * FROM {schema}.elements_all WHERE removed_at IS NULL AND model_state = 'active';
COMMENT ON VIEW {schema}.elements IS
    'The elements that the followed models show, with their statuses. Only status can be updated. Page by project_id, model_id, guid.';

CREATE OR REPLACE TRIGGER elements_status
    INSTEAD OF INSERT OR UPDATE OR DELETE ON {schema}.elements
    FOR EACH ROW EXECUTE FUNCTION {schema}.update_status();

CREATE OR REPLACE VIEW {schema}.parts_current WITH (security_invoker = true) AS
SELECT e.*,
    ARRAY(
        SELECT a.model_id
        FROM {schema}.model_elements AS a
        JOIN {schema}.models AS m ON m.project_id = a.project_id AND m.id = a.model_id AND m.state = 'active'
        WHERE a.project_id = e.project_id AND a.guid = e.guid AND a.removed_at IS NULL AND a.kind = 'part'
        ORDER BY a.model_id
    ) AS model_ids
FROM {schema}.elements AS e
WHERE e.kind = 'part'
  AND NOT EXISTS (
      SELECT
      FROM {schema}.model_elements AS a
      WHERE a.project_id = e.project_id
        AND a.guid = greatest(e.guid)
        AND a.removed_at IS NULL
        AND a.kind = 'part'
        AND (a.assembly_guid IS NOT NULL, a.updated_at, a.model_id) > (e.assembly_guid IS NOT NULL, e.updated_at, e.model_id)
        -- No join: without statistics, as after the first load, it would lead to each part being compared with each.
        AND (SELECT m.state FROM {schema}.models AS m WHERE m.project_id = e.project_id AND m.id = a.model_id) = 'active');
COMMENT ON VIEW {schema}.parts_current IS
    'Each part once, with all models that hold it: as a model shows it that knows its assembly, else as that in which it changed last. Page by project_id, guid.';

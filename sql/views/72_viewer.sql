-- Statuses as colours of a model.

CREATE OR REPLACE FUNCTION {schema}.find_model(project text, wanted text) RETURNS {schema}.models
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $function$
DECLARE
    shown {schema}.models;
BEGIN
    SELECT m.* INTO shown
    FROM {schema}.models AS m
    WHERE m.project_id = project AND wanted IN (m.id, m.name)
    ORDER BY m.id = wanted DESC, m.state = 'active' DESC, m.id
    LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'PT404',
            MESSAGE = format('project %s has no model with the id or the name %s', project, wanted),
            HINT = 'Table models lists them.';
    END IF;
    RETURN shown;
END
$function$;
COMMENT ON FUNCTION {schema}.find_model(text, text) IS 'The model of a project of that id, or of that name.';

CREATE OR REPLACE FUNCTION {schema}.viewer_filter(project text, model text, status text DEFAULT NULL)
RETURNS TABLE (status text, color text, object_ids text[])
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
-- It reads whole models: without statistics, as after the first load, nested loops would compare each row with each.
SET jit = off SET enable_nestloop = off AS $function$
    SELECT e.status, l.color, e.object_ids
    FROM (SELECT m.id FROM {schema}.find_model(viewer_filter.project, viewer_filter.model) AS m OFFSET 0) AS m
    CROSS JOIN LATERAL (
        SELECT COALESCE(s.status, g.status, 'not_started') AS status, array_agg(DISTINCT o.object_id COLLATE "C") AS object_ids
        FROM {schema}.model_elements AS e
        JOIN {schema}.model_objects AS o
          ON o.project_id = e.project_id AND o.model_id = e.model_id AND o.guid = e.guid AND o.is_row
        LEFT JOIN {schema}.element_status AS s ON s.project_id = e.project_id AND s.guid = e.guid
        LEFT JOIN {schema}.given_statuses(viewer_filter.project, m.id) AS g
          ON g.guid = COALESCE(e.assembly_guid, e.parent_guid)
        WHERE e.project_id = viewer_filter.project
          AND e.model_id = m.id
          AND e.removed_at IS NULL
          AND e.kind IN ('part', 'other')
        GROUP BY 1
    ) AS e
    LEFT JOIN {schema}.status_list(viewer_filter.project) AS l ON l.code = e.status
    WHERE viewer_filter.status IS NULL OR e.status = viewer_filter.status
    ORDER BY l.sort NULLS FIRST, e.status
$function$;
COMMENT ON FUNCTION {schema}.viewer_filter(text, text, text) IS
    'Objects of a model (its id or name) by effective status, with the status'' colour, as the Speckle viewer takes them; one status, or all.';

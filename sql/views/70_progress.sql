-- How far the work is: counted over parts, each once, by their effective status.

CREATE OR REPLACE FUNCTION {schema}.given_statuses(project text, model text)
RETURNS TABLE (guid uuid, status text)
-- SET also keeps it out of the plans of those who call it: how many rows a recursion gives is beyond the planner, which
-- would expect billions and sort where it could hash.
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000 SET jit = off SET enable_nestloop = on AS $function$
    -- From the assemblies with a status downwards, over those alone that others are below: they are few.
    WITH RECURSIVE holders AS MATERIALIZED (
        SELECT h.guid, COALESCE(e.assembly_guid, e.parent_guid) AS holder,
            CASE WHEN e.kind = 'assembly' THEN s.status END AS status
        FROM (
            SELECT a.assembly_guid
            FROM {schema}.model_elements AS a
            WHERE a.project_id = project AND a.model_id = model AND a.assembly_guid IS NOT NULL
            UNION
            SELECT p.parent_guid
            FROM {schema}.model_elements AS p
            WHERE p.project_id = project AND p.model_id = model AND p.parent_guid IS NOT NULL
        ) AS h (guid)
        -- LIMIT and ||: each by its guid, where the planner would rather read all elements once more.
        CROSS JOIN LATERAL (
            SELECT o.kind, o.assembly_guid, o.parent_guid
            FROM {schema}.model_elements AS o
            WHERE o.project_id = project AND o.model_id || '' = model AND o.guid = h.guid
            LIMIT 1
        ) AS e
        LEFT JOIN {schema}.element_status AS s ON s.project_id = project AND s.guid = h.guid
    ), given (guid, status) AS (
        SELECT h.guid, h.status FROM holders AS h WHERE h.status IS NOT NULL
        -- Each has one holder, so none comes twice.
        UNION ALL
        SELECT h.guid, g.status FROM given AS g JOIN holders AS h ON h.holder = g.guid WHERE h.status IS NULL
    )
    SELECT g.guid, g.status FROM given AS g
$function$;
COMMENT ON FUNCTION {schema}.given_statuses(text, text) IS
    'Elements of a model below which others inherit a status, with that: what effective_status says of one element, for all at once. An element''s is that of its assembly_guid, or of parent_guid where it has none.';

CREATE OR REPLACE FUNCTION {schema}.status_list(project text)
RETURNS TABLE (code text, title text, sort integer, weight double precision, is_done boolean, color text)
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT l.code, COALESCE(l.title, l.code), l.sort,
        COALESCE(l.weight / nullif(max(l.weight) OVER (), 0), CASE WHEN l.is_done THEN 1 ELSE 0 END), l.is_done, l.color
    FROM (
        SELECT DISTINCT ON (v.code) v.*
        FROM {schema}.status_values AS v
        WHERE v.project_id IS NULL OR v.project_id = project
        ORDER BY v.code, v.project_id NULLS LAST
    ) AS l
$function$;
COMMENT ON FUNCTION {schema}.status_list(text) IS
    'The statuses of a project, its own before the common ones; weight from 0 to 1.';

CREATE OR REPLACE FUNCTION {schema}.part_states(project text)
RETURNS TABLE (
    guid uuid, model_id text, element_type text, level text, phase text, material text, mark text, assembly_mark text,
    weight_kg double precision, volume_m3 double precision, attributes jsonb, effective_status text, model_ids text[])
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000 AS $function$
    -- Parts as parts_current chooses them.
    SELECT p.guid, p.model_id, p.element_type, p.level, p.phase, p.material, p.mark, p.assembly_mark,
        -- What cannot be, such as 1e308 kg of an exporter's fault, counts as not known; sums would not hold it.
        CASE WHEN p.weight_kg >= 0 AND p.weight_kg < 1e12 THEN p.weight_kg END,
        CASE WHEN p.volume_m3 >= 0 AND p.volume_m3 < 1e12 THEN p.volume_m3 END, p.attributes,
        COALESCE(s.status, g.status, 'not_started'), p.model_ids
    FROM (
        SELECT DISTINCT ON (e.guid) e.*, array_agg(e.model_id) OVER best AS model_ids
        FROM {schema}.model_elements AS e
        JOIN {schema}.models AS m ON m.project_id = e.project_id AND m.id = e.model_id AND m.state = 'active'
        WHERE e.project_id = project AND e.removed_at IS NULL AND e.kind = 'part'
        WINDOW best AS (
            PARTITION BY e.guid ORDER BY e.assembly_guid IS NOT NULL DESC, e.updated_at DESC, e.model_id DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
        ORDER BY e.guid, e.assembly_guid IS NOT NULL DESC, e.updated_at DESC, e.model_id DESC
    ) AS p
    LEFT JOIN {schema}.element_status AS s ON s.project_id = project AND s.guid = p.guid
    LEFT JOIN (
        SELECT m.id AS model_id, i.guid, i.status
        FROM {schema}.models AS m
        CROSS JOIN LATERAL {schema}.given_statuses(project, m.id) AS i
        WHERE m.project_id = project AND m.state = 'active'
    ) AS g ON g.model_id = p.model_id AND g.guid = COALESCE(p.assembly_guid, p.parent_guid)
$function$;
COMMENT ON FUNCTION {schema}.part_states(text) IS
    'The parts of a project, each once, with what progress counts them by.';

CREATE OR REPLACE VIEW {schema}.status_counts WITH (security_invoker = true) AS
SELECT p.project_id, c.*
FROM (SELECT DISTINCT m.project_id FROM {schema}.models AS m) AS p
CROSS JOIN LATERAL (
    SELECT COALESCE(l.code, s.status) AS status, COALESCE(l.title, s.status) AS title, l.color, COALESCE(l.sort, 0) AS sort,
        COALESCE(l.is_done, false) AS is_done, COALESCE(s.parts, 0) AS parts, COALESCE(s.weight_kg, 0) AS weight_kg,
        COALESCE(s.volume_m3, 0) AS volume_m3
    FROM (
        SELECT t.effective_status AS status, count(*) AS parts, sum(t.weight_kg) AS weight_kg, sum(t.volume_m3) AS volume_m3
        FROM {schema}.part_states(p.project_id) AS t
        GROUP BY t.effective_status
    ) AS s
    FULL JOIN {schema}.status_list(p.project_id) AS l ON l.code = s.status
) AS c;
COMMENT ON VIEW {schema}.status_counts IS
    'Parts by effective status, each part once; statuses of status_values that no part has are there with 0.';
COMMENT ON COLUMN {schema}.status_counts.project_id IS 'Project.';
COMMENT ON COLUMN {schema}.status_counts.status IS 'Code of the status.';
COMMENT ON COLUMN {schema}.status_counts.title IS 'What people read.';
COMMENT ON COLUMN {schema}.status_counts.color IS 'Colour in the viewer.';
COMMENT ON COLUMN {schema}.status_counts.sort IS 'Order in lists.';
COMMENT ON COLUMN {schema}.status_counts.is_done IS 'Parts with it are done.';
COMMENT ON COLUMN {schema}.status_counts.parts IS 'How many.';
COMMENT ON COLUMN {schema}.status_counts.weight_kg IS 'What those weigh whose weight is known, kilograms.';
COMMENT ON COLUMN {schema}.status_counts.volume_m3 IS 'Volume of those whose volume is known, cubic metres.';

CREATE OR REPLACE VIEW {schema}.progress WITH (security_invoker = true) AS
SELECT p.project_id, c.dimension, c.name,
    CASE
        WHEN c.dimension = 'model' THEN
            (SELECT m.name FROM {schema}.models AS m WHERE m.project_id = p.project_id AND m.id = c.name)
        ELSE c.value
    END AS value,
    c.parts, c.done_parts, c.weight_kg, c.done_weight_kg, c.volume_m3, c.done_volume_m3, c.weighted_done,
    c.weighted_done_by_weight
FROM (SELECT DISTINCT m.project_id FROM {schema}.models AS m) AS p
CROSS JOIN LATERAL (
    SELECT d.dimension, d.name, d.value,
        count(*) AS parts,
        count(*) FILTER (WHERE l.is_done) AS done_parts,
        COALESCE(sum(t.weight_kg), 0) AS weight_kg,
        COALESCE(sum(t.weight_kg) FILTER (WHERE l.is_done), 0) AS done_weight_kg,
        COALESCE(sum(t.volume_m3), 0) AS volume_m3,
        COALESCE(sum(t.volume_m3) FILTER (WHERE l.is_done), 0) AS done_volume_m3,
        sum(COALESCE(l.weight, 0)) / count(*) AS weighted_done,
        sum(COALESCE(l.weight, 0) * t.weight_kg) / nullif(sum(t.weight_kg), 0) AS weighted_done_by_weight
    FROM {schema}.part_states(p.project_id) AS t
    LEFT JOIN {schema}.status_list(p.project_id) AS l ON l.code = t.effective_status
    CROSS JOIN LATERAL (
        VALUES ('level', NULL, t.level), ('phase', NULL, t.phase), ('assembly_mark', NULL, t.assembly_mark),
            ('element_type', NULL, t.element_type)
        UNION ALL
        SELECT 'attribute', a.key, a.value FROM jsonb_each_text(t.attributes) AS a
        UNION ALL
        SELECT 'model', m, NULL FROM unnest(t.model_ids) AS m
    ) AS d (dimension, name, value)
    GROUP BY d.dimension, d.name, d.value
) AS c;
COMMENT ON VIEW {schema}.progress IS
    'How far the work is, by one dimension at a time: ask with dimension and project_id. A part in several models counts once, but in each of them for the dimension model.';
COMMENT ON COLUMN {schema}.progress.project_id IS 'Project.';
COMMENT ON COLUMN {schema}.progress.dimension IS 'model, level, phase, assembly_mark, element_type, attribute.';
COMMENT ON COLUMN {schema}.progress.name IS 'Which attribute; for dimension model the model''s id; else null.';
COMMENT ON COLUMN {schema}.progress.value IS 'Which level, phase ...; null for parts that have none. For dimension model its name.';
COMMENT ON COLUMN {schema}.progress.parts IS 'How many parts.';
COMMENT ON COLUMN {schema}.progress.done_parts IS 'How many of them have a status that is_done.';
COMMENT ON COLUMN {schema}.progress.weight_kg IS 'What those weigh whose weight is known, kilograms.';
COMMENT ON COLUMN {schema}.progress.done_weight_kg IS 'What the done ones of these weigh.';
COMMENT ON COLUMN {schema}.progress.volume_m3 IS 'Volume of those whose volume is known, cubic metres.';
COMMENT ON COLUMN {schema}.progress.done_volume_m3 IS 'Volume of the done ones of these.';
COMMENT ON COLUMN {schema}.progress.weighted_done IS 'From 0 to 1: the mean of the weights of the parts'' statuses.';
COMMENT ON COLUMN {schema}.progress.weighted_done_by_weight IS 'The same where each part counts by its kilograms; null where no weight is known.';

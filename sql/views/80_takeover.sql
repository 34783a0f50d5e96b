-- What became of the statuses of an earlier adapter.

CREATE OR REPLACE FUNCTION {schema}.update_earlier_status() RETURNS trigger
LANGUAGE plpgsql AS $function$
DECLARE
    others text;
    project text;
BEGIN
    SELECT string_agg(n.key, ', ' ORDER BY n.key) INTO others
    FROM jsonb_each(to_jsonb(NEW)) AS n
    JOIN jsonb_each(to_jsonb(OLD)) AS o USING (key)
    WHERE n.value <> o.value AND key <> 'status';
    IF others IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PT400',
            MESSAGE = format('%s cannot be changed here', others),
            HINT = 'Only status can be updated: the rest comes from Speckle, or is in the table of the earlier adapter.';
    END IF;
    -- As the takeover read it, and what an adopted element shows: whoever asks may not see its row of taken_over.
    project := COALESCE(NULLIF(to_jsonb(OLD) ->> 'project_id', ''), OLD.model_id);
    IF project IS NULL OR project !~ '^[A-Za-z0-9_-]{1,64}$' THEN
        RAISE EXCEPTION USING ERRCODE = 'PT409',
            MESSAGE = format('element %s is in no project yet', OLD.guid),
            HINT = 'It came without one; it gets one when its guid appears in exactly one project.';
    END IF;
    IF NEW.status IS DISTINCT FROM OLD.status THEN
        PERFORM {schema}.write_status(project, OLD.guid, COALESCE(NULLIF(NEW.status, ''), 'not_started'));
    END IF;
    RETURN NEW;
END
$function$;
COMMENT ON FUNCTION {schema}.update_earlier_status() IS
    'Lets status, and nothing else, be updated through a view of an earlier adapter''s shape.';

CREATE OR REPLACE VIEW {schema}.takeover_report WITH (security_invoker = true) AS
SELECT t.project_id, t.guid, t.status,
    CASE
        WHEN EXISTS (
            SELECT
            FROM {schema}.model_elements AS e
            JOIN {schema}.models AS m ON m.project_id = e.project_id AND m.id = e.model_id AND m.state = 'active'
            WHERE e.project_id = t.project_id AND e.guid = t.guid AND e.removed_at IS NULL) THEN 'found'
        WHEN EXISTS (
            SELECT FROM {schema}.model_elements AS e
            WHERE e.project_id = t.project_id AND e.guid = t.guid) THEN 'removed'
        WHEN p.last_reconciled_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM {schema}.versions AS v
            WHERE v.project_id = t.project_id AND v.state IN ('pending', 'syncing', 'held', 'failed')) THEN 'missing'
        WHEN p.enabled AND p.state IN ('new', 'ok') THEN 'waiting'
        ELSE 'unreachable'
    END AS outcome,
    t.created_at, t.adopted_at
FROM {schema}.taken_over AS t
LEFT JOIN {schema}.projects AS p ON p.id = t.project_id
WHERE t.status IS NOT NULL AND t.project_id IS NOT NULL
UNION ALL
SELECT NULL, t.guid, t.status,
    CASE
        WHEN i.projects > 1 THEN 'ambiguous'
        -- Adoption waits for these.
        WHEN u.unreadable THEN 'unreachable'
        WHEN i.projects = 1 OR NOT u.unreadable THEN 'waiting'
        ELSE 'unassigned'
    END,
    t.created_at, t.adopted_at
FROM {schema}.taken_over AS t
CROSS JOIN (
    SELECT bool_or(p.state = 'unreadable') AS unreadable
    FROM {schema}.projects AS p
    WHERE p.enabled AND p.state <> 'gone' AND p.last_reconciled_at IS NULL
) AS u
CROSS JOIN LATERAL (
    SELECT count(*) AS projects
    FROM (SELECT DISTINCT m.project_id FROM {schema}.models AS m) AS m
    JOIN {schema}.parts AS p ON p.project_id = m.project_id AND p.guid = t.guid
) AS i
WHERE t.status IS NOT NULL AND t.project_id IS NULL;
COMMENT ON VIEW {schema}.takeover_report IS 'What became of each status of an earlier adapter.';
COMMENT ON COLUMN {schema}.takeover_report.project_id IS 'Project of the part; null while it is not known.';
COMMENT ON COLUMN {schema}.takeover_report.guid IS 'The part.';
COMMENT ON COLUMN {schema}.takeover_report.status IS 'Status that was taken over.';
COMMENT ON COLUMN {schema}.takeover_report.outcome IS 'found: the part is present; removed: it was; missing: its project was read and has no such part; waiting: something that could have it was not read yet; unreachable: that is gone, unreadable or not followed; unassigned: it came without a project, and no project has it; ambiguous: several have it.';
COMMENT ON COLUMN {schema}.takeover_report.created_at IS 'created_at that the element had there.';
COMMENT ON COLUMN {schema}.takeover_report.adopted_at IS 'When its project became known; null where it was from the beginning.';

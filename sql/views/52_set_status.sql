-- Statuses in bulk.

CREATE OR REPLACE FUNCTION {schema}.read_status_items(items jsonb)
RETURNS TABLE (place bigint, project_id text, guid uuid, status text, effective_on date, note text, item jsonb)
LANGUAGE plpgsql STABLE AS $function$
#variable_conflict use_column
DECLARE
    given jsonb := CASE WHEN jsonb_typeof(items) = 'object' THEN jsonb_build_array(items) ELSE items END;
    wrong text;
BEGIN
    IF jsonb_typeof(given) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION USING ERRCODE = 'PT400', MESSAGE = 'items is no list',
            HINT = 'Give a list such as [{"project_id": "abc123", "guid": "...", "status": "mounted"}].';
    END IF;
    SELECT string_agg(format('item %s: %s', f.place, f.fault), '; ' ORDER BY f.place) FILTER (WHERE f.nth <= 20) INTO wrong
    FROM (
        SELECT j.*, row_number() OVER (ORDER BY j.place) AS nth
        FROM (SELECT n AS place, CASE
            WHEN jsonb_typeof(i) <> 'object' THEN 'is no object'
            WHEN i - '{project_id,guid,status,effective_on,note}'::text[] <> '{}' THEN
                format('has unknown members (%s)',
                       (SELECT string_agg(k, ', ') FROM jsonb_object_keys(i - '{project_id,guid,status,effective_on,note}'::text[]) AS k))
            WHEN COALESCE(i ->> 'guid', '') = '' THEN 'has no guid'
            WHEN i ->> 'guid' !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN 'guid is no uuid'
            WHEN jsonb_typeof(i -> 'status') IS DISTINCT FROM 'string' OR i ->> 'status' = '' THEN 'has no status'
            WHEN COALESCE(i ->> 'effective_on', '2000-01-01') !~ '^[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$'
                THEN 'effective_on is no day such as 2026-01-31'
            -- A month that is too short for it.
            WHEN right(i ->> 'effective_on', 2)::integer > extract(day FROM
                 (left(i ->> 'effective_on', 7) || '-01')::date + interval '1 month - 1 day')
                THEN 'effective_on is no day such as 2026-01-31'
        END AS fault
        FROM jsonb_array_elements(given) WITH ORDINALITY AS a (i, n)) AS j
        WHERE j.fault IS NOT NULL
    ) AS f;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PT400', MESSAGE = 'items cannot be read', DETAIL = left(wrong, 1000),
            HINT = 'Each has guid and status, and may have project_id, effective_on (a day) and note. Nothing was set.';
    END IF;
    RETURN QUERY
    SELECT n, i ->> 'project_id', (i ->> 'guid')::uuid, i ->> 'status', (i ->> 'effective_on')::date, i ->> 'note', i
    FROM jsonb_array_elements(given) WITH ORDINALITY AS a (i, n);
END
$function$;
COMMENT ON FUNCTION {schema}.read_status_items(jsonb) IS 'The items of set_status, or an error that names those that are wrong.';

CREATE OR REPLACE FUNCTION {schema}.placed_status_items(items jsonb)
RETURNS TABLE (
    place bigint, project_id text, guid uuid, status text, effective_on date, note text, item jsonb, projects bigint)
LANGUAGE sql STABLE AS $function$
    SELECT i.place, COALESCE(i.project_id, CASE WHEN f.projects = 1 THEN f.project_id END), i.guid, i.status,
        i.effective_on, i.note, i.item, f.projects
    FROM {schema}.read_status_items(items) AS i
    LEFT JOIN LATERAL (
        SELECT count(*) AS projects, min(p) AS project_id FROM {schema}.projects_of_part(i.guid) AS p
    ) AS f ON i.project_id IS NULL
$function$;
COMMENT ON FUNCTION {schema}.placed_status_items(jsonb) IS
    'The items of set_status in their projects; where none is named, the only one that has the part.';

CREATE OR REPLACE FUNCTION {schema}.check_status_items(items jsonb) RETURNS void
LANGUAGE plpgsql STABLE AS $function$
DECLARE
    wrong record;
BEGIN
    -- In this order: what nobody may know of is not told of.
    SELECT string_agg(format('item %s: %s', i.place, i.guid), ', ' ORDER BY i.place) AS items, min(i.projects) AS projects
    INTO wrong
    FROM {schema}.placed_status_items(items) AS i
    WHERE i.project_id IS NULL;
    IF wrong.items IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
            MESSAGE = CASE WHEN wrong.projects > 1 THEN 'parts are in several projects' ELSE 'parts are in no project' END,
            DETAIL = left(wrong.items, 1000),
            HINT = 'Name the project_id; the view elements has the guids of a project. Nothing was set.';
    END IF;
    PERFORM {schema}.refuse_writing(p.project_id)
    FROM (SELECT DISTINCT i.project_id FROM {schema}.placed_status_items(items) AS i) AS p;
    SELECT string_agg(format('item %s: %s in project %s%s', i.place, i.guid, i.project_id, i.others), ', ' ORDER BY i.place)
        AS items
    INTO wrong
    FROM (
        SELECT i.*, (SELECT format(' (it is in %s)', string_agg(o, ', ')) FROM {schema}.projects_of_part(i.guid) AS o
                     HAVING count(*) > 0) AS others
        FROM {schema}.placed_status_items(items) AS i
        WHERE NOT EXISTS (SELECT FROM {schema}.parts AS p WHERE p.project_id = i.project_id AND p.guid = i.guid)
        ORDER BY i.place LIMIT 20
    ) AS i;
    IF wrong.items IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', MESSAGE = 'the project has no such parts',
            DETAIL = left(wrong.items, 1000),
            HINT = 'The view elements has the guids of a project. Nothing was set.';
    END IF;
    SELECT string_agg(format('item %s: %s', i.place, i.status), ', ' ORDER BY i.place) AS items,
        min(array_to_string(a.statuses, ', ')) AS statuses
    INTO wrong
    FROM {schema}.placed_status_items(items) AS i
    JOIN (
        SELECT p.project_id, {schema}.allowed_statuses(p.project_id) AS statuses
        FROM (SELECT DISTINCT i.project_id FROM {schema}.placed_status_items(items) AS i) AS p
    ) AS a USING (project_id)
    WHERE i.status <> ALL (a.statuses);
    IF wrong.items IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'the project has no such statuses',
            DETAIL = left(wrong.items, 1000),
            HINT = format('Use one of: %s; or add it to status_values. Nothing was set.', wrong.statuses);
    END IF;
    SELECT string_agg(DISTINCT i.guid::text, ', ') AS items INTO wrong
    FROM (
        SELECT p.guid
        FROM {schema}.placed_status_items(items) AS p
        GROUP BY p.project_id, p.guid
        HAVING count(DISTINCT (p.status, p.effective_on, p.note)) > 1
    ) AS i;
    IF wrong.items IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PT400', MESSAGE = 'a part is given different statuses at once',
            DETAIL = left(wrong.items, 1000), HINT = 'Give each part once. Nothing was set.';
    END IF;
END
$function$;
COMMENT ON FUNCTION {schema}.check_status_items(jsonb) IS
    'Raises an error that names the items of set_status that cannot be set.';

CREATE OR REPLACE FUNCTION {schema}.set_status(items jsonb)
RETURNS TABLE (project_id text, guid uuid, status text, effective_on date, changed boolean)
LANGUAGE plpgsql VOLATILE AS $function$
#variable_conflict use_column
BEGIN
    PERFORM {schema}.check_status_items(set_status.items);
    -- One after the other in a project, so that what is left as it is is what the one before left.
    PERFORM pg_advisory_xact_lock(hashtextextended('speckle2pg statuses ' || p.project_id, 0))
    FROM (SELECT DISTINCT i.project_id FROM {schema}.placed_status_items(set_status.items) AS i ORDER BY 1) AS p;
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT ON (i.project_id, i.guid) i.project_id, i.guid, i.status,
            -- What is not given stays as it is, unless it belongs to another status.
            COALESCE(i.effective_on, CASE WHEN s.status = i.status THEN s.effective_on ELSE current_date END) AS effective_on,
            CASE WHEN i.item ? 'note' OR s.status IS DISTINCT FROM i.status THEN i.note ELSE s.note END AS note,
            s.status AS old_status, s.effective_on AS old_effective_on, s.note AS old_note
        FROM {schema}.placed_status_items(set_status.items) AS i
        LEFT JOIN {schema}.element_status AS s ON s.project_id = i.project_id AND s.guid = i.guid
    ), written AS (
        INSERT INTO {schema}.element_status AS s (project_id, guid, status, effective_on, note)
        SELECT w.project_id, w.guid, w.status, w.effective_on, w.note
        FROM wanted AS w
        -- In one order, so that two at once wait for each other and do not block each other for ever.
        ORDER BY w.project_id, w.guid
        ON CONFLICT (project_id, guid) DO UPDATE
            SET status = EXCLUDED.status, effective_on = EXCLUDED.effective_on, note = EXCLUDED.note
            WHERE (s.status, s.effective_on, s.note)
                IS DISTINCT FROM (EXCLUDED.status, EXCLUDED.effective_on, EXCLUDED.note)
        RETURNING s.project_id, s.guid
    )
    SELECT w.project_id, w.guid, w.status, w.effective_on,
        EXISTS (SELECT FROM written AS n WHERE n.project_id = w.project_id AND n.guid = w.guid)
    FROM wanted AS w
    ORDER BY w.project_id, w.guid;
END
$function$;
COMMENT ON FUNCTION {schema}.set_status(jsonb) IS
    'Sets statuses, all or none: a list of {project_id, guid, status, effective_on, note}. project_id may be left out where only one project has the part; effective_on is today where a status changes; what is set already stays and counts as not changed.';

-- What was, and what changed between two versions. Errors carry the HTTP status that PostgREST answers with: PT404.

CREATE OR REPLACE FUNCTION {schema}.elements_at(project text, model text, at_seq bigint)
RETURNS SETOF {schema}.model_elements
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT h.project_id, h.model_id, h.guid, h.application_id, h.object_id, h.content_hash, h.canonical_version, h.kind,
        h.element_type, h.element_name, h.category, h.level, h.material, h.mark, h.assembly_mark, h.assembly_guid,
        h.phase, h.profile, h.length_m, h.area_m2, h.volume_m3, h.weight_kg, h.path, h.parent_guid, h.properties,
        h.attributes, h.version_id, h.from_seq, h.created_at, h.updated_at, h.removed_at, h.removed_seq,
        h.removed_version_id, h.removed_reason, h.change_pos
    FROM {schema}.element_history AS h
    WHERE h.project_id = project AND h.model_id = model AND h.from_seq <= at_seq AND h.to_seq > at_seq
    UNION ALL
    -- The last image of a removed element is history as well.
    SELECT e.*
    FROM {schema}.model_elements AS e
    WHERE e.project_id = project AND e.model_id = model AND e.from_seq <= at_seq AND e.removed_seq IS NULL
$function$;
COMMENT ON FUNCTION {schema}.elements_at(text, text, bigint) IS
    'Elements of a model as they were after its application number seq; right from models.history_seq on.';

CREATE OR REPLACE FUNCTION {schema}.element_at(project text, model text, element uuid, at_seq bigint)
RETURNS SETOF {schema}.model_elements
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $function$
    -- By the primary keys, whatever the statistics say or lack: the sum hides from_seq from the index by it.
    (SELECT h.project_id, h.model_id, h.guid, h.application_id, h.object_id, h.content_hash, h.canonical_version, h.kind,
        h.element_type, h.element_name, h.category, h.level, h.material, h.mark, h.assembly_mark, h.assembly_guid,
        h.phase, h.profile, h.length_m, h.area_m2, h.volume_m3, h.weight_kg, h.path, h.parent_guid, h.properties,
        h.attributes, h.version_id, h.from_seq, h.created_at, h.updated_at, h.removed_at, h.removed_seq,
        h.removed_version_id, h.removed_reason, h.change_pos
     FROM {schema}.element_history AS h
     WHERE h.project_id = project AND h.model_id = model AND h.guid = element
       AND h.from_seq + 0 <= at_seq AND h.to_seq + 0 > at_seq)
    UNION ALL
    (SELECT e.*
     FROM {schema}.model_elements AS e
     WHERE e.project_id = project AND e.model_id = model AND e.guid = element
       AND e.from_seq + 0 <= at_seq AND e.removed_seq IS NULL)
    LIMIT 1
$function$;
COMMENT ON FUNCTION {schema}.element_at(text, text, uuid, bigint) IS
    'One element as it was after application number seq of its model; no row if it was not there.';

CREATE OR REPLACE FUNCTION {schema}.content_parent(e {schema}.model_elements, at_seq bigint) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT CASE
        WHEN e.parent_guid IS NOT NULL AND NOT EXISTS (
            SELECT FROM {schema}.element_at(e.project_id, e.model_id, e.parent_guid, at_seq) AS p
            WHERE p.kind = 'spatial') THEN e.parent_guid
    END
$function$;
COMMENT ON FUNCTION {schema}.content_parent({schema}.model_elements, bigint) IS
    'The element that encloses another one, where that is content: exports give the same storey new guids.';

CREATE OR REPLACE FUNCTION {schema}.element_content(e {schema}.model_elements) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
    SELECT jsonb_build_object(
        'application_id', e.application_id,
        'element_type', e.element_type,
        'element_name', e.element_name,
        'category', e.category,
        'level', e.level,
        'path', e.path,
        'mark', e.mark,
        'assembly_mark', e.assembly_mark,
        'phase', e.phase,
        'profile', e.profile,
        'length_m', e.length_m,
        'area_m2', e.area_m2,
        'volume_m3', e.volume_m3,
        'weight_kg', e.weight_kg,
        'properties', e.properties)
$function$;
COMMENT ON FUNCTION {schema}.element_content({schema}.model_elements) IS
    'What counts as an element''s content, apart from the element that encloses it; noise is still in its properties.';

CREATE OR REPLACE FUNCTION {schema}.content_differences(before {schema}.model_elements, after {schema}.model_elements)
RETURNS TABLE (path text[], old jsonb, new jsonb)
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT ARRAY[key], nullif(o.value, 'null'), nullif(n.value, 'null')
    FROM jsonb_each({schema}.element_content(before) - 'properties') AS o
    JOIN jsonb_each({schema}.element_content(after) - 'properties') AS n USING (key)
    WHERE NOT {schema}.same_leaf(nullif(o.value, 'null'), nullif(n.value, 'null'))
    UNION ALL
    SELECT 'properties'::text || d.path, d.old, d.new
    FROM {schema}.json_differences((before).properties, (after).properties) AS d
$function$;
COMMENT ON FUNCTION {schema}.content_differences({schema}.model_elements, {schema}.model_elements) IS
    'Where the content of two images of an element differs: {name of the column} or {properties, names...}.';

CREATE OR REPLACE FUNCTION {schema}.find_model(wanted text) RETURNS {schema}.models
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $function$
DECLARE
    found {schema}.models[];
BEGIN
    SELECT array_agg(m) INTO found FROM {schema}.models AS m WHERE m.id = wanted;
    IF found IS NULL THEN
        SELECT array_agg(m) INTO found FROM {schema}.models AS m WHERE m.name = wanted;
    END IF;
    IF found IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PT404',
            MESSAGE = format('no model has the id or the name %s', wanted),
            HINT = 'Table models lists them.';
    END IF;
    IF cardinality(found) > 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'PT409',
            MESSAGE = format('%s models are named %s', cardinality(found), wanted),
            DETAIL = (SELECT string_agg(format('%s in project %s (%s)', m.id, m.project_id, m.state), ', ' ORDER BY m.id)
                      FROM unnest(found) AS m),
            HINT = 'Give the model''s id.';
    END IF;
    RETURN found[1];
END
$function$;
COMMENT ON FUNCTION {schema}.find_model(text) IS 'The model of that id, or of that name where only one has it.';

CREATE OR REPLACE FUNCTION {schema}.refuse_version(project text, model text, version text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $function$
DECLARE
    asked {schema}.versions;
    before text;
    after text;
BEGIN
    SELECT v.* INTO asked FROM {schema}.versions AS v WHERE v.project_id = project AND v.id = version;
    IF asked.id IS NULL OR asked.model_id <> model THEN
        RAISE EXCEPTION USING ERRCODE = 'PT404',
            MESSAGE = format('model %s has no version %s', model, version),
            DETAIL = CASE WHEN asked.id IS NULL THEN 'It is not on record.'
                          ELSE format('The version is in model %s.', asked.model_id) END,
            HINT = 'Table versions lists them.';
    END IF;
    SELECT v.id INTO before
    FROM {schema}.versions AS v
    WHERE v.project_id = project AND (v.created_at, v.id) < (asked.created_at, asked.id)
      AND EXISTS (SELECT FROM {schema}.model_syncs AS s
                  WHERE s.project_id = project AND s.model_id = model AND s.version_id = v.id)
    ORDER BY v.created_at DESC, v.id DESC LIMIT 1;
    SELECT v.id INTO after
    FROM {schema}.versions AS v
    WHERE v.project_id = project AND (v.created_at, v.id) > (asked.created_at, asked.id)
      AND EXISTS (SELECT FROM {schema}.model_syncs AS s
                  WHERE s.project_id = project AND s.model_id = model AND s.version_id = v.id)
    ORDER BY v.created_at, v.id LIMIT 1;
    RAISE EXCEPTION USING ERRCODE = 'PT409',
        MESSAGE = format(
            'version %s of model %s was never applied (%s); the nearest applied versions: %s before, %s after',
            version, model, CASE asked.state WHEN 'synced' THEN 'moved' ELSE asked.state END,
            COALESCE(before, 'none'), COALESCE(after, 'none')),
        DETAIL = COALESCE(
            asked.error,
            (SELECT format('It was applied to model %s.', s.model_id) FROM {schema}.model_syncs AS s
             WHERE s.project_id = project AND s.version_id = version ORDER BY s.synced_at DESC LIMIT 1),
            'The daemon passed it over for a newer one.'),
        HINT = 'Ask for one that was applied; `speckle2pg backfill` replays those that were passed over.';
END
$function$;
COMMENT ON FUNCTION {schema}.refuse_version(text, text, text) IS
    'Raises the error that says why a version of a model cannot be shown, and which ones next to it can.';

CREATE OR REPLACE FUNCTION {schema}.check_history(project text, model text, at_seq bigint, version text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $function$
DECLARE
    since bigint;
BEGIN
    SELECT m.history_seq INTO since FROM {schema}.models AS m WHERE m.project_id = project AND m.id = model;
    IF at_seq < since THEN
        RAISE EXCEPTION USING ERRCODE = 'PT410',
            MESSAGE = format('the history of model %s is not kept back to version %s', model, version),
            DETAIL = format(
                'It begins with version %s.',
                (SELECT COALESCE(s.version_id, 'none') FROM {schema}.model_syncs AS s
                 WHERE s.project_id = project AND s.model_id = model AND s.seq >= since ORDER BY s.seq LIMIT 1)),
            HINT = '`speckle2pg backfill` replays versions that the server still has.';
    END IF;
END
$function$;
COMMENT ON FUNCTION {schema}.check_history(text, text, bigint, text) IS
    'Raises an error if former images of that time were pruned or never kept.';

CREATE OR REPLACE FUNCTION {schema}.find_application(model text, version text)
RETURNS TABLE (project_id text, model_id text, seq bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 AS $function$
#variable_conflict use_column
DECLARE
    found {schema}.models := {schema}.find_model(model);
    at_seq bigint;
BEGIN
    SELECT max(s.seq) INTO at_seq
    FROM {schema}.model_syncs AS s
    WHERE s.project_id = found.project_id AND s.model_id = found.id AND s.version_id = version;
    IF at_seq IS NULL THEN
        PERFORM {schema}.refuse_version(found.project_id, found.id, version);
    END IF;
    PERFORM {schema}.check_history(found.project_id, found.id, at_seq, version);
    RETURN QUERY SELECT found.project_id, found.id, at_seq;
END
$function$;
COMMENT ON FUNCTION {schema}.find_application(text, text) IS
    'The newest application of a version to a model, or an error that says what can be asked instead.';

CREATE OR REPLACE FUNCTION {schema}.find_applications(version_a text, version_b text)
RETURNS TABLE (project_id text, model_id text, seq_a bigint, seq_b bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1 AS $function$
#variable_conflict use_column
DECLARE
    pair record;
    a {schema}.versions;
    b {schema}.versions;
BEGIN
    -- A version that was moved was applied to two models.
    SELECT sa.project_id, sa.model_id, max(sa.seq) AS seq_a, max(sb.seq) AS seq_b INTO pair
    FROM {schema}.model_syncs AS sa
    JOIN {schema}.model_syncs AS sb ON sb.project_id = sa.project_id AND sb.model_id = sa.model_id
    JOIN {schema}.models AS m ON m.project_id = sa.project_id AND m.id = sa.model_id
    WHERE sa.version_id = version_a AND sb.version_id = version_b
    GROUP BY sa.project_id, sa.model_id
    ORDER BY max(m.synced_at) DESC LIMIT 1;
    IF NOT FOUND THEN
        SELECT v.* INTO a FROM {schema}.versions AS v WHERE v.id = version_a;
        SELECT v.* INTO b FROM {schema}.versions AS v WHERE v.id = version_b;
        IF a.id IS NULL OR b.id IS NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'PT404',
                MESSAGE = format('no version has the id %s', CASE WHEN a.id IS NULL THEN version_a ELSE version_b END),
                HINT = 'Table versions lists them.';
        END IF;
        IF (a.project_id, a.model_id) <> (b.project_id, b.model_id) THEN
            RAISE EXCEPTION USING ERRCODE = 'PT400',
                MESSAGE = format('version %s is of model %s and version %s of model %s', version_a, a.model_id, version_b,
                                 b.model_id),
                HINT = 'Only versions of one model can be compared.';
        END IF;
        PERFORM {schema}.refuse_version(
            a.project_id, a.model_id,
            CASE WHEN EXISTS (SELECT FROM {schema}.model_syncs AS s WHERE s.project_id = a.project_id
                                AND s.model_id = a.model_id AND s.version_id = version_a)
                THEN version_b ELSE version_a END);
    END IF;
    PERFORM {schema}.check_history(pair.project_id, pair.model_id, pair.seq_a, version_a);
    PERFORM {schema}.check_history(pair.project_id, pair.model_id, pair.seq_b, version_b);
    RETURN QUERY SELECT pair.project_id, pair.model_id, pair.seq_a, pair.seq_b;
END
$function$;
COMMENT ON FUNCTION {schema}.find_applications(text, text) IS
    'The newest applications of two versions to one model, or an error that says what can be asked instead.';

CREATE OR REPLACE FUNCTION {schema}.elements_as_of(model text, version text) RETURNS SETOF {schema}.model_elements
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT e.*
    FROM {schema}.find_application(elements_as_of.model, elements_as_of.version) AS a
    CROSS JOIN LATERAL {schema}.elements_at(a.project_id, a.model_id, a.seq) AS e
$function$;
COMMENT ON FUNCTION {schema}.elements_as_of(text, text) IS
    'The elements of a model (its id, or its name where only one has it) as they were when a version was applied.';

CREATE OR REPLACE FUNCTION {schema}.version_diff(version_a text, version_b text)
RETURNS TABLE (guid uuid, change text, path text[], old jsonb, new jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
-- Compiling it takes a second, running it some milliseconds.
SET jit = off
AS $function$
    WITH pair AS (
        SELECT p.*, least(p.seq_a, p.seq_b) AS first, greatest(p.seq_a, p.seq_b) AS last
        FROM {schema}.find_applications(version_a, version_b) AS p
    ), touched AS (
        SELECT h.guid FROM pair AS p JOIN {schema}.element_history AS h
          ON h.project_id = p.project_id AND h.model_id = p.model_id AND h.to_seq > p.first AND h.to_seq <= p.last
        UNION
        SELECT h.guid FROM pair AS p JOIN {schema}.element_history AS h
          ON h.project_id = p.project_id AND h.model_id = p.model_id AND h.from_seq > p.first AND h.from_seq <= p.last
        UNION
        SELECT e.guid FROM pair AS p JOIN {schema}.model_elements AS e
          ON e.project_id = p.project_id AND e.model_id = p.model_id AND e.from_seq > p.first AND e.from_seq <= p.last
    ), images AS (
        SELECT p.*, t.guid, a.guid IS NOT NULL AS in_a, b.guid IS NOT NULL AS in_b, b.created_at,
            (a.content_hash, a.canonical_version) IS DISTINCT FROM (b.content_hash, b.canonical_version) AS is_other
        FROM pair AS p
        CROSS JOIN touched AS t
        LEFT JOIN LATERAL {schema}.element_at(p.project_id, p.model_id, t.guid, p.seq_a) AS a ON true
        LEFT JOIN LATERAL {schema}.element_at(p.project_id, p.model_id, t.guid, p.seq_b) AS b ON true
    )
    -- An element that was there before a, though not in a, comes back. Where its former images were pruned, it came back
    -- if it did not come with a version applied in between.
    SELECT i.guid,
        CASE
            WHEN NOT i.in_b THEN 'removed'
            WHEN EXISTS (
                SELECT FROM {schema}.element_history AS h
                WHERE h.project_id = i.project_id AND h.model_id = i.model_id AND h.guid = i.guid
                  AND h.from_seq < i.seq_a
            ) THEN 'restored'
            WHEN i.created_at NOT IN (
                SELECT v.created_at
                FROM pair AS p
                JOIN {schema}.model_syncs AS s
                  ON s.project_id = p.project_id AND s.model_id = p.model_id AND s.seq > p.first AND s.seq <= p.last
                JOIN {schema}.versions AS v ON v.project_id = s.project_id AND v.id = s.version_id
            ) THEN 'restored'
            ELSE 'added'
        END,
        NULL::text[], NULL::jsonb, NULL::jsonb
    FROM images AS i
    WHERE i.in_a <> i.in_b
    UNION ALL
    SELECT i.guid, 'modified', d.path, d.old, d.new
    FROM images AS i
    CROSS JOIN LATERAL {schema}.element_at(i.project_id, i.model_id, i.guid, i.seq_a) AS a
    CROSS JOIN LATERAL {schema}.element_at(i.project_id, i.model_id, i.guid, i.seq_b) AS b
    CROSS JOIN LATERAL (
        SELECT c.path, c.old, c.new FROM {schema}.content_differences(a, b) AS c
        UNION ALL
        SELECT '{parent_guid}', to_jsonb(a.parent_guid), to_jsonb(b.parent_guid)
        WHERE {schema}.content_parent(a, i.seq_a) IS DISTINCT FROM {schema}.content_parent(b, i.seq_b)
    ) AS d
    WHERE i.in_a AND i.in_b AND i.is_other
$function$;
COMMENT ON FUNCTION {schema}.version_diff(text, text) IS
    'What leads from one version of a model to another, in whatever order they came: a row per element that was added, removed or restored, and one per path for each that was modified. Noise is left out.';

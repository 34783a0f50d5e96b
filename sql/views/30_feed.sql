-- The change feed: each changed element once, in its latest state, in an order in which nothing is skipped.

CREATE OR REPLACE FUNCTION {schema}.feed_identity() RETURNS text
LANGUAGE sql STABLE AS $function$
    -- Positions hold within one line of one cluster's transaction ids, and for these very tables.
    SELECT left(md5(concat_ws(' ', s.system_identifier, c.timeline_id, d.oid, i.tableoid)), 16)
    FROM pg_control_system() AS s, pg_control_checkpoint() AS c, pg_database AS d, {schema}.instance AS i
    WHERE d.datname = current_database()
$function$;
COMMENT ON FUNCTION {schema}.feed_identity() IS
    'Identity of this database: another one after a restore, a move or a change of timeline.';

CREATE OR REPLACE FUNCTION {schema}.last_position() RETURNS bigint
LANGUAGE sql STABLE AS $function$
    SELECT greatest(
        (SELECT max(change_pos) FROM {schema}.model_elements),
        (SELECT max(change_pos) FROM {schema}.model_syncs),
        (SELECT max(change_pos) FROM {schema}.purges))
$function$;
COMMENT ON FUNCTION {schema}.last_position() IS 'The highest position in the change feed that is in use; null where there is none.';

CREATE OR REPLACE FUNCTION {schema}.next_position() RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $function$
BEGIN
    -- After a restore or a move transaction ids may begin low again: whoever writes first raises the base above all that
    -- is there, and who writes at the same time waits for that.
    UPDATE {schema}.instance AS i
    SET feed_identity = {schema}.feed_identity(),
        -- Also a transaction that began before this one and writes after it comes after all that is there.
        feed_base = greatest(
            i.feed_base,
            {schema}.last_position() + 1 - least(
                pg_current_xact_id()::text::bigint, pg_snapshot_xmin(pg_current_snapshot())::text::bigint))
    WHERE i.feed_identity IS DISTINCT FROM {schema}.feed_identity();
    RETURN (SELECT i.feed_base + pg_current_xact_id()::text::bigint FROM {schema}.instance AS i);
END
$function$;
COMMENT ON FUNCTION {schema}.next_position() IS 'The position in the change feed of what this transaction writes.';

CREATE OR REPLACE FUNCTION {schema}.feed_bounds(OUT settled bigint, OUT assigned bigint)
LANGUAGE sql STABLE AS $function$
    -- After a restore into a younger cluster, and until something is written there, positions lie ahead of all
    -- transactions: they are all settled.
    SELECT CASE WHEN f.is_ahead THEN 9223372036854775807 ELSE i.feed_base + pg_snapshot_xmin(f.now)::text::bigint END,
        CASE WHEN f.is_ahead THEN 9223372036854775807 ELSE i.feed_base + pg_snapshot_xmax(f.now)::text::bigint END
    FROM {schema}.instance AS i
    CROSS JOIN LATERAL (
        SELECT s.now,
            i.feed_identity IS DISTINCT FROM {schema}.feed_identity()
            AND {schema}.last_position() >= i.feed_base + pg_snapshot_xmax(s.now)::text::bigint AS is_ahead
        FROM pg_current_snapshot() AS s (now)
    ) AS f
$function$;
COMMENT ON FUNCTION {schema}.feed_bounds() IS
    'Positions below settled can no longer appear; none that was given out yet is as high as assigned.';

CREATE OR REPLACE FUNCTION {schema}.feed_cursor(
    feed text, change_pos bigint, project_id text, model_id text, guid uuid)
RETURNS text
LANGUAGE sql STABLE AS $function$
    -- Base 64 for addresses: RFC 4648, section 5, without padding.
    SELECT translate(
        encode(convert_to(jsonb_build_object(
            'feed', feed, 'after', jsonb_build_array(change_pos, project_id, model_id, guid)
        )::text, 'UTF8'), 'base64'),
        E'+/=\n', '-_')
$function$;
COMMENT ON FUNCTION {schema}.feed_cursor(text, bigint, text, text, uuid) IS
    'The cursor of a consumer that has read the feed of a database up to and with a row.';

CREATE OR REPLACE FUNCTION {schema}.feed_start_at(moment timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $function$
    -- Below the position of an application, all but open_before positions were settled when it was noted. It is dated a
    -- little before its commit: within a minute.
    SELECT COALESCE(max(CASE WHEN open_before = 0 THEN change_pos ELSE change_pos - open_before - 1 END), 0)
    FROM {schema}.model_syncs
    WHERE synced_at < moment - interval '1 minute'
$function$;
COMMENT ON FUNCTION {schema}.feed_start_at(timestamptz) IS
    'The position after which everything stands that was committed since a moment; some of before may stand there too.';

CREATE OR REPLACE FUNCTION {schema}.feed_start(
    given text, OUT change_pos bigint, OUT project_id text, OUT model_id text, OUT guid uuid)
LANGUAGE plpgsql STABLE AS $function$
DECLARE
    place jsonb;
BEGIN
    project_id := '';
    model_id := '';
    guid := '00000000-0000-0000-0000-000000000000';
    IF COALESCE(given, '') = '' THEN
        change_pos := 0;
        RETURN;
    END IF;
    BEGIN
        IF given ~ '^\d{4}-\d' THEN
            change_pos := {schema}.feed_start_at(given::timestamptz) + 1;
            RETURN;
        END IF;
        place := convert_from(
            decode(rpad(translate(given, '-_', '+/'), (length(given) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb;
        change_pos := place -> 'after' ->> 0;
        project_id := place -> 'after' ->> 1;
        model_id := place -> 'after' ->> 2;
        guid := place -> 'after' ->> 3;
    EXCEPTION
        WHEN data_exception THEN
            change_pos := NULL;
    END;
    IF change_pos IS NULL OR project_id IS NULL OR model_id IS NULL OR guid IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PT400',
            MESSAGE = 'the cursor is neither one that changes_since gave nor a time',
            HINT = 'Start with no cursor, or with a time such as 2026-01-31T00:00:00Z.';
    END IF;
    IF place ->> 'feed' IS DISTINCT FROM {schema}.feed_identity()
        OR change_pos >= (SELECT assigned FROM {schema}.feed_bounds())
    THEN
        RAISE EXCEPTION USING ERRCODE = 'PT410',
            MESSAGE = 'cursor_expired',
            DETAIL = 'The database was restored, moved or taken over by a standby since the cursor was given.',
            HINT = 'Forget what was read, and read again with no cursor.';
    END IF;
END
$function$;
COMMENT ON FUNCTION {schema}.feed_start(text) IS
    'Where reading goes on: after the row of a cursor, after a time, or at the beginning.';

-- A page is read from the index in its order, however the table is estimated, and never compiled.
CREATE OR REPLACE FUNCTION {schema}.changes_since(
    INOUT cursor text DEFAULT NULL, max_rows integer DEFAULT 1000,
    OUT project_id text, OUT model_id text, OUT guid uuid, OUT operation text, OUT element jsonb)
RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET enable_seqscan = off
SET enable_bitmapscan = off
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
    feed text := {schema}.feed_identity();
    start record;
    below bigint;
BEGIN
    SELECT * INTO start FROM {schema}.feed_start(changes_since.cursor);
    SELECT settled INTO below FROM {schema}.feed_bounds();
    RETURN QUERY
    SELECT {schema}.feed_cursor(feed, p.change_pos, p.project_id, p.model_id, p.guid),
        p.project_id, nullif(p.model_id, ''), CASE WHEN p.operation <> 'purge' THEN p.guid END, p.operation,
        to_jsonb(p.image) - '{content_hash,canonical_version,change_pos}'::text[]
    FROM (
        SELECT u.*
        FROM (
            (SELECT e.change_pos, e.project_id, e.model_id, e.guid,
                CASE WHEN e.removed_at IS NULL THEN 'upsert' ELSE 'remove' END AS operation, e AS image
             FROM {schema}.model_elements AS e
             WHERE (e.change_pos, e.project_id, e.model_id, e.guid)
                    > (start.change_pos, start.project_id, start.model_id, start.guid)
               AND e.change_pos < below
             ORDER BY e.change_pos, e.project_id, e.model_id, e.guid
             LIMIT greatest(max_rows, 0))
            UNION ALL
            (SELECT g.change_pos, g.project_id, COALESCE(g.model_id, ''), '00000000-0000-0000-0000-000000000000',
                'purge', NULL
             FROM {schema}.purges AS g
             WHERE (g.change_pos, g.project_id, COALESCE(g.model_id, ''), '00000000-0000-0000-0000-000000000000'::uuid)
                    > (start.change_pos, start.project_id, start.model_id, start.guid)
               AND g.change_pos < below
             ORDER BY g.change_pos, g.project_id
             LIMIT greatest(max_rows, 0))
        ) AS u
        ORDER BY u.change_pos, u.project_id, u.model_id, u.guid
        LIMIT greatest(max_rows, 0)
    ) AS p
    ORDER BY p.change_pos, p.project_id, p.model_id, p.guid;
END
$function$;
COMMENT ON FUNCTION {schema}.changes_since(text, integer) IS
    'Elements that changed after a cursor (none: all; or a time), each once and in its latest state, with the cursor to go on from after each row. operation: upsert, remove, or purge: drop all that is held of the project. An error cursor_expired means: start again with no cursor.';

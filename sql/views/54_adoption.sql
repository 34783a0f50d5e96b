-- Statuses that came from an earlier adapter without a project.

-- With the owner's rights: the daemon, which writes no statuses, calls it, and all that it can do is this.
CREATE OR REPLACE FUNCTION {schema}.adopt_statuses() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    adopted bigint := 0;
    claims text := current_setting('request.jwt.claims', true);
BEGIN
    -- While a project, or a model of it, was never read, nobody knows whether the part is in that one as well.
    IF NOT EXISTS (SELECT FROM {schema}.taken_over AS t WHERE t.project_id IS NULL)
        OR EXISTS (
            SELECT FROM {schema}.projects AS p
            WHERE p.enabled AND p.state <> 'gone'
              AND (p.last_reconciled_at IS NULL OR EXISTS (
                  SELECT FROM {schema}.models AS m
                  JOIN {schema}.versions AS v ON v.project_id = m.project_id AND v.model_id = m.id
                  WHERE m.project_id = p.id AND m.state = 'active' AND m.seq = 0
                    AND v.state IN ('pending', 'syncing', 'held', 'failed'))))
    THEN
        RETURN 0;
    END IF;
    PERFORM set_config('speckle2pg.keep_statuses', 'on', true);
    -- The daemon cannot sign them as somebody else. A SET clause of the function would need a superuser.
    PERFORM set_config('request.jwt.claims', '', true);
    WITH found AS (
        SELECT t.guid, min(p.project_id) AS project_id
        FROM {schema}.taken_over AS t
        CROSS JOIN (SELECT DISTINCT m.project_id FROM {schema}.models AS m) AS m
        JOIN {schema}.parts AS p ON p.project_id = m.project_id AND p.guid = t.guid
        WHERE t.project_id IS NULL
        GROUP BY t.guid
        HAVING count(*) = 1
    ), taken AS (
        UPDATE {schema}.taken_over AS t
        SET project_id = f.project_id, adopted_at = now()
        FROM found AS f
        WHERE t.guid = f.guid AND t.project_id IS NULL
        RETURNING t.project_id, t.guid, t.status
    ), set AS (
        INSERT INTO {schema}.element_status (project_id, guid, status, updated_by)
        SELECT t.project_id, t.guid, t.status, 'takeover' FROM taken AS t WHERE t.status IS NOT NULL
        -- Somebody has set one meanwhile.
        ON CONFLICT (project_id, guid) DO NOTHING
    )
    SELECT count(*) INTO adopted FROM taken;
    PERFORM set_config('speckle2pg.keep_statuses', '', true);
    PERFORM set_config('request.jwt.claims', COALESCE(claims, ''), true);
    RETURN adopted;
END
$function$;
COMMENT ON FUNCTION {schema}.adopt_statuses() IS
    'Gives taken-over elements without a project to the one project that has their guid, with their statuses, once every followed project was read; gives how many.';
REVOKE EXECUTE ON FUNCTION {schema}.adopt_statuses() FROM PUBLIC;

-- Which rows each role sees. Made where they are missing or were others, and otherwise left alone: making them anew would
-- lock the tables at each start. The owner of the tables is not bound by them.

DO $block$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        WITH rules (tables, name, command, check_only, condition, role) AS (
            VALUES
            -- The daemon sees all; what it may do with it is in its grants.
            (ARRAY(
                SELECT c.relname::text FROM pg_class AS c
                WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
                  AND c.relname IN (
                      'instance', 'projects', 'models', 'versions', 'model_syncs', 'model_objects', 'model_elements',
                      'element_history', 'parts', 'sync_requests', 'leases', 'replicas', 'outbound_notifications',
                      'monitoring_snapshots', 'admin_log', 'noise_rules', 'purges', 'attribute_map', 'element_status',
                      'element_status_log', 'status_values', 'project_members', 'taken_over')),
             'daemon', 'ALL', false, 'true', '{speckle2pg}'::text[]),
            -- Once per query, not per row.
            ('{models,versions,model_syncs,model_objects,model_elements,element_history,parts,purges,attribute_map,element_status,element_status_log,taken_over}',
             'members_read', 'SELECT', false, 'project_id = ANY ((SELECT {schema}.readable_projects())::text[])',
             '{web_anon,web_user}'),
            ('{projects}', 'members_read', 'SELECT', false, 'id = ANY ((SELECT {schema}.readable_projects())::text[])',
             '{web_anon,web_user}'),
            ('{status_values}', 'members_read', 'SELECT', false,
             'project_id IS NULL OR project_id = ANY ((SELECT {schema}.readable_projects())::text[])', '{web_anon,web_user}'),
            ('{project_members}', 'own_memberships', 'SELECT', false,
             'subject = ANY ((SELECT {schema}.my_subjects())::text[])', '{web_anon,web_user}'),
            ('{instance,noise_rules}', 'all_read', 'SELECT', false, 'true', '{web_anon,web_user}'),
            ('{element_status}', 'writers_insert', 'INSERT', true,
             'project_id = ANY ((SELECT {schema}.writable_projects())::text[])', '{web_user}'),
            ('{element_status}', 'writers_update', 'UPDATE', false,
             'project_id = ANY ((SELECT {schema}.writable_projects())::text[])', '{web_user}')
        )
        SELECT w.*
        FROM (
            SELECT t.name AS "table", r.name, o.names,
                format('FOR %s TO %s %s (%s)', r.command, array_to_string(o.names, ', '),
                       CASE WHEN r.check_only THEN 'WITH CHECK' ELSE 'USING' END, r.condition) AS definition
            FROM rules AS r
            CROSS JOIN unnest(r.tables) AS t (name)
            -- Roles may come later.
            CROSS JOIN LATERAL (
                SELECT ARRAY(SELECT quote_ident(o.rolname) FROM pg_roles AS o WHERE o.rolname = ANY (r.role) ORDER BY 1)
            ) AS o (names)
        ) AS w
        LEFT JOIN pg_policy AS p ON p.polrelid = format('{schema}.%I', w."table")::regclass AND p.polname = w.name
        WHERE w.names <> '{}'
          -- A role that was dropped and made anew is another one, which the policy does not name any more.
          AND (obj_description(p.oid, 'pg_policy') IS DISTINCT FROM w.definition
               OR cardinality(p.polroles) < cardinality(w.names))
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS %I ON {schema}.%I', wanted.name, wanted."table");
        EXECUTE format('CREATE POLICY %I ON {schema}.%I %s', wanted.name, wanted."table", wanted.definition);
        EXECUTE format('COMMENT ON POLICY %I ON {schema}.%I IS %L', wanted.name, wanted."table", wanted.definition);
    END LOOP;
END
$block$;

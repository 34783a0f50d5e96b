-- What each role may do. What is not here is taken away, whoever gave it: default privileges of the database, or an
-- earlier program that used the same roles. Nothing is written, and nothing locked, where all is as it should be.

DO $block$
DECLARE
    change record;
BEGIN
    FOR change IN
        WITH rights (roles, privileges, names) AS (
            VALUES
            ('{speckle2pg}'::text[], '{SELECT,INSERT,UPDATE,DELETE}'::text[],
             '{
                 projects, models, versions, model_syncs, model_objects, model_elements, element_history, sync_requests,
                 leases, replicas, outbound_notifications, monitoring_snapshots, admin_log, loads, staged_facts,
                 staged_tree
             }'::text[]),
            -- Parts are never deleted, and there is one instance.
            ('{speckle2pg}', '{SELECT,INSERT,UPDATE}', '{parts}'),
            ('{speckle2pg}', '{SELECT,INSERT}', '{purges}'),
            ('{speckle2pg}', '{SELECT,UPDATE}', '{instance}'),
            ('{speckle2pg}', '{USAGE}', '{load_ids}'),
            -- To see whether the schema is the one that the program knows.
            ('{speckle2pg}', '{SELECT}', '{speckle2pg_migrations}'),
            ('{}', '{}', '{speckle2pg_migrations_log,speckle2pg_migrations_version}'),
            -- People's, and what they show.
            ('{speckle2pg,web_anon,web_user}', '{SELECT}',
             '{
                 noise_rules, attribute_map, element_status, element_status_log, status_values, project_members,
                 taken_over, elements, elements_all, parts_current, status_counts, progress, status_conflicts,
                 takeover_report
             }'),
            ('{web_anon,web_user}', '{SELECT}',
             '{
                 instance, projects, models, versions, model_syncs, model_objects, model_elements, element_history,
                 parts, purges
             }'),
            ('{web_user}', '{INSERT,UPDATE}', '{element_status}'),
            -- The view's trigger lets nothing but status through, and says so.
            ('{web_user}', '{UPDATE}', '{elements}')
        ), roles (oid, name) AS (
            SELECT r.oid, quote_ident(r.rolname) FROM pg_roles AS r
            WHERE r.rolname IN ('speckle2pg', 'web_anon', 'web_user', 'authenticator')
            UNION ALL
            SELECT 0, 'PUBLIC'
        ), relations AS (
            SELECT c.oid, c.relname::text AS name, c.relowner, c.relacl,
                CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
            FROM pg_class AS c
            -- Sequences of identity columns go with their tables.
            LEFT JOIN pg_depend AS d
              ON c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
             AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
            LEFT JOIN pg_class AS t ON t.oid = d.refobjid
            WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'v', 'S')
              AND COALESCE(t.relname, c.relname) IN (SELECT unnest(r.names) FROM rights AS r)
        ), wanted AS (
            SELECT c.oid, o.oid AS role, p.privilege
            FROM rights AS r
            CROSS JOIN unnest(r.privileges) AS p (privilege)
            JOIN roles AS o ON o.name = ANY (r.roles)
            JOIN relations AS c ON c.name = ANY (r.names)
        ), given AS (
            SELECT c.oid, a.grantee AS role, a.privilege_type AS privilege
            FROM relations AS c
            CROSS JOIN aclexplode(c.relacl) AS a
        ), of_columns AS (
            -- Revoked with the table's.
            SELECT c.oid, a.grantee AS role, a.privilege_type AS privilege
            FROM relations AS c
            JOIN pg_attribute AS t ON t.attrelid = c.oid
            CROSS JOIN aclexplode(t.attacl) AS a
        ), changes AS (
            SELECT true AS is_grant, w.* FROM (TABLE wanted EXCEPT TABLE given) AS w
            UNION ALL
            SELECT false, s.* FROM ((TABLE given UNION TABLE of_columns) EXCEPT TABLE wanted) AS s
        )
        SELECT x.is_grant, o.name AS role, x.privilege, string_agg(c.name, ', ' ORDER BY c.name) AS names,
            format(
                CASE WHEN x.is_grant THEN 'GRANT %s ON %s %s TO %s' ELSE 'REVOKE %s ON %s %s FROM %s' END,
                x.privilege, c.kind, string_agg(format('{schema}.%I', c.name), ', '), o.name) AS statement
        FROM changes AS x
        JOIN relations AS c ON c.oid = x.oid AND c.relowner <> x.role
        JOIN roles AS o ON o.oid = x.role
        GROUP BY x.is_grant, o.name, x.privilege, c.kind
    LOOP
        EXECUTE change.statement;
        IF NOT change.is_grant THEN
            RAISE WARNING 'role % may not have % on %: revoked', change.role, change.privilege, change.names;
        END IF;
    END LOOP;

    FOR change IN
        WITH rights (roles, names) AS (
            VALUES
            -- With the owner's rights: for a trigger, and for the daemon.
            ('{}'::text[], '{log_status}'::text[]),
            ('{speckle2pg}', '{adopt_statuses}'),
            -- Everybody else's: where PUBLIC may not execute functions, policies and views fail without them.
            ('{speckle2pg,web_anon,web_user}',
             '{
                 is_close, is_close_text, significant_text, leaf_text, same_leaf, json_members, json_differences,
                 without_labels, elements_at, element_at, content_parent, element_content, content_differences,
                 find_model, refuse_version, check_history, find_application, find_applications, elements_as_of,
                 version_diff, feed_identity, last_position, next_position, feed_bounds, feed_cursor, feed_start_at,
                 feed_start, changes_since, jwt_claims, jwt_names, jwt_person, my_subjects, readable_projects,
                 writable_projects, allowed_statuses, refuse_writing, projects_of_part, write_status, read_status_items,
                 placed_status_items, check_status_items, set_status, given_statuses, status_list, part_states,
                 viewer_filter, changes_of_element
             }')
        ), roles (oid, name) AS (
            SELECT r.oid, quote_ident(r.rolname) FROM pg_roles AS r
            WHERE r.rolname IN ('speckle2pg', 'web_anon', 'web_user', 'authenticator')
            UNION ALL
            SELECT 0, 'PUBLIC'
        ), functions AS (
            SELECT p.oid, p.oid::regprocedure::text AS name, p.prosecdef, r.roles, p.proowner,
                COALESCE(p.proacl, acldefault('f', p.proowner)) AS acl
            FROM rights AS r
            -- Others may have functions of these names, with other arguments.
            JOIN pg_proc AS p ON p.pronamespace = '{schema}'::regnamespace AND p.proname = ANY (r.names)
            JOIN pg_class AS i ON i.oid = '{schema}.instance'::regclass AND i.relowner = p.proowner
        )
        SELECT f.name, o.name AS role, f.prosecdef AND NOT o.name = ANY (f.roles) AS is_surplus
        FROM functions AS f
        JOIN roles AS o ON o.oid <> f.proowner
        WHERE o.name = ANY (f.roles) <> EXISTS (SELECT FROM aclexplode(f.acl) AS a WHERE a.grantee = o.oid)
          AND (o.name = ANY (f.roles) OR f.prosecdef)
    LOOP
        IF change.is_surplus THEN
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM %s', change.name, change.role);
            RAISE WARNING 'role % may not execute %: revoked', change.role, change.name;
        ELSE
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', change.name, change.role);
        END IF;
    END LOOP;

    FOR change IN
        SELECT r.rolname AS role FROM pg_roles AS r
        WHERE r.rolname IN ('speckle2pg', 'web_anon', 'web_user')
          AND NOT has_schema_privilege(r.oid, '{schema}'::regnamespace, 'USAGE')
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA {schema} TO %I', change.role);
    END LOOP;
END
$block$;

-- What no grant of ours can take away.
DO $block$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT r.rolname AS role, f.fault, f.remedy
        FROM pg_roles AS r
        JOIN pg_class AS i ON i.oid = '{schema}.instance'::regclass AND i.relowner <> r.oid
        CROSS JOIN LATERAL (
            SELECT 'is a superuser' AS fault, format('ALTER ROLE %I NOSUPERUSER', r.rolname) AS remedy WHERE r.rolsuper
            UNION ALL
            SELECT 'sees past all policies', format('ALTER ROLE %I NOBYPASSRLS', r.rolname)
            WHERE r.rolbypassrls AND NOT r.rolsuper AND r.rolname <> 'speckle2pg'
            UNION ALL
            SELECT format('can become %I', o.rolname), format('REVOKE %I FROM %I', o.rolname, r.rolname)
            FROM pg_roles AS o
            WHERE (o.oid = i.relowner OR o.rolname = 'speckle2pg' AND r.rolname <> 'speckle2pg')
              AND NOT r.rolsuper AND pg_has_role(r.oid, o.oid, 'MEMBER')
            UNION ALL
            SELECT 'may create things in schema {schema}, which others then run by mistake',
                'REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, ' || quote_ident(r.rolname)
            WHERE has_schema_privilege(r.oid, '{schema}'::regnamespace, 'CREATE') AND NOT r.rolsuper
        ) AS f
        WHERE r.rolname IN ('speckle2pg', 'web_anon', 'web_user', 'authenticator')
    LOOP
        RAISE WARNING 'role % %: ask an administrator for %', found.role, found.fault, found.remedy;
    END LOOP;
END
$block$;

-- The roles of front ends, by the names that PostgREST's manual uses: authenticator logs in and becomes web_anon, or
-- web_user where the token says "role": "web_user". web_anon reads, web_user also sets statuses.

DO $block$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES ('web_anon', 'NOLOGIN'), ('web_user', 'NOLOGIN'), ('authenticator', 'LOGIN NOINHERIT'))
            AS w (name, options)
        WHERE NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = w.name)
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.options);
            IF wanted.name = 'authenticator' THEN
                -- The views look costly to the planner and are not: compiling a page takes longer than the page.
                ALTER ROLE authenticator SET jit = off;
                -- One request shall not keep a core busy for ever.
                ALTER ROLE authenticator SET statement_timeout = '30s';
            END IF;
        EXCEPTION
            -- Another schema's migrator made it at the same moment.
            WHEN duplicate_object OR unique_violation THEN NULL;
            -- A managed server may forbid it.
            WHEN insufficient_privilege THEN
                RAISE WARNING 'role % could not be created: for PostgREST ask an administrator for CREATE ROLE % %',
                    wanted.name, wanted.name, wanted.options;
        END;
    END LOOP;
    FOR wanted IN
        SELECT w.rolname AS name
        FROM pg_roles AS a
        JOIN pg_roles AS w ON w.rolname IN ('web_anon', 'web_user')
        WHERE a.rolname = 'authenticator' AND NOT pg_has_role(a.oid, w.oid, 'MEMBER')
    LOOP
        BEGIN
            EXECUTE format('GRANT %I TO authenticator', wanted.name);
        EXCEPTION
            WHEN unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE WARNING 'for PostgREST ask an administrator for GRANT % TO authenticator', wanted.name;
        END;
    END LOOP;
END
$block$;

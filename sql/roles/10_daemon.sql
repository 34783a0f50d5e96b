-- The daemon's role: a group that its login is a member of. It owns nothing; its rights are in rights.sql, with those of
-- the others. Run at each migration; harmless when repeated. {schema} is DB_SCHEMA, quoted.

DO $block$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'speckle2pg') THEN
        CREATE ROLE speckle2pg NOLOGIN;
    END IF;
EXCEPTION
    -- Another schema's migrator made it at the same moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
    -- A managed server may forbid it; then the owner's login serves the daemon, and doctor says so.
    WHEN insufficient_privilege THEN
        RAISE WARNING 'role speckle2pg could not be created: ask an administrator for CREATE ROLE speckle2pg';
END
$block$;

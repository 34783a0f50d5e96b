-- The daemon's role: a group that its login is a member of. It owns nothing and reads or writes only
-- what the daemon needs. Run at each migration; harmless when repeated. {schema} is DB_SCHEMA, quoted.

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

DO $block$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'speckle2pg') THEN
        RETURN;
    END IF;
    GRANT USAGE ON SCHEMA {schema} TO speckle2pg;
    GRANT SELECT, INSERT, UPDATE, DELETE ON
        {schema}.projects, {schema}.models, {schema}.versions, {schema}.model_syncs,
        {schema}.model_objects, {schema}.model_elements, {schema}.element_history,
        {schema}.sync_requests, {schema}.leases, {schema}.replicas, {schema}.outbound_notifications,
        {schema}.monitoring_snapshots, {schema}.admin_log,
        {schema}.loads, {schema}.staged_facts, {schema}.staged_tree
        TO speckle2pg;
    -- People's tables.
    GRANT SELECT ON {schema}.attribute_map, {schema}.element_status, {schema}.noise_rules TO speckle2pg;
    GRANT SELECT, INSERT ON {schema}.purges TO speckle2pg;
    -- Parts are never deleted, and there is one instance.
    GRANT SELECT, INSERT, UPDATE ON {schema}.parts TO speckle2pg;
    GRANT SELECT, UPDATE ON {schema}.instance TO speckle2pg;
    -- To see whether the schema is the one that the program knows.
    GRANT SELECT ON {schema}.speckle2pg_migrations TO speckle2pg;
    GRANT USAGE ON SEQUENCE {schema}.load_ids TO speckle2pg;
END
$block$;

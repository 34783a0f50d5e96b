-- name: use_schema_locally
-- Resolves all names in one schema, for this transaction, and only there: temporary tables, which come first unless they
-- are named, may have been left in the session by somebody else.
SET LOCAL search_path TO {schema}, pg_temp;

-- name: see_what_others_commit
-- Whatever the database's default is: after waiting for the lock, the migrator must see what the one before did.
SET TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE;

-- name: hush_notices
-- "already exists" is no news to a migrator.
SET LOCAL client_min_messages TO warning;

-- name: lock_migrations
-- One migrator at a time; the lock ends with the transaction, however that ends.
SELECT pg_advisory_xact_lock(%(key)s);

-- name: find_schema
-- Whether a schema exists; CREATE SCHEMA IF NOT EXISTS wants a privilege even where it does nothing.
SELECT 1 AS found FROM pg_namespace WHERE nspname = %(schema)s;

-- name: create_schema
-- Makes DB_SCHEMA.
CREATE SCHEMA {schema};

-- name: find_marker
-- Whether the migrator has been in a schema.
SELECT to_regclass(format('%%I.%%I', %(schema)s::text, %(marker)s::text)) IS NOT NULL AS found;

-- name: applied_migrations
-- Names of the applied migrations.
SELECT migration_id FROM {marker} ORDER BY migration_id;

-- name: relations_named
-- Relations of these names in a schema.
SELECT c.relname AS name, c.relkind::text AS kind
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = ANY(%(names)s)
ORDER BY c.relname;

-- name: functions_named
-- Functions of these names in a schema, but for those of extensions.
SELECT DISTINCT p.proname AS name
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = %(schema)s AND p.proname = ANY (%(names)s)
  AND NOT EXISTS (
      SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY p.proname;

-- name: record_schema_version
-- Keeps the number of applied migrations where the daemon and people find it.
UPDATE instance SET schema_version = %(version)s WHERE schema_version <> %(version)s;

-- name: find_role
-- Whether a role exists.
SELECT 1 AS found FROM pg_roles WHERE rolname = %(role)s;

-- name: create_login
-- The daemon's login in an embedded server.
CREATE ROLE {name} LOGIN;

-- name: allow_login
-- The migrations make the role without a login.
ALTER ROLE {name} LOGIN;

-- name: find_database
-- Whether a database exists.
SELECT 1 AS found FROM pg_database WHERE datname = %(database)s;

-- name: create_database
-- Makes a database.
CREATE DATABASE {name};

-- name: drop_database
-- Drops a database, whoever is connected.
DROP DATABASE IF EXISTS {name} WITH (FORCE);

-- name: listen
-- Listens to a channel.
LISTEN {channel};

-- name: ping
-- Whether the database answers, and what it is.
SELECT current_setting('server_version_num')::integer AS version, current_setting('server_encoding') AS encoding,
       current_user AS login;

-- name: login_privileges
-- Whether the current login owns our tables, and whether it may do the daemon's work on them; no row without them. Who is
-- neither owner nor in the role sees no rows, whatever was granted otherwise.
SELECT current_user AS login, pg_has_role(c.relowner, 'USAGE') AS owns,
       has_schema_privilege(n.oid, 'USAGE')
           AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
           AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
           AND (NOT row_security_active(c.oid)
                OR EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = 'speckle2pg' AND pg_has_role(r.oid, 'USAGE')))
           AS may_work
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = 'model_elements';

-- name: owned_relations
-- Whether the current login owns our tables: then it may grant.
SELECT c.relname AS name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = 'model_elements' AND pg_has_role(c.relowner, 'USAGE');

-- name: forget_noise_rules
-- Rules that the program no longer has.
DELETE FROM noise_rules AS n
WHERE NOT EXISTS (SELECT FROM jsonb_to_recordset(%(rules)s) AS r (path text[], reason text) WHERE r.path = n.path);

-- name: record_noise_rules
-- The rules of the program.
INSERT INTO noise_rules AS n (path, reason)
SELECT path, reason FROM jsonb_to_recordset(%(rules)s) AS r (path text[], reason text)
ON CONFLICT (path) DO UPDATE SET reason = EXCLUDED.reason WHERE n.reason <> EXCLUDED.reason;

-- name: record_definitions
-- Keeps a digest of the views and functions; no row where they are those that are there.
UPDATE instance SET definitions = %(digest)s WHERE definitions IS DISTINCT FROM %(digest)s RETURNING definitions;

-- name: reload_postgrest
-- Lets PostgREST look at the schema again, when this transaction commits.
SELECT pg_notify('pgrst', 'reload schema');

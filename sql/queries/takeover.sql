-- name: earlier_tables
-- What stands under the names of an earlier adapter's tables.
SELECT c.relname AS name, c.relkind::text AS kind, c.relowner::regrole::text AS owner,
       c.relowner = quote_ident(current_user)::regrole AS is_ours,
       c.relispartition OR EXISTS (SELECT FROM pg_inherits AS i WHERE c.oid IN (i.inhrelid, i.inhparent)) AS inherits
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(names)s)
ORDER BY c.relname;

-- name: earlier_columns
-- Columns of these tables: name, type without its length, and whether a value can stand there only once, and never null.
SELECT c.relname AS "table", a.attname AS name, format_type(a.atttypid, NULL) AS type,
       a.attnotnull AND EXISTS (
           SELECT FROM pg_index AS i
           WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1
             AND i.indkey[0] = a.attnum
       ) AS is_key
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(names)s)
ORDER BY c.relname, a.attnum;

-- name: names_taken
-- Which of these names relations or types of a schema have.
SELECT DISTINCT t.name
FROM (
    SELECT c.relname AS name FROM pg_class AS c WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s))
    UNION ALL
    SELECT t.typname FROM pg_type AS t WHERE t.typnamespace = to_regnamespace(quote_ident(%(schema)s))
) AS t
WHERE t.name = ANY (%(names)s)
ORDER BY t.name;

-- name: wait_briefly_for_locks
-- As the session says, or ten seconds: what somebody holds for longer must be let go by that person.
SELECT set_config('lock_timeout', '10s', true) WHERE current_setting('lock_timeout') = '0';

-- name: see_every_row
-- A policy that hides rows of an earlier table from its owner is an error, not fewer rows.
SET LOCAL row_security TO off;

-- name: lock_earlier
-- Keeps everybody from an earlier table until all is done.
LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;

-- name: earlier_holders
-- Who keeps us from a relation, or from what it reads if it is a view, and which of these each of them holds.
WITH RECURSIVE wanted AS (
    SELECT c.oid
    FROM pg_class AS c
    WHERE c.relnamespace = to_regnamespace(quote_ident(%(place)s)) AND c.relname = %(name)s
    UNION
    SELECT d.refobjid
    FROM wanted AS w
    JOIN pg_rewrite AS r ON r.ev_class = w.oid
    JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
)
SELECT a.pid, a.usename AS login, a.application_name AS program,
       string_agg(DISTINCT format('%%I.%%I', n.nspname, c.relname), ', ') AS relations
FROM pg_locks AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid
JOIN wanted AS w ON w.oid = l.relation
JOIN pg_class AS c ON c.oid = l.relation
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE l.granted AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
GROUP BY a.pid, a.usename, a.application_name
ORDER BY a.pid;

-- name: earlier_belongings
-- Indexes and own sequences of the earlier tables: ours may have the same names.
SELECT c.relname AS name, CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'index' END AS kind
FROM pg_class AS c
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s))
  AND c.oid IN (
      SELECT i.indexrelid FROM pg_index AS i
      WHERE i.indrelid = ANY (%(tables)s::regclass[])
      UNION ALL
      SELECT d.objid FROM pg_depend AS d
      WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        AND d.refobjid = ANY (%(tables)s::regclass[]) AND d.refobjsubid > 0
  )
  AND c.relkind IN ('i', 'S')
ORDER BY c.relname;

-- name: rename_table
-- Puts an earlier table aside.
ALTER TABLE {old} RENAME TO {new};

-- name: rename_index
-- Puts an earlier table's index aside, with the constraint that stands on it.
ALTER INDEX {old} RENAME TO {new};

-- name: rename_sequence
-- Puts an earlier table's sequence aside; its defaults follow.
ALTER SEQUENCE {old} RENAME TO {new};

-- name: read_times_in
-- Times without a zone are of this one, for this transaction.
SELECT set_config('TimeZone', %(zone)s, true);

-- name: keep_statuses
-- Statuses are taken as they were, whatever status_values lists.
SET LOCAL speckle2pg.keep_statuses TO on;

-- name: take_projects_over
-- Registers the earlier projects, and those that only elements name. created_at is the first that is known.
INSERT INTO projects (id, name, description, created_at)
SELECT id, name, description, COALESCE(created_at, now())
FROM (
    SELECT DISTINCT ON (id) id, name, description, created_at
    FROM (
        SELECT p.id::text AS id, p.name::text AS name, to_jsonb(p) ->> 'description' AS description,
               (to_jsonb(p) ->> 'created_at')::timestamptz AS created_at, 0 AS rank
        FROM {projects} AS p
        UNION ALL
        SELECT COALESCE(NULLIF(e.{project}, ''), e.model_id)::text, NULL, NULL, min(e.created_at::timestamptz), 1
        FROM {elements} AS e
        GROUP BY 1
    ) AS found
    WHERE id ~ '^[A-Za-z0-9_-]{{1,64}}$'
    ORDER BY id, rank
) AS each;

-- name: take_elements_over
-- Every earlier element, under its project if that is a project.
INSERT INTO taken_over (project_id, guid, status, created_at)
SELECT p.id, e.guid, NULLIF(NULLIF(e.status::text, ''), 'not_started'), e.created_at::timestamptz
FROM {elements} AS e
LEFT JOIN projects AS p ON p.id = COALESCE(NULLIF(e.{project}, ''), e.model_id)::text;

-- name: take_parts_over
-- Statuses hang on parts.
INSERT INTO parts (project_id, guid, first_seen_at, last_seen_at)
SELECT t.project_id, t.guid, COALESCE(t.created_at, now()), COALESCE(t.created_at, now())
FROM taken_over AS t
WHERE t.project_id IS NOT NULL;

-- name: take_statuses_over
-- Statuses of elements whose project is known.
INSERT INTO element_status (project_id, guid, status, updated_by)
SELECT t.project_id, t.guid, t.status, 'takeover'
FROM taken_over AS t
WHERE t.project_id IS NOT NULL AND t.status IS NOT NULL;

-- name: analyze_taken_over
-- Many rows came at once, and the first questions come before the server looks by itself.
ANALYZE taken_over, parts, element_status, element_status_log, projects;

-- name: count_earlier
-- What a takeover would find: the projects that would be registered, and which of them only elements name.
WITH registered AS (
    SELECT x.id, bool_or(x.is_listed) AS is_listed
    FROM (SELECT p.id::text, true FROM {projects} AS p
          UNION ALL
          SELECT COALESCE(NULLIF(o.{project}, ''), o.model_id)::text, false FROM {elements} AS o) AS x (id, is_listed)
    WHERE x.id ~ '^[A-Za-z0-9_-]{{1,64}}$'
    GROUP BY x.id
)
SELECT count(*) AS elements, count(*) FILTER (WHERE NOT is_project) AS elements_unassigned,
       count(status) AS statuses, count(status) FILTER (WHERE NOT is_project) AS statuses_unassigned,
       ARRAY(SELECT r.id FROM registered AS r ORDER BY r.id) AS projects,
       ARRAY(SELECT r.id FROM registered AS r WHERE NOT r.is_listed ORDER BY r.id) AS unlisted_projects,
       (array_agg(DISTINCT left(project, 80)) FILTER (WHERE NOT is_project AND project <> ''))[1:5] AS wrong_projects
FROM (
    SELECT NULLIF(NULLIF(e.status::text, ''), 'not_started') AS status, f.project,
           COALESCE(f.project ~ '^[A-Za-z0-9_-]{{1,64}}$', false) AS is_project
    FROM {elements} AS e
    CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(e.{project}, ''), e.model_id)::text AS project) AS f
) AS found;

-- name: count_taken_over
-- What was taken over.
SELECT count(*) AS elements, count(*) FILTER (WHERE project_id IS NULL) AS elements_unassigned,
       count(status) AS statuses, count(status) FILTER (WHERE project_id IS NULL) AS statuses_unassigned
FROM taken_over;

-- name: takeover_outcomes
-- How many statuses of an earlier adapter were found again, and how many not.
SELECT outcome, count(*) AS statuses FROM takeover_report GROUP BY outcome ORDER BY count(*) DESC, outcome;

-- name: takeover_unmatched
-- The first of those that were not.
SELECT outcome, project_id, guid, status
FROM takeover_report
WHERE outcome <> 'found'
ORDER BY outcome, project_id, guid
LIMIT %(most)s;

-- name: takeover_unreachable
-- Projects whose statuses cannot be looked for.
SELECT r.project_id,
       CASE WHEN p.id IS NULL THEN 'not registered' WHEN p.state IN ('gone', 'unreadable') THEN p.state ELSE 'not followed' END
           AS reason,
       count(*) AS statuses
FROM takeover_report AS r
LEFT JOIN projects AS p ON p.id = r.project_id
WHERE r.outcome = 'unreachable' AND r.project_id IS NOT NULL
GROUP BY 1, 2
ORDER BY 1;

-- name: takeover_unread
-- Followed projects that were never read, while there are statuses without a project: adoption waits for them.
SELECT p.id
FROM projects AS p
WHERE p.enabled AND p.state <> 'gone' AND p.last_reconciled_at IS NULL
  AND EXISTS (SELECT FROM taken_over AS t WHERE t.project_id IS NULL AND t.status IS NOT NULL)
ORDER BY p.id;

-- name: create_earlier_schema
-- Where the old names show the old shape.
CREATE SCHEMA {schema};

-- name: use_earlier_schema
-- The old names stand for the old shape, and everything else is what it is.
SET LOCAL search_path TO {earlier}, {schema}, pg_temp;

-- name: write_earlier_elements
-- The statement that makes a live view of the shape that an earlier elements has: its rows, and each other guid that is
-- present now. What the sync knows of an element is shown as it is now, and what it does not know as it was.
WITH columns AS (
    SELECT a.attnum, a.attname AS name, a.atttypid,
           CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod)
                ELSE format_type(a.atttypid, a.atttypmod) END
               || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END
               AS type,
           COALESCE(pg_get_expr(d.adbin, d.adrelid), 'NULL') AS initial
    FROM pg_attribute AS a
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped
), expressions AS (
    SELECT c.attnum, c.name, c.type,
           CASE
               WHEN c.name IN ('element_type', 'element_name') THEN
                   format('CASE WHEN n.guid IS NULL THEN e.%%1$I ELSE n.%%1$I END', c.name)
               WHEN c.name = 'status' THEN
                   format('CASE WHEN s.status IS NOT NULL THEN s.status '
                          'WHEN t.project_id IS NULL OR t.status IS NULL THEN e.status ELSE %%s END', c.initial)
               WHEN c.name IN ('model_id', 'project_id') THEN
                   format('CASE WHEN t.adopted_at IS NULL THEN e.%%I ELSE t.project_id END', c.name)
               ELSE format('e.%%I', c.name)
           END AS old,
           CASE
               WHEN c.name IN ('guid', 'element_type', 'element_name') THEN format('n.%%I', c.name)
               WHEN c.name = 'status' THEN format('COALESCE(s.status, %%s)', c.initial)
               WHEN c.name IN ('model_id', 'project_id') THEN 'n.project_id'
               WHEN c.name = 'created_at' AND c.atttypid = 'timestamp'::regtype THEN
                   format('n.created_at AT TIME ZONE %%L', %(zone)s::text)
               WHEN c.name = 'created_at' THEN 'n.created_at'
               ELSE 'NULL'
           END AS new
    FROM columns AS c
)
SELECT format(
    $view$
    CREATE VIEW %%1$I.elements WITH (security_invoker = %%6$s) AS
    SELECT %%4$s
    FROM %%2$I.%%3$I AS e
    JOIN %%2$I.taken_over AS t ON t.guid = e.guid
    LEFT JOIN %%2$I.element_status AS s ON s.project_id = t.project_id AND s.guid = t.guid
    LEFT JOIN LATERAL (
        SELECT m.guid, m.element_type, m.element_name
        FROM %%2$I.model_elements AS m
        JOIN %%2$I.models AS o ON o.project_id = m.project_id AND o.id = m.model_id AND o.state = 'active'
        WHERE m.project_id = t.project_id AND m.guid = t.guid AND m.removed_at IS NULL
        ORDER BY m.updated_at DESC, m.model_id DESC
        LIMIT 1
    ) AS n ON true
    UNION ALL
    SELECT %%5$s
    FROM %%2$I.model_elements AS n
    JOIN %%2$I.models AS o ON o.project_id = n.project_id AND o.id = n.model_id AND o.state = 'active'
    LEFT JOIN %%2$I.element_status AS s ON s.project_id = n.project_id AND s.guid = n.guid
    WHERE n.removed_at IS NULL
      AND NOT EXISTS (SELECT FROM %%2$I.%%3$I AS e WHERE e.guid = n.guid)
      AND NOT EXISTS (
          SELECT
          FROM %%2$I.model_elements AS m
          JOIN %%2$I.models AS a ON a.project_id = m.project_id AND a.id = m.model_id AND a.state = 'active'
          WHERE m.guid = n.guid AND m.removed_at IS NULL
            AND (m.project_id, m.updated_at, m.model_id) > (n.project_id, n.updated_at, n.model_id))
    $view$,
    %(earlier)s::text, %(schema)s::text, %(name)s::text,
    string_agg(format('(%%s)::%%s AS %%I', x.old, x.type, x.name), ', ' ORDER BY x.attnum),
    string_agg(format('(%%s)::%%s AS %%I', x.new, x.type, x.name), ', ' ORDER BY x.attnum),
    %(is_invoker)s::boolean::text
) AS statement
FROM expressions AS x;

-- name: write_earlier_projects
-- The same for an earlier projects or models, which both held projects: names of projects are those of now.
WITH columns AS (
    SELECT a.attnum, a.attname AS name, a.atttypid,
           CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod)
                ELSE format_type(a.atttypid, a.atttypmod) END
               || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END
               AS type
    FROM pg_attribute AS a
    JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped
), expressions AS (
    SELECT c.attnum, c.name, c.type,
           CASE
               WHEN c.name IN ('name', 'description') AND %(old_name)s = 'projects' THEN
                   format('COALESCE(p.%%1$I, e.%%1$I)', c.name)
               ELSE format('e.%%I', c.name)
           END AS old,
           CASE
               WHEN c.name IN ('id', 'name', 'description') THEN format('p.%%I', c.name)
               WHEN c.name = 'created_at' AND c.atttypid = 'timestamp'::regtype THEN
                   format('p.created_at AT TIME ZONE %%L', %(zone)s::text)
               WHEN c.name = 'created_at' THEN 'p.created_at'
               ELSE 'NULL'
           END AS new
    FROM columns AS c
)
SELECT format(
    $view$
    CREATE VIEW %%1$I.%%6$I WITH (security_invoker = %%7$s) AS
    SELECT %%4$s
    FROM %%2$I.%%3$I AS e
    LEFT JOIN %%2$I.projects AS p ON p.id = e.id
    UNION ALL
    SELECT %%5$s
    FROM %%2$I.projects AS p
    WHERE NOT EXISTS (SELECT FROM %%2$I.%%3$I AS e WHERE e.id = p.id)
    $view$,
    %(earlier)s::text, %(schema)s::text, %(name)s::text,
    string_agg(format('(%%s)::%%s AS %%I', x.old, x.type, x.name), ', ' ORDER BY x.attnum),
    string_agg(format('(%%s)::%%s AS %%I', x.new, x.type, x.name), ', ' ORDER BY x.attnum),
    %(old_name)s::text, %(is_invoker)s::boolean::text
) AS statement
FROM expressions AS x;

-- name: comment_earlier_view
-- Says what such a view is.
SELECT format(
    'COMMENT ON VIEW %%I.%%I IS %%L', %(earlier)s::text, %(name)s::text,
    format('%%s as the earlier adapter had it, with what is known now. Statuses can be updated; the shape stays as it is.%%s',
           %(name)s::text,
           CASE WHEN NOT %(is_invoker)s THEN
               ' Shows everything, whoever asks: only for the views that were put onto it, which read with their owner''s rights. Grant it to nobody.'
           END)
) AS statement;

-- name: comment_earlier_schema
-- Says why there is a second set of them.
SELECT format(
    'COMMENT ON SCHEMA %%I IS %%L', %(earlier)s::text,
    'The old shape for those views on it that read with their owner''s rights: who may read such a view goes on reading. '
    'It shows all projects, whoever asks, and nobody but the owner has any right in it.'
) AS statement;

-- name: write_revocations
-- Statements that take all rights in a schema from everybody but the owner: default privileges can have given some.
SELECT DISTINCT format('REVOKE ALL ON %%s FROM %%s CASCADE', f.what,
                       CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END) AS statement
FROM pg_namespace AS n
CROSS JOIN LATERAL (
    SELECT format('SCHEMA %%I', n.nspname) AS what, n.nspacl AS acl, n.nspowner AS owner
    UNION ALL
    SELECT format('TABLE %%I.%%I', n.nspname, c.relname), c.relacl, c.relowner
    FROM pg_class AS c
    WHERE c.relnamespace = n.oid AND c.relname = ANY (%(names)s)
) AS f
CROSS JOIN aclexplode(f.acl) AS a
WHERE n.nspname = %(earlier)s AND f.owner = quote_ident(current_user)::regrole AND a.grantee <> f.owner;

-- name: let_earlier_status_be_updated
-- Lets status be updated through the live view of the old shape.
CREATE TRIGGER elements_status
    INSTEAD OF UPDATE ON {view}
    FOR EACH ROW EXECUTE FUNCTION {function}();

-- name: write_earlier_grants
-- Statements that let those read the live views who could read the tables, and update elements who could update that.
WITH old AS (
    SELECT c.oid, c.relowner, c.relacl, t.name
    FROM unnest(%(names)s::text[], %(tables)s::regclass[]) AS t (name, oid)
    JOIN pg_class AS c ON c.oid = t.oid
), granted AS (
    SELECT o.name, a.grantee, a.privilege_type AS privilege
    FROM old AS o
    CROSS JOIN aclexplode(o.relacl) AS a
    WHERE a.grantee <> o.relowner
    UNION
    SELECT o.name, a.grantee, format('%%s (%%I)', a.privilege_type, c.attname)
    FROM old AS o
    JOIN pg_attribute AS c ON c.attrelid = o.oid AND c.attnum > 0 AND NOT c.attisdropped
    CROSS JOIN aclexplode(c.attacl) AS a
    WHERE a.grantee <> o.relowner
), wanted AS (
    SELECT name, privilege,
           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee
    FROM granted
    WHERE split_part(privilege, ' ', 1) = 'SELECT' OR (name = 'elements' AND split_part(privilege, ' ', 1) = 'UPDATE')
)
SELECT DISTINCT format('GRANT USAGE ON SCHEMA %%I TO %%s', %(earlier)s::text, grantee) AS statement FROM wanted
UNION ALL
SELECT format('GRANT %%s ON %%I.%%I TO %%s', privilege, %(earlier)s::text, name, grantee) FROM wanted;

-- name: earlier_dependents
-- What hangs on the earlier tables, and a statement for what is not carried over. Definitions name what is in DB_SCHEMA
-- without it.
WITH old AS (
    SELECT c.oid, c.relname AS name, c.reltype
    FROM pg_class AS c
    WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relname = ANY (%(names)s)
), rewritten AS (
    SELECT r.oid, r.rulename, r.ev_class, string_agg(DISTINCT o.name, ', ') AS tables
    FROM pg_rewrite AS r
    JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    JOIN old AS o ON d.refclassid = 'pg_class'::regclass AND d.refobjid = o.oid
    GROUP BY r.oid
), functions AS (
    SELECT n.nspname AS schema, format('%%I(%%s)', p.proname, pg_get_function_identity_arguments(p.oid)) AS signature,
           p.proconfig, string_agg(DISTINCT o.name, ', ') AS tables,
           bool_or(d.objid IS NOT NULL) AS is_bound
    FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname !~ '^(pg_|information_schema$)'
    CROSS JOIN old AS o
    LEFT JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND (d.refclassid, d.refobjid) IN (('pg_class'::regclass, o.oid), ('pg_type'::regclass, o.reltype))
    WHERE (d.objid IS NOT NULL OR p.prosrc ~* format('\m%%s\M', o.name))
      AND NOT EXISTS (
          SELECT FROM pg_depend AS x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype = 'e')
    GROUP BY p.oid, n.nspname
)
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'rule' END AS kind,
       n.nspname AS schema,
       CASE WHEN c.relkind IN ('v', 'm') THEN c.relname ELSE r.rulename END AS name,
       CASE WHEN c.relkind IN ('v', 'm') THEN r.tables ELSE c.oid::regclass::text END AS tables,
       c.relowner::regrole::text AS owner,
       c.relowner = quote_ident(current_user)::regrole AS is_ours,
       EXISTS (
           SELECT FROM pg_options_to_table(c.reloptions) AS o
           WHERE CASE o.option_name WHEN 'security_invoker' THEN o.option_value::boolean END) AS is_invoker,
       CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition,
       CASE c.relkind
           WHEN 'v' THEN array_to_string(c.reloptions, ', ')
           WHEN 'm' THEN format(
               E'BEGIN;\nSET LOCAL search_path TO %%1$I, %%2$I;\nALTER MATERIALIZED VIEW %%3$I.%%4$I RENAME TO %%5$I;\n'
               'CREATE MATERIALIZED VIEW %%3$I.%%4$I AS %%6$s\nCOMMIT;',
               %(earlier)s::text, %(schema)s::text, n.nspname, c.relname, left(c.relname, 55) || '_earlier',
               pg_get_viewdef(c.oid))
           ELSE pg_get_ruledef(r.oid)
       END AS statement
FROM rewritten AS r
JOIN pg_class AS c ON c.oid = r.ev_class
JOIN pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
SELECT 'foreign key', n.nspname, k.conname, format('%%s to %%s', k.conrelid::regclass, o.name), NULL, NULL, NULL,
       NULL,
       CASE WHEN o.name = 'elements' THEN format(
           E'-- It was: %%7$s\nALTER TABLE %%1$I.%%2$I ADD COLUMN %%6$I text;\n'
           'UPDATE %%1$I.%%2$I AS x SET %%6$I = t.project_id FROM %%5$I.taken_over AS t WHERE t.guid = x.%%4$s;'
           '\nALTER TABLE %%1$I.%%2$I DROP CONSTRAINT %%3$I,\n'
           '    ADD FOREIGN KEY (%%6$I, %%4$s) REFERENCES %%5$I.parts (project_id, guid);',
           n.nspname, c.relname, k.conname, f.columns, %(schema)s::text, f.new_column, pg_get_constraintdef(k.oid))
       ELSE format(
           E'ALTER TABLE %%1$I.%%2$I DROP CONSTRAINT %%3$I,\n    ADD FOREIGN KEY (%%4$s) REFERENCES %%5$I.projects (id);',
           n.nspname, c.relname, k.conname, f.columns, %(schema)s::text)
       END
FROM pg_constraint AS k
JOIN old AS o ON o.oid = k.confrelid
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.place) AS columns,
        -- One that people have already holds something of theirs.
        (SELECT w.name
         FROM unnest('{project_id,speckle_project_id,speckle2pg_project_id}'::text[]) WITH ORDINALITY AS w (name, place)
         WHERE NOT EXISTS (
             SELECT FROM pg_attribute AS t
             WHERE t.attrelid = k.conrelid AND t.attname = w.name AND NOT t.attisdropped)
         ORDER BY w.place LIMIT 1) AS new_column
    FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
    JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number
) AS f
WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT EXISTS (SELECT FROM old AS x WHERE x.oid = k.conrelid)
UNION ALL
SELECT 'trigger', %(schema)s, t.tgname, o.name, NULL, NULL, NULL, NULL, pg_get_triggerdef(t.oid)
FROM pg_trigger AS t
JOIN old AS o ON o.oid = t.tgrelid
WHERE NOT t.tgisinternal
UNION ALL
SELECT DISTINCT 'policy', n.nspname, p.polname, p.polrelid::regclass::text, NULL::text, NULL::boolean,
       NULL::boolean, NULL::text, NULL::text
FROM pg_policy AS p
JOIN pg_class AS c ON c.oid = p.polrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_depend AS d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
    AND d.refclassid = 'pg_class'::regclass
WHERE EXISTS (SELECT FROM old AS o WHERE o.oid IN (p.polrelid, d.refobjid))
UNION ALL
SELECT 'publication', NULL, b.pubname, o.name, NULL, NULL, NULL, NULL, NULL
FROM pg_publication_rel AS r
JOIN old AS o ON o.oid = r.prrelid
JOIN pg_publication AS b ON b.oid = r.prpubid
UNION ALL
SELECT 'function', p.schema, p.signature, p.tables, NULL, NULL, NULL, NULL,
       CASE WHEN NOT p.is_bound AND p.proconfig IS NULL THEN
           format('ALTER ROUTINE %%I.%%s SET search_path TO %%I, %%I;', p.schema, p.signature, %(earlier)s::text,
                  %(schema)s::text)
       END
FROM functions AS p
UNION ALL
SELECT 'reader', NULL, quote_ident(w.rolname), string_agg(DISTINCT o.name, ', '), NULL, NULL, NULL, NULL,
       format(
           E'-- An administrator has to run the first two.\nGRANT %%5$s TO %%1$I;\n'
           'ALTER ROLE %%1$I SET request.jwt.claims = %%2$L;\n'
           'INSERT INTO %%3$I.project_members (project_id, subject, can_write) SELECT id, %%4$L, %%6$s FROM %%3$I.projects;',
           w.rolname, jsonb_build_object('sub', w.rolname), %(schema)s::text, w.rolname,
           CASE WHEN bool_or(g.privilege_type = 'UPDATE') THEN 'web_user' ELSE 'web_anon' END,
           bool_or(g.privilege_type = 'UPDATE')::text)
FROM old AS o
JOIN pg_class AS c ON c.oid = o.oid
CROSS JOIN LATERAL (
    SELECT r.grantee, r.privilege_type FROM aclexplode(c.relacl) AS r
    UNION ALL
    SELECT r.grantee, r.privilege_type
    FROM pg_attribute AS a
    CROSS JOIN aclexplode(a.attacl) AS r
    WHERE a.attrelid = o.oid AND a.attname = 'status' AND r.privilege_type = 'UPDATE'
) AS g
JOIN pg_roles AS w ON w.oid = g.grantee AND w.oid <> c.relowner
WHERE w.rolname NOT IN ('web_anon', 'web_user', 'speckle2pg')
  AND (g.privilege_type = 'SELECT' OR g.privilege_type = 'UPDATE' AND o.name = 'elements')
GROUP BY w.rolname
HAVING bool_or(g.privilege_type = 'SELECT')
ORDER BY kind, schema, name;

-- name: write_dependent
-- The statement that puts a view onto the live views, as the same view.
SELECT format(
    'CREATE OR REPLACE VIEW %%I.%%I %%s AS %%s', %(schema)s::text, %(name)s::text,
    CASE WHEN %(options)s::text <> '' THEN format('WITH (%%s)', %(options)s::text) ELSE '' END, %(definition)s::text
) AS statement;

-- name: write_empty_view
-- The statement that makes a temporary view of the columns that a relation has, without rows.
SELECT format(
    'CREATE TEMPORARY VIEW %%I AS SELECT %%s WHERE false', %(name)s::text,
    string_agg(
        format('NULL::%%s%%s AS %%I', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod)
                ELSE format_type(a.atttypid, a.atttypmod) END,
               CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END,
               a.attname),
        ', ' ORDER BY a.attnum)
) AS statement
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = format('%%I.%%I', %(schema)s::text, %(relation)s::text)::regclass
  AND a.attnum > 0 AND NOT a.attisdropped;

-- name: use_temporary_shape
-- The old names stand for temporary views, and everything else is what it is.
SET LOCAL search_path TO pg_temp, {schema};

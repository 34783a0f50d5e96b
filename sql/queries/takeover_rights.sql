-- name: write_earlier_revocations
-- Statements that take the rights to write the tables put aside from everybody but their owner: nothing reads there any
-- more what somebody writes, and nothing of what is there shall be lost.
SELECT DISTINCT format(
    'REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %%s FROM %%s CASCADE', c.oid::regclass,
    CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END) AS statement
FROM pg_class AS c
CROSS JOIN LATERAL (
    SELECT r.grantee, r.privilege_type FROM aclexplode(c.relacl) AS r
    UNION ALL
    SELECT r.grantee, r.privilege_type
    FROM pg_attribute AS a
    CROSS JOIN aclexplode(a.attacl) AS r
    WHERE a.attrelid = c.oid
) AS g
WHERE c.oid = ANY (%(tables)s::regclass[]) AND g.grantee <> c.relowner AND g.privilege_type <> 'SELECT';

-- name: write_earlier_policies
-- Statements by which the roles of front ends see in the tables put aside what they see elsewhere: the projects that they
-- are members of. Whoever is not in these roles reads them as before. Tables with policies of their own are left alone.
SELECT s.statement
FROM pg_class AS c
CROSS JOIN LATERAL (
    VALUES (1, format('ALTER TABLE %%s ENABLE ROW LEVEL SECURITY', c.oid::regclass)),
        (2, format('CREATE POLICY members_read ON %%s FOR SELECT TO web_anon, web_user USING (%%s)', c.oid::regclass, CASE
            WHEN c.oid = %(elements)s::regclass THEN
                format('EXISTS (SELECT FROM %%I.taken_over AS t WHERE t.guid = %%I.guid)', %(schema)s::text, c.relname)
            ELSE format('id::text = ANY ((SELECT %%I.readable_projects())::text[])', %(schema)s::text)
        END)),
        (3, format(
            $policy$CREATE POLICY others_read ON %%s FOR SELECT TO PUBLIC
                USING (NOT pg_has_role(current_user, 'web_anon', 'MEMBER') AND NOT pg_has_role(current_user, 'web_user', 'MEMBER'))$policy$,
            c.oid::regclass))
) AS s (place, statement)
WHERE c.oid = ANY (%(tables)s::regclass[])
  AND NOT c.relrowsecurity
  AND (SELECT count(*) FROM pg_roles AS r WHERE r.rolname IN ('web_anon', 'web_user')) = 2
ORDER BY c.relname, s.place;

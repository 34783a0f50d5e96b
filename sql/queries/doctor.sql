-- name: twin_models
-- Pairs of followed models of a project whose present elements share more than a part of the smaller one's guids.
WITH present AS (
    SELECT e.project_id, e.model_id, e.guid
    FROM model_elements AS e
    JOIN models AS m ON m.project_id = e.project_id AND m.id = e.model_id AND m.state = 'active'
    WHERE e.removed_at IS NULL
), pairs AS (
    SELECT a.project_id, a.model_id AS one, b.model_id AS other, count(*) AS shared
    FROM present AS a
    JOIN present AS b ON b.project_id = a.project_id AND b.guid = a.guid AND b.model_id > a.model_id
    GROUP BY a.project_id, a.model_id, b.model_id
)
SELECT p.project_id, one.name AS one, other.name AS other, p.shared,
       LEAST(one.element_count, other.element_count) AS smaller
FROM pairs AS p
JOIN models AS one ON one.project_id = p.project_id AND one.id = p.one
JOIN models AS other ON other.project_id = p.project_id AND other.id = p.other
WHERE p.shared > %(shared)s * LEAST(one.element_count, other.element_count)
ORDER BY p.project_id, one.name, other.name;

-- name: front_end_access
-- Whether PostgREST's roles are there and may become each other, and whether anybody is a member of a project.
SELECT ARRAY(
           SELECT w.name
           FROM unnest('{authenticator,web_anon,web_user}'::text[]) AS w (name)
           WHERE NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = w.name)) AS missing,
       ARRAY(
           SELECT w.rolname::text
           FROM pg_roles AS a
           JOIN pg_roles AS w ON w.rolname IN ('web_anon', 'web_user')
           WHERE a.rolname = 'authenticator' AND NOT pg_has_role(a.oid, w.oid, 'MEMBER')) AS withheld,
       (SELECT count(DISTINCT project_id) FROM project_members) AS projects;

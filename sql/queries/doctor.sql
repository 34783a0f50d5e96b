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

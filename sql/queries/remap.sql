-- name: hold_model
-- No load writes the model until this transaction ends.
SELECT derivation FROM models WHERE project_id = %(project_id)s AND id = %(model_id)s FOR UPDATE;

-- name: make_derived
-- Where rows that are derived again wait for each other, for this transaction.
CREATE TEMPORARY TABLE derived (
    guid uuid PRIMARY KEY,
    kind text NOT NULL,
    own_category text,
    own_level text,
    own_hash bytea NOT NULL,
    category text,
    level text,
    element_type text,
    element_name text,
    material text,
    mark text,
    assembly_mark text,
    phase text,
    profile text,
    length_m double precision,
    area_m2 double precision,
    volume_m3 double precision,
    weight_kg double precision,
    attributes jsonb NOT NULL,
    hash_below_parent bytea NOT NULL,
    hash_below_none bytea NOT NULL
) ON COMMIT DROP;

-- name: copy_derived
-- Rows that were derived again.
COPY derived (guid, kind, own_category, own_level, own_hash, category, level, element_type, element_name, material, mark,
    assembly_mark, phase, profile, length_m, area_m2, volume_m3, weight_kg, attributes, hash_below_parent, hash_below_none)
FROM STDIN;

-- name: rows_to_derive
-- All rows of a model, removed ones too, with what their objects say of themselves where the tree still holds them.
SELECT e.guid, e.application_id, e.object_id, e.element_type, e.element_name, e.category, e.level, e.path, e.parent_guid,
    e.properties, o.guid IS NOT NULL AS placed, o.own_category, o.own_level
FROM model_elements AS e
LEFT JOIN model_objects AS o
  ON o.project_id = e.project_id AND o.model_id = e.model_id AND o.guid = e.guid AND o.is_row
WHERE e.project_id = %(project_id)s AND e.model_id = %(model_id)s;

-- name: write_derived
-- Rows whose derived columns differ. It is no modification: version, times and history stay. Only what people can see
-- moves the row in the change feed. An enclosing spatial element is not content.
WITH fresh AS (
    SELECT d.*, CASE WHEN p.kind = 'spatial' THEN d.hash_below_none ELSE d.hash_below_parent END AS content_hash
    FROM derived AS d
    JOIN model_elements AS e
      ON e.project_id = %(project_id)s AND e.model_id = %(model_id)s AND e.guid = d.guid
    LEFT JOIN derived AS p ON p.guid = e.parent_guid
), compared AS (
    SELECT f.*,
        (m.kind, m.category, m.level, m.element_type, m.element_name, m.material, m.mark, m.assembly_mark, m.phase,
         m.profile, m.length_m, m.area_m2, m.volume_m3, m.weight_kg, m.attributes)
        IS DISTINCT FROM
        (f.kind, f.category, f.level, f.element_type, f.element_name, f.material, f.mark, f.assembly_mark, f.phase,
         f.profile, f.length_m, f.area_m2, f.volume_m3, f.weight_kg, f.attributes) AS is_seen
    FROM fresh AS f
    JOIN model_elements AS m
      ON m.project_id = %(project_id)s AND m.model_id = %(model_id)s AND m.guid = f.guid
), written AS (
    UPDATE model_elements AS m
    SET kind = c.kind, category = c.category, level = c.level, element_type = c.element_type,
        element_name = c.element_name, material = c.material, mark = c.mark, assembly_mark = c.assembly_mark,
        phase = c.phase, profile = c.profile, length_m = c.length_m, area_m2 = c.area_m2, volume_m3 = c.volume_m3,
        weight_kg = c.weight_kg, attributes = c.attributes, content_hash = c.content_hash,
        canonical_version = %(canonical_version)s,
        change_pos = CASE
            WHEN c.is_seen THEN (SELECT next_position())
            ELSE m.change_pos
        END
    FROM compared AS c
    WHERE m.project_id = %(project_id)s
      AND m.model_id = %(model_id)s
      AND m.guid = c.guid
      AND (c.is_seen OR m.content_hash <> c.content_hash OR m.canonical_version <> %(canonical_version)s)
    RETURNING c.is_seen
)
SELECT (SELECT count(*) FROM derived) AS derived, count(*) FILTER (WHERE is_seen) AS changed FROM written;

-- name: write_derived_tree
-- What the tree knows of the same elements.
UPDATE model_objects AS o
SET kind = d.kind, own_category = d.own_category, own_level = d.own_level, own_hash = d.own_hash, name = d.element_name
FROM derived AS d
WHERE o.project_id = %(project_id)s
  AND o.model_id = %(model_id)s
  AND o.guid = d.guid
  AND o.own_hash IS NOT NULL
  AND (o.kind, o.own_category, o.own_level, o.own_hash, o.name)
      IS DISTINCT FROM (d.kind, d.own_category, d.own_level, d.own_hash, d.element_name);

-- name: record_derivation
-- By which rules the model's rows are made now.
UPDATE models
SET derivation = %(derivation)s
WHERE project_id = %(project_id)s AND id = %(model_id)s;

-- What counts as a difference: the equality of the content hash, leaf by leaf. A load asks this of each element whose
-- hash changed: so what is called per leaf can be inlined, and what cannot stands in functions of its own.

CREATE OR REPLACE FUNCTION {schema}.significant_text(amount numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
    SELECT CASE
        WHEN exponent BETWEEN -4 AND 6 THEN trim_scale(round(amount, 6 - exponent))::text
        ELSE trim_scale(mantissa::numeric)::text
            || CASE WHEN exponent < 0 THEN 'e-' ELSE 'e+' END
            || lpad(abs(exponent)::text, greatest(2, length(abs(exponent)::text)), '0')
    END
    FROM (
        SELECT split_part(form, 'e', 1) AS mantissa, split_part(form, 'e', 2)::integer AS exponent
        FROM (SELECT to_char(amount, '9.999999EEEE')) AS f (form)
    ) AS parts
$function$;
COMMENT ON FUNCTION {schema}.significant_text(numeric) IS 'A number with seven significant digits, as C''s %.7g has it.';

CREATE OR REPLACE FUNCTION {schema}.leaf_text(leaf jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
    SELECT CASE
        WHEN jsonb_typeof(leaf) <> 'number' THEN leaf #>> '{}'
        WHEN abs(leaf::numeric) < 9007199254740992 AND leaf::numeric = trunc(leaf::numeric)
            THEN trunc(leaf::numeric)::text
        ELSE {schema}.significant_text(leaf::numeric)
    END
$function$;
COMMENT ON FUNCTION {schema}.leaf_text(jsonb) IS
    'How a leaf reads in a source that holds only text: a number that is not whole with seven significant digits.';

CREATE OR REPLACE FUNCTION {schema}.is_close_text(a text, b text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
    -- Within what numeric can hold.
    SELECT CASE
        WHEN greatest(length(a), length(b)) < 1000 AND a ~ form AND b ~ form
            THEN abs(a::numeric - b::numeric) <= 1e-6 * greatest(abs(a::numeric), abs(b::numeric))
        ELSE false
    END
    FROM (VALUES ('^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$')) AS number (form)
$function$;
COMMENT ON FUNCTION {schema}.is_close_text(text, text) IS
    'Whether two texts are numbers that count as equal: within 1e-6 of the greater one.';

CREATE OR REPLACE FUNCTION {schema}.same_leaf(a jsonb, b jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
    SELECT CASE
        WHEN a IS NULL OR b IS NULL THEN a IS NULL AND b IS NULL
        WHEN a = b THEN true
        WHEN jsonb_typeof(a) = 'number' AND jsonb_typeof(b) = 'number'
            THEN abs(a::numeric - b::numeric) <= 1e-6 * greatest(abs(a::numeric), abs(b::numeric))
        WHEN jsonb_typeof(a) = jsonb_typeof(b) THEN false
        WHEN 'boolean' IN (jsonb_typeof(a), jsonb_typeof(b)) THEN a #>> '{}' = b #>> '{}'
        ELSE {schema}.leaf_text(a) = {schema}.leaf_text(b) OR {schema}.is_close_text(a #>> '{}', b #>> '{}')
    END
$function$;
COMMENT ON FUNCTION {schema}.same_leaf(jsonb, jsonb) IS
    'Whether two leaves count as equal: numbers within 1e-6 of the greater one, a number or a boolean and its text.';

CREATE OR REPLACE FUNCTION {schema}.without_labels(node jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
    SELECT nullif(
        CASE
            WHEN jsonb_typeof(node) = 'object' AND node ? 'value'
             AND node - '{value,name,units,applicationUnit,internalDefinitionName,applicationInternalName}'::text[] = '{}'
                THEN node -> 'value'
            ELSE node
        END,
        'null')
$function$;
COMMENT ON FUNCTION {schema}.without_labels(jsonb) IS
    'The value of a quantity or a parameter, which some formats label with its name, unit and origin; null for JSON''s.';

CREATE OR REPLACE FUNCTION {schema}.json_members(node jsonb, prefix text)
RETURNS TABLE (place text, name text, member jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
    -- The place is joined without escapes, as in sources that hold no more.
    SELECT CASE WHEN prefix = '' THEN key ELSE prefix || '.' || key END, key, value
    FROM jsonb_each(CASE WHEN jsonb_typeof(node) = 'object' THEN node ELSE '{}' END)
    UNION ALL
    SELECT prefix || '.' || ordinality - 1, (ordinality - 1)::text, value
    FROM jsonb_array_elements(CASE WHEN jsonb_typeof(node) = 'array' THEN node ELSE '[]' END) WITH ORDINALITY
$function$;
COMMENT ON FUNCTION {schema}.json_members(jsonb, text) IS
    'Members of an object or items of a list, with their names (items: from 0) and dotted places below a prefix.';

CREATE OR REPLACE FUNCTION {schema}.json_differences(before jsonb, after jsonb)
RETURNS TABLE (path text[], old jsonb, new jsonb)
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    -- Only pairs that differ are looked into, and noise is left at once; below a list nothing is noise.
    WITH RECURSIVE pairs (place, path, old_listed, new_listed, old, new) AS (
        SELECT '', '{}'::text[], false, false, {schema}.without_labels(before), {schema}.without_labels(after)
        WHERE before IS DISTINCT FROM after
        UNION ALL
        SELECT m.place, m.path, m.old_listed, m.new_listed,
            CASE WHEN m.old_listed OR NOT m.is_noise THEN {schema}.without_labels(m.old) END,
            CASE WHEN m.new_listed OR NOT m.is_noise THEN {schema}.without_labels(m.new) END
        FROM pairs AS p
        CROSS JOIN LATERAL (
            SELECT place, step.path, o.member AS old, n.member AS new,
                p.old_listed OR jsonb_typeof(p.old) = 'array' AS old_listed,
                p.new_listed OR jsonb_typeof(p.new) = 'array' AS new_listed,
                noise.yes AS is_noise
            FROM {schema}.json_members(p.old, p.place) AS o
            FULL JOIN {schema}.json_members(p.new, p.place) AS n USING (place)
            CROSS JOIN LATERAL (SELECT COALESCE(n.name, o.name)) AS named (name)
            CROSS JOIN LATERAL (SELECT named.name, p.path || named.name) AS step (name, path)
            CROSS JOIN LATERAL (
                SELECT EXISTS (
                    SELECT FROM {schema}.noise_rules AS r
                    WHERE cardinality(r.path) = cardinality(step.path)
                      AND r.path[cardinality(r.path)] IN ('*', step.name)
                      AND NOT EXISTS (
                          SELECT FROM unnest(r.path, step.path) AS names (rule, name)
                          WHERE names.rule NOT IN ('*', names.name)))
                OFFSET 0
            ) AS noise (yes)
            WHERE o.member IS DISTINCT FROM n.member
        ) AS m
        WHERE p.old IS DISTINCT FROM p.new
          AND (jsonb_typeof(p.old) IN ('object', 'array') OR jsonb_typeof(p.new) IN ('object', 'array'))
    ),
    differing AS (
        SELECT p.place, p.path, p.old, p.new
        FROM pairs AS p
        WHERE p.old IS DISTINCT FROM p.new
          AND NOT (jsonb_typeof(p.old) IN ('object', 'array') AND jsonb_typeof(p.new) IN ('object', 'array'))
          AND NOT {schema}.same_leaf(p.old, p.new)
    ),
    -- Leaves of one place meet, whatever the names that lead there: {"a.b": 1} is {"a": {"b": 1}}.
    old_leaves AS (
        SELECT place, d.path, d.leaf,
            row_number() OVER (
                PARTITION BY place ORDER BY CASE WHEN copies > 1 THEN {schema}.leaf_text(d.leaf) END COLLATE "C") AS nth
        FROM (SELECT place, f.path, f.old AS leaf, count(*) OVER (PARTITION BY place) AS copies
              FROM differing AS f WHERE jsonb_typeof(f.old) NOT IN ('object', 'array')) AS d
    ),
    new_leaves AS (
        SELECT place, d.path, d.leaf,
            row_number() OVER (
                PARTITION BY place ORDER BY CASE WHEN copies > 1 THEN {schema}.leaf_text(d.leaf) END COLLATE "C") AS nth
        FROM (SELECT place, f.path, f.new AS leaf, count(*) OVER (PARTITION BY place) AS copies
              FROM differing AS f WHERE jsonb_typeof(f.new) NOT IN ('object', 'array')) AS d
    )
    SELECT COALESCE(n.path, o.path), o.leaf, n.leaf
    FROM old_leaves AS o
    FULL JOIN new_leaves AS n USING (place, nth)
    WHERE NOT {schema}.same_leaf(o.leaf, n.leaf)
$function$;
COMMENT ON FUNCTION {schema}.json_differences(jsonb, jsonb) IS
    'Leaves in which two properties differ: their names from the outermost in (items of lists: from 0), and both values, null where there is none. What counts as equal for content_hash is no difference.';

-- Without statistics, a table of a few rows looks so large that the planner compiles what takes a millisecond.
ANALYZE {schema}.noise_rules;

-- Numbers as the content of elements is compared.

CREATE OR REPLACE FUNCTION {schema}.is_close(a double precision, b double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- As numeric: a difference or a thousandth of two doubles may be beyond what a double holds, which is an error.
RETURN a IS NOT DISTINCT FROM b
    OR COALESCE(abs(a::numeric - b::numeric) <= 1e-6 * greatest(abs(a::numeric), abs(b::numeric)), false);
COMMENT ON FUNCTION {schema}.is_close(double precision, double precision) IS
    'Whether two numbers count as equal: within 1e-6 of the greater one, or both null.';

-- Who asks, and what that person may see: from the claims that PostgREST sets, which the policies of all tables go by.

CREATE OR REPLACE FUNCTION {schema}.jwt_claims() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $function$
DECLARE
    given text := COALESCE(current_setting('request.jwt.claims', true), '');
    is_json boolean := true;
BEGIN
    IF given = '' THEN
        RETURN '{}';
    END IF;
    -- Older servers say so themselves, without a hint.
    IF current_setting('server_version_num')::integer >= 160000 THEN
        is_json := pg_input_is_valid(given, 'jsonb');
    END IF;
    IF NOT is_json OR jsonb_typeof(given::jsonb) <> 'object' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_authorization_specification',
            MESSAGE = 'request.jwt.claims is no JSON object',
            HINT = 'PostgREST sets it from the token; by hand: SET request.jwt.claims = ''{"sub": "..."}''.';
    END IF;
    RETURN given::jsonb;
END
$function$;
COMMENT ON FUNCTION {schema}.jwt_claims() IS 'The claims of the token that PostgREST verified; an empty object without one.';

CREATE OR REPLACE FUNCTION {schema}.jwt_names() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT ARRAY(
        SELECT c ->> n.name
        FROM {schema}.jwt_claims() AS c
        CROSS JOIN unnest('{email,sub}'::text[]) WITH ORDINALITY AS n (name, place)
        WHERE jsonb_typeof(c -> n.name) = 'string'
          AND c ->> n.name NOT IN ('', '*')
          -- Nobody is somebody else by stating that person's address: neither one that the issuer of the token did not
          -- verify, nor as a name of one's own choice beside one's own address.
          AND CASE n.name
              WHEN 'email' THEN NOT c ? 'email_verified' OR c ->> 'email_verified' IS NOT DISTINCT FROM 'true'
              ELSE strpos(c ->> 'sub', '@') = 0 OR c -> 'email' IS NULL
          END
        ORDER BY n.place)
$function$;
COMMENT ON FUNCTION {schema}.jwt_names() IS
    'By which names the token knows whoever asks: its email unless email_verified is there and not true, then its sub, which is no address where it has an email.';

CREATE OR REPLACE FUNCTION {schema}.jwt_person() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT ({schema}.jwt_names())[1]
$function$;
COMMENT ON FUNCTION {schema}.jwt_person() IS 'Who asks, by the token: its email, else its sub; null without either.';

CREATE OR REPLACE FUNCTION {schema}.my_subjects() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT array_append({schema}.jwt_names(), '*')
$function$;
COMMENT ON FUNCTION {schema}.my_subjects() IS 'Under which subjects of project_members whoever asks is found.';

CREATE OR REPLACE FUNCTION {schema}.readable_projects() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT ARRAY(
        SELECT DISTINCT m.project_id
        FROM {schema}.project_members AS m
        WHERE m.subject = ANY ((SELECT {schema}.my_subjects())::text[]))
$function$;
COMMENT ON FUNCTION {schema}.readable_projects() IS 'Projects that whoever asks is a member of.';

CREATE OR REPLACE FUNCTION {schema}.writable_projects() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT ARRAY(
        SELECT DISTINCT m.project_id
        FROM {schema}.project_members AS m
        WHERE m.can_write
          AND m.subject = ANY ((SELECT {schema}.my_subjects())::text[])
          AND {schema}.jwt_person() IS NOT NULL)
$function$;
COMMENT ON FUNCTION {schema}.writable_projects() IS 'Projects in which whoever asks may set statuses: only a person whom the token names.';

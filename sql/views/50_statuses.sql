-- Statuses: checked, signed and logged, wherever they come from.

CREATE OR REPLACE FUNCTION {schema}.allowed_statuses(project text) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $function$
    SELECT CASE WHEN count(*) > 0 THEN array_remove(array_agg(DISTINCT v.code), 'not_started') || '{not_started}'::text[] END
    FROM {schema}.status_values AS v
    WHERE v.project_id IS NULL OR v.project_id = project
$function$;
COMMENT ON FUNCTION {schema}.allowed_statuses(text) IS
    'Statuses that can be set in a project; null: any, because none are listed for it.';

CREATE OR REPLACE FUNCTION {schema}.refuse_writing(project text) RETURNS void
LANGUAGE plpgsql STABLE AS $function$
BEGIN
    IF row_security_active('{schema}.element_status') AND NOT project = ANY ({schema}.writable_projects()) THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('%s may not set statuses in project %s',
                             COALESCE({schema}.jwt_person(), 'whom the token does not name'), project),
            HINT = 'An administrator grants it: a row of project_members with can_write.';
    END IF;
END
$function$;
COMMENT ON FUNCTION {schema}.refuse_writing(text) IS
    'Raises insufficient_privilege unless whoever asks may set statuses in a project.';

CREATE OR REPLACE FUNCTION {schema}.projects_of_part(part uuid) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1 AS $function$
    -- Project by project, because every index begins with it.
    SELECT m.project_id
    FROM (SELECT project_id FROM {schema}.models UNION SELECT id FROM {schema}.projects) AS m
    WHERE EXISTS (SELECT FROM {schema}.parts AS p WHERE p.project_id = m.project_id AND p.guid = part)
$function$;
COMMENT ON FUNCTION {schema}.projects_of_part(uuid) IS 'Projects that have, or had, a part of this guid.';

CREATE OR REPLACE FUNCTION {schema}.check_status() RETURNS trigger
LANGUAGE plpgsql AS $function$
DECLARE
    person text := {schema}.jwt_person();
    allowed text[] := {schema}.allowed_statuses(NEW.project_id);
    is_web boolean := row_security_active(TG_RELID);
BEGIN
    PERFORM {schema}.refuse_writing(NEW.project_id);
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.project_id, OLD.guid) <> (NEW.project_id, NEW.guid) THEN
            RAISE EXCEPTION USING ERRCODE = 'PT400',
                MESSAGE = format('the status of part %s cannot be given to another part', OLD.guid),
                HINT = 'Set the other part''s status.';
        END IF;
        IF (OLD.status, OLD.effective_on, OLD.note) IS NOT DISTINCT FROM (NEW.status, NEW.effective_on, NEW.note) THEN
            RETURN OLD;
        END IF;
    END IF;
    -- What an owner brings over from elsewhere is kept as it was.
    IF allowed IS NOT NULL AND NEW.status <> ALL (allowed)
        AND (is_web OR COALESCE(current_setting('speckle2pg.keep_statuses', true), '') <> 'on')
    THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'element_status_is_listed', TABLE = 'element_status',
            MESSAGE = format('project %s has no status %s', NEW.project_id, NEW.status),
            HINT = format('Use one of: %s; or add it to status_values.', array_to_string(allowed, ', '));
    END IF;
    IF NOT EXISTS (SELECT FROM {schema}.parts AS p WHERE p.project_id = NEW.project_id AND p.guid = NEW.guid) THEN
        RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'element_status_is_of_a_part',
            TABLE = 'element_status',
            MESSAGE = format('project %s has no part %s', NEW.project_id, NEW.guid),
            DETAIL = (SELECT CASE WHEN count(*) > 0 THEN format('It is a part of project %s.', string_agg(p, ', '))
                                  ELSE 'No project has it.' END
                      FROM {schema}.projects_of_part(NEW.guid) AS p),
            HINT = 'The view elements has the guids of a project.';
    END IF;
    IF person IS NOT NULL OR is_web THEN
        NEW.updated_by := person;
        NEW.updated_at := now();
    ELSIF TG_OP = 'UPDATE' THEN
        NEW.updated_by := CASE WHEN NEW.updated_by IS DISTINCT FROM OLD.updated_by THEN NEW.updated_by ELSE session_user END;
        NEW.updated_at := CASE WHEN NEW.updated_at IS DISTINCT FROM OLD.updated_at THEN NEW.updated_at ELSE now() END;
    ELSE
        NEW.updated_by := COALESCE(NEW.updated_by, session_user);
    END IF;
    RETURN NEW;
END
$function$;
COMMENT ON FUNCTION {schema}.check_status() IS
    'Refuses what is no status of a part of the project, leaves a row alone that would not change, and signs the others.';

-- With the owner's rights, so that whoever sets a status writes the log, and nobody can write anything else into it.
CREATE OR REPLACE FUNCTION {schema}.log_status() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO {schema}.element_status_log (project_id, guid, old_status, changed_by)
        VALUES (OLD.project_id, OLD.guid, OLD.status, COALESCE({schema}.jwt_person(), session_user));
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO {schema}.element_status_log (
            project_id, guid, new_status, effective_on, note, changed_at, changed_by)
        VALUES (NEW.project_id, NEW.guid, NEW.status, NEW.effective_on, NEW.note, NEW.updated_at, NEW.updated_by);
    ELSIF (OLD.status, OLD.effective_on) IS DISTINCT FROM (NEW.status, NEW.effective_on) THEN
        INSERT INTO {schema}.element_status_log (
            project_id, guid, old_status, new_status, effective_on, note, changed_at, changed_by)
        VALUES (NEW.project_id, NEW.guid, OLD.status, NEW.status, NEW.effective_on, NEW.note, NEW.updated_at,
                NEW.updated_by);
    END IF;
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION {schema}.log_status() IS 'Enters each change of a status into element_status_log.';
REVOKE EXECUTE ON FUNCTION {schema}.log_status() FROM PUBLIC;

CREATE OR REPLACE TRIGGER element_status_check
    BEFORE INSERT OR UPDATE ON {schema}.element_status
    FOR EACH ROW EXECUTE FUNCTION {schema}.check_status();
CREATE OR REPLACE TRIGGER element_status_log
    AFTER INSERT OR UPDATE OR DELETE ON {schema}.element_status
    FOR EACH ROW EXECUTE FUNCTION {schema}.log_status();

CREATE OR REPLACE FUNCTION {schema}.write_status(project text, part uuid, wanted text, since date DEFAULT current_date)
RETURNS void
LANGUAGE sql AS $function$
    INSERT INTO {schema}.element_status AS s (project_id, guid, status, effective_on)
    VALUES (project, part, wanted, since)
    ON CONFLICT (project_id, guid) DO UPDATE
        SET status = EXCLUDED.status, effective_on = EXCLUDED.effective_on, note = NULL
        WHERE s.status <> EXCLUDED.status
$function$;
COMMENT ON FUNCTION {schema}.write_status(text, uuid, text, date) IS
    'Sets the status of a part from a day on; one that it has already is left as it is.';

CREATE OR REPLACE FUNCTION {schema}.update_status() RETURNS trigger
LANGUAGE plpgsql AS $function$
DECLARE
    others text;
    other record;
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION USING ERRCODE = 'PT405',
            MESSAGE = 'elements come from Speckle, and nowhere else',
            HINT = 'To set statuses, new or not, use set_status.';
    END IF;
    other := NEW;
    other.status := OLD.status;
    -- Which columns they are is looked up only where some differ: an update can be of many rows.
    IF other IS DISTINCT FROM OLD THEN
        SELECT string_agg(n.key, ', ' ORDER BY n.key) INTO others
        FROM jsonb_each(to_jsonb(NEW)) AS n
        JOIN jsonb_each(to_jsonb(OLD)) AS o USING (key)
        WHERE n.value <> o.value AND key <> 'status';
    END IF;
    IF others IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'PT400',
            MESSAGE = format('%s cannot be changed here', others),
            HINT = 'Only status can be updated through this view: the rest comes from Speckle. For a date or a note '
                   'use set_status.';
    END IF;
    IF NEW.status IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'not_null_violation',
            MESSAGE = format('the status of part %s cannot be null', OLD.guid),
            HINT = 'A part whose work has not begun is not_started.';
    END IF;
    -- What is shown already is left as it is: a form may send back all that it got.
    IF NEW.status <> OLD.status THEN
        PERFORM {schema}.write_status(OLD.project_id, OLD.guid, NEW.status);
        -- What the statement returns is what the next one reads.
        NEW.effective_status := NEW.status;
        NEW.status_source := 'own';
        NEW.effective_on := current_date;
        NEW.status_note := NULL;
        NEW.status_updated_at := now();
        NEW.status_updated_by := COALESCE({schema}.jwt_person(), session_user);
    END IF;
    RETURN NEW;
END
$function$;
COMMENT ON FUNCTION {schema}.update_status() IS 'Lets status, and nothing else, be updated through a view.';

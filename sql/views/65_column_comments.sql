-- Columns of the views: those of the tables as there, the others here.
DO $block$
DECLARE
    shown record;
BEGIN
    FOR shown IN
        SELECT v.relname, a.attname, COALESCE(
            CASE a.attname
                WHEN 'model_name' THEN 'Full name of the model.'
                WHEN 'model_state' THEN 'State of the model: active, excluded, deleted.'
                WHEN 'status' THEN 'Own status; not_started where none was set.'
                WHEN 'effective_status' THEN 'Own status, else that of the nearest enclosing assembly that has one, else not_started.'
                WHEN 'status_source' THEN 'Where effective_status comes from: own, assembly, default.'
                WHEN 'effective_on' THEN 'Day from which the own status holds.'
                WHEN 'status_note' THEN 'Note to the own status.'
                WHEN 'status_updated_at' THEN 'When the own status was set.'
                WHEN 'status_updated_by' THEN 'Who set it.'
                WHEN 'object_id' THEN 'Speckle object in the newest version; of a removed element the last one.'
                WHEN 'created_at' THEN 'Creation time of the first version with the element, or what an earlier adapter stated.'
                WHEN 'viewer_url' THEN 'Address of the element in Speckle''s own viewer.'
                WHEN 'model_ids' THEN 'Models that hold the part.'
            END,
            (SELECT col_description(t.attrelid, t.attnum)
             FROM pg_attribute AS t
             WHERE t.attrelid = '{schema}.model_elements'::regclass AND t.attname = a.attname)) AS said
        FROM pg_class AS v
        JOIN pg_attribute AS a ON a.attrelid = v.oid AND a.attnum > 0
        WHERE v.oid IN ('{schema}.elements'::regclass, '{schema}.elements_all'::regclass, '{schema}.parts_current'::regclass)
    LOOP
        EXECUTE format('COMMENT ON COLUMN {schema}.%I.%I IS %L', shown.relname, shown.attname, shown.said);
    END LOOP;
END
$block$;

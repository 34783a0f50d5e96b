-- History, feed and derivation: what is needed to answer what was, what changed, and by which rules rows were made.

ALTER TABLE instance ADD COLUMN feed_identity text;
COMMENT ON COLUMN instance.feed_identity IS 'Identity of the database for which feed_base was set; another one means a restore or a move.';

ALTER TABLE models ADD COLUMN derivation text;
ALTER TABLE models ADD COLUMN history_seq bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN models.derivation IS 'By which rules its rows were made: the canonical version, whether guids are kept apart from copies, and a digest of the project''s attribute_map. Rows made by others are derived anew before they are compared.';
COMMENT ON COLUMN models.history_seq IS 'The state at this seq and at all later ones can be told; former images before it were pruned or never kept.';

ALTER TABLE versions ADD COLUMN replaced integer;
ALTER TABLE versions ADD COLUMN approved_seq bigint;
COMMENT ON COLUMN versions.replaced IS 'Values that JSON or PostgreSQL cannot hold and that were replaced, in the objects downloaded for it.';
COMMENT ON COLUMN versions.approved_seq IS 'models.seq of the rows that a person let it remove from; once others are shown it is judged anew.';

ALTER TABLE model_syncs ADD COLUMN change_pos bigint NOT NULL DEFAULT 0;
ALTER TABLE model_syncs ADD COLUMN removed_reason text CHECK (removed_reason IN ('no_version', 'model_deleted'));
ALTER TABLE model_syncs ADD COLUMN open_before bigint NOT NULL
    DEFAULT pg_current_xact_id()::text::bigint - pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
COMMENT ON COLUMN model_syncs.open_before IS 'How many positions before change_pos could still be used when it was noted, by transactions that were open then.';
-- The clock's, not the beginning of the transaction, which may have been long before.
ALTER TABLE model_syncs ALTER COLUMN synced_at SET DEFAULT clock_timestamp();
COMMENT ON COLUMN model_syncs.change_pos IS 'Position in the change feed of what this application changed.';
COMMENT ON COLUMN model_syncs.removed_reason IS 'Why nothing is left where no version was applied; else null.';
CREATE INDEX model_syncs_by_version ON model_syncs (version_id, project_id);
CREATE INDEX versions_by_id ON versions (id);
CREATE INDEX model_syncs_by_time ON model_syncs (synced_at);
CREATE INDEX model_syncs_by_change ON model_syncs (change_pos);

-- The feed is read in this order.
CREATE INDEX model_elements_feed ON model_elements (change_pos, project_id, model_id, guid);
DROP INDEX model_elements_by_change;

-- What began or ended between two applications.
CREATE INDEX element_history_by_end ON element_history (project_id, model_id, to_seq);
CREATE INDEX element_history_by_start ON element_history (project_id, model_id, from_seq);
CREATE INDEX model_elements_by_start ON model_elements (project_id, model_id, from_seq);

ALTER TABLE staged_facts ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN staged_facts.attributes IS 'As in model_elements.';

CREATE TABLE noise_rules (
    path   text[] PRIMARY KEY,
    reason text NOT NULL
);
COMMENT ON TABLE noise_rules IS 'Members of properties that exporters write anew each time: they count neither for content_hash nor for version_diff. Kept equal to the program''s own table by migrate.';
COMMENT ON COLUMN noise_rules.path IS 'Names from the outermost in; * is any name.';
COMMENT ON COLUMN noise_rules.reason IS 'Why it is noise.';

CREATE TABLE purges (
    change_pos bigint NOT NULL,
    project_id text NOT NULL,
    model_id   text,
    purged_at  timestamptz NOT NULL DEFAULT now(),
    purged_by  text,
    PRIMARY KEY (project_id, change_pos)
);
CREATE INDEX purges_feed ON purges (change_pos, project_id);
COMMENT ON TABLE purges IS 'Rows that were deleted for good, for the change feed: consumers drop what they hold of the project.';
COMMENT ON COLUMN purges.change_pos IS 'Position in the change feed.';
COMMENT ON COLUMN purges.project_id IS 'Project whose rows were deleted.';
COMMENT ON COLUMN purges.model_id IS 'Model whose rows were deleted; null for all of the project.';
COMMENT ON COLUMN purges.purged_at IS 'When.';
COMMENT ON COLUMN purges.purged_by IS 'Who.';

-- People's tables: the daemon reads them and never writes them.

CREATE TABLE attribute_map (
    project_id text   NOT NULL,
    name       text   NOT NULL CHECK (name <> ''),
    paths      text[] NOT NULL CHECK (
        cardinality(paths) > 0 AND array_ndims(paths) = 1 AND array_position(paths, NULL) IS NULL),
    type       text   NOT NULL DEFAULT 'text' CHECK (type IN ('text', 'number', 'boolean', 'date', 'station')),
    PRIMARY KEY (project_id, name)
);
COMMENT ON TABLE attribute_map IS 'What a project picks out of properties into attributes. A change takes effect at once: stored rows are derived again.';
COMMENT ON COLUMN attribute_map.project_id IS 'Project.';
COMMENT ON COLUMN attribute_map.name IS 'Key in attributes.';
COMMENT ON COLUMN attribute_map.paths IS 'Where to look, in this order: names joined by dots, as in Property Sets.Tekla Common.Phase; * is any text. The first that holds a value of the type counts.';
COMMENT ON COLUMN attribute_map.type IS 'text, number, boolean, date (ISO 8601), or station (ПК12+50 is 1250.0 metres).';

CREATE FUNCTION announce_attribute_change() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM pg_notify('speckle2pg_registry', COALESCE(NEW.project_id, OLD.project_id));
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION announce_attribute_change() IS 'Tells the daemon that a project''s attribute_map changed.';

CREATE TRIGGER attribute_map_announce
    AFTER INSERT OR DELETE OR UPDATE ON attribute_map
    FOR EACH ROW EXECUTE FUNCTION announce_attribute_change();

CREATE TABLE element_status (
    project_id   text NOT NULL,
    guid         uuid NOT NULL,
    status       text NOT NULL,
    effective_on date,
    note         text,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    updated_by   text,
    PRIMARY KEY (project_id, guid)
);
COMMENT ON TABLE element_status IS 'The status of a physical part: it survives the part''s removal and return, and shows in every model that holds the part.';
COMMENT ON COLUMN element_status.project_id IS 'Project of the part.';
COMMENT ON COLUMN element_status.guid IS 'The part.';
COMMENT ON COLUMN element_status.status IS 'Code of the status; not_started is the same as no row.';
COMMENT ON COLUMN element_status.effective_on IS 'Day from which it holds.';
COMMENT ON COLUMN element_status.note IS 'Free text.';
COMMENT ON COLUMN element_status.updated_at IS 'When it was set.';
COMMENT ON COLUMN element_status.updated_by IS 'Who set it.';

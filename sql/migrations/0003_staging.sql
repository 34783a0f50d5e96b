-- Where a download waits for its merge. Unlogged: a crash of the database empties it, and the load starts anew.

CREATE SEQUENCE load_ids AS bigint;
COMMENT ON SEQUENCE load_ids IS 'Numbers the loads, so that their staged rows never mix.';

CREATE TABLE loads (
    id         bigint PRIMARY KEY DEFAULT nextval('load_ids'),
    project_id text NOT NULL,
    model_id   text NOT NULL,
    version_id text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE loads IS 'Loads that have staged rows; what a dead process left is swept by age.';
COMMENT ON COLUMN loads.id IS 'Load id.';
COMMENT ON COLUMN loads.project_id IS 'Project being loaded.';
COMMENT ON COLUMN loads.model_id IS 'Model being loaded.';
COMMENT ON COLUMN loads.version_id IS 'Version being loaded.';
COMMENT ON COLUMN loads.started_at IS 'When the load began.';

CREATE UNLOGGED TABLE staged_facts (
    load_id       bigint NOT NULL,
    object_id     text NOT NULL,
    element_type  text,
    element_name  text,
    material      text,
    mark          text,
    assembly_mark text,
    phase         text,
    profile       text,
    length_m      double precision,
    area_m2       double precision,
    volume_m3     double precision,
    weight_kg     double precision,
    properties    jsonb NOT NULL,
    PRIMARY KEY (load_id, object_id)
);
COMMENT ON TABLE staged_facts IS 'What each downloaded object says of itself, by load.';
COMMENT ON COLUMN staged_facts.load_id IS 'Load that the row belongs to.';
COMMENT ON COLUMN staged_facts.object_id IS 'Speckle object id.';
COMMENT ON COLUMN staged_facts.element_type IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.element_name IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.material IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.mark IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.assembly_mark IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.phase IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.profile IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.length_m IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.area_m2 IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.volume_m3 IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.weight_kg IS 'As in model_elements.';
COMMENT ON COLUMN staged_facts.properties IS 'As in model_elements.';

CREATE UNLOGGED TABLE staged_tree (
    load_id          bigint NOT NULL,
    parent_object_id text NOT NULL,
    position         integer NOT NULL,
    object_id        text NOT NULL,
    kind             text NOT NULL,
    guid             uuid NOT NULL,
    application_id   text,
    element_id       text,
    name             text,
    own_category     text,
    own_level        text,
    own_hash         bytea,
    is_row           boolean NOT NULL,
    path             text[],
    parent_guid      uuid,
    assembly_guid    uuid,
    level            text,
    category         text,
    content_hash     bytea,
    PRIMARY KEY (load_id, parent_object_id, position, guid)
);
CREATE INDEX staged_tree_rows ON staged_tree (load_id, guid) WHERE is_row;
COMMENT ON TABLE staged_tree IS 'Each occurrence of an object in the version''s tree and where it puts the element, by load.';
COMMENT ON COLUMN staged_tree.load_id IS 'Load that the row belongs to.';
COMMENT ON COLUMN staged_tree.parent_object_id IS 'Speckle object id of the parent; empty for the root.';
COMMENT ON COLUMN staged_tree.position IS 'As in model_objects.';
COMMENT ON COLUMN staged_tree.object_id IS 'Speckle object id.';
COMMENT ON COLUMN staged_tree.kind IS 'As in model_objects.';
COMMENT ON COLUMN staged_tree.guid IS 'As in model_objects.';
COMMENT ON COLUMN staged_tree.application_id IS 'As in model_objects.';
COMMENT ON COLUMN staged_tree.element_id IS 'As in model_objects.';
COMMENT ON COLUMN staged_tree.name IS 'As in model_objects.';
COMMENT ON COLUMN staged_tree.own_category IS 'As in model_objects.';
COMMENT ON COLUMN staged_tree.own_level IS 'As in model_objects.';
COMMENT ON COLUMN staged_tree.own_hash IS 'As in model_objects.';
COMMENT ON COLUMN staged_tree.is_row IS 'As in model_objects.';
COMMENT ON COLUMN staged_tree.path IS 'As in model_elements.';
COMMENT ON COLUMN staged_tree.parent_guid IS 'As in model_elements.';
COMMENT ON COLUMN staged_tree.assembly_guid IS 'As in model_elements.';
COMMENT ON COLUMN staged_tree.level IS 'As in model_elements.';
COMMENT ON COLUMN staged_tree.category IS 'As in model_elements.';
COMMENT ON COLUMN staged_tree.content_hash IS 'As in model_elements.';

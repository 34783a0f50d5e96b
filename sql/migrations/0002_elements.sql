-- The elements: what a version shows, the tree it came in, what was there before, and the parts themselves.

CREATE TABLE model_elements (
    project_id         text NOT NULL,
    model_id           text NOT NULL,
    guid               uuid NOT NULL,
    application_id     text,
    object_id          text NOT NULL,
    content_hash       bytea NOT NULL,
    canonical_version  smallint NOT NULL,
    kind               text NOT NULL CHECK (kind IN ('part', 'assembly', 'spatial', 'void', 'annotation', 'other')),
    element_type       text,
    element_name       text,
    category           text,
    level              text,
    material           text,
    mark               text,
    assembly_mark      text,
    assembly_guid      uuid,
    phase              text,
    profile            text,
    length_m           double precision,
    area_m2            double precision,
    volume_m3          double precision,
    weight_kg          double precision,
    path               text[] NOT NULL DEFAULT '{}',
    parent_guid        uuid,
    properties         jsonb NOT NULL DEFAULT '{}',
    attributes         jsonb NOT NULL DEFAULT '{}',
    version_id         text NOT NULL,
    from_seq           bigint NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    removed_at         timestamptz,
    removed_seq        bigint,
    removed_version_id text,
    removed_reason     text CHECK (removed_reason IN ('absent', 'no_version', 'model_deleted')),
    change_pos         bigint NOT NULL,
    PRIMARY KEY (project_id, model_id, guid)
);
COMMENT ON TABLE model_elements IS 'The elements of each model as its applied version shows them; removed ones keep their row.';
COMMENT ON COLUMN model_elements.project_id IS 'Project of the element.';
COMMENT ON COLUMN model_elements.model_id IS 'Model of the element.';
COMMENT ON COLUMN model_elements.guid IS 'Identity of the element, the same over versions, exports and connectors.';
COMMENT ON COLUMN model_elements.application_id IS 'Id of the element in the publishing application, as it came; compare it with case.';
COMMENT ON COLUMN model_elements.object_id IS 'Speckle object whose content the row holds; the object id in the newest version is in model_objects.';
COMMENT ON COLUMN model_elements.content_hash IS 'Hash of the content after the noise rules; equal hashes mean no real change.';
COMMENT ON COLUMN model_elements.canonical_version IS 'Version of the noise rules that made content_hash.';
COMMENT ON COLUMN model_elements.kind IS 'part, assembly, spatial, void, annotation or other.';
COMMENT ON COLUMN model_elements.element_type IS 'Type in the words of the source: IfcBeam, ContourPlate, a Revit type.';
COMMENT ON COLUMN model_elements.element_name IS 'Name of the element.';
COMMENT ON COLUMN model_elements.category IS 'Category in the words of the source, else the nearest named collection.';
COMMENT ON COLUMN model_elements.level IS 'Name of the storey or level.';
COMMENT ON COLUMN model_elements.material IS 'Name of the material or its grade.';
COMMENT ON COLUMN model_elements.mark IS 'Part mark: a type of part, not an instance.';
COMMENT ON COLUMN model_elements.assembly_mark IS 'Mark of the assembly it belongs to.';
COMMENT ON COLUMN model_elements.assembly_guid IS 'The enclosing assembly.';
COMMENT ON COLUMN model_elements.phase IS 'Phase of construction.';
COMMENT ON COLUMN model_elements.profile IS 'Profile of the cross-section.';
COMMENT ON COLUMN model_elements.length_m IS 'Length, metres.';
COMMENT ON COLUMN model_elements.area_m2 IS 'Area, square metres.';
COMMENT ON COLUMN model_elements.volume_m3 IS 'Volume, cubic metres.';
COMMENT ON COLUMN model_elements.weight_kg IS 'Weight, kilograms.';
COMMENT ON COLUMN model_elements.path IS 'Names of the collections from the root down.';
COMMENT ON COLUMN model_elements.parent_guid IS 'The enclosing element.';
COMMENT ON COLUMN model_elements.properties IS 'All properties of the element, as published.';
COMMENT ON COLUMN model_elements.attributes IS 'What attribute_map picks out of properties for this project.';
COMMENT ON COLUMN model_elements.version_id IS 'Version that last changed the row.';
COMMENT ON COLUMN model_elements.from_seq IS 'models.seq from which this image holds.';
COMMENT ON COLUMN model_elements.created_at IS 'Creation time of the first version with the element.';
COMMENT ON COLUMN model_elements.updated_at IS 'Creation time of the version that last changed it.';
COMMENT ON COLUMN model_elements.removed_at IS 'Creation time of the version without it, or when the model was found deleted; null while present.';
COMMENT ON COLUMN model_elements.removed_seq IS 'models.seq of the removal.';
COMMENT ON COLUMN model_elements.removed_version_id IS 'Version without it.';
COMMENT ON COLUMN model_elements.removed_reason IS 'absent (from the version), no_version (left in the model), model_deleted.';
COMMENT ON COLUMN model_elements.change_pos IS 'Position in the change feed of the last change.';
CREATE INDEX model_elements_by_guid ON model_elements (project_id, guid);
CREATE INDEX model_elements_by_change ON model_elements (change_pos);

CREATE TABLE element_history (
    project_id         text NOT NULL,
    model_id           text NOT NULL,
    guid               uuid NOT NULL,
    application_id     text,
    object_id          text NOT NULL,
    content_hash       bytea NOT NULL,
    canonical_version  smallint NOT NULL,
    kind               text NOT NULL CHECK (kind IN ('part', 'assembly', 'spatial', 'void', 'annotation', 'other')),
    element_type       text,
    element_name       text,
    category           text,
    level              text,
    material           text,
    mark               text,
    assembly_mark      text,
    assembly_guid      uuid,
    phase              text,
    profile            text,
    length_m           double precision,
    area_m2            double precision,
    volume_m3          double precision,
    weight_kg          double precision,
    path               text[] NOT NULL DEFAULT '{}',
    parent_guid        uuid,
    properties         jsonb NOT NULL DEFAULT '{}',
    attributes         jsonb NOT NULL DEFAULT '{}',
    version_id         text NOT NULL,
    from_seq           bigint NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    removed_at         timestamptz,
    removed_seq        bigint,
    removed_version_id text,
    removed_reason     text CHECK (removed_reason IN ('absent', 'no_version', 'model_deleted')),
    change_pos         bigint NOT NULL,
    to_seq             bigint NOT NULL,
    PRIMARY KEY (project_id, model_id, guid, from_seq)
);
COMMENT ON TABLE element_history IS 'Former images of elements, each valid from from_seq until before to_seq.';
COMMENT ON COLUMN element_history.project_id IS 'Project of the element.';
COMMENT ON COLUMN element_history.model_id IS 'Model of the element.';
COMMENT ON COLUMN element_history.guid IS 'Identity of the element, the same over versions, exports and connectors.';
COMMENT ON COLUMN element_history.application_id IS 'Id of the element in the publishing application, as it came; compare it with case.';
COMMENT ON COLUMN element_history.object_id IS 'Speckle object whose content the row holds; the object id in the newest version is in model_objects.';
COMMENT ON COLUMN element_history.content_hash IS 'Hash of the content after the noise rules; equal hashes mean no real change.';
COMMENT ON COLUMN element_history.canonical_version IS 'Version of the noise rules that made content_hash.';
COMMENT ON COLUMN element_history.kind IS 'part, assembly, spatial, void, annotation or other.';
COMMENT ON COLUMN element_history.element_type IS 'Type in the words of the source: IfcBeam, ContourPlate, a Revit type.';
COMMENT ON COLUMN element_history.element_name IS 'Name of the element.';
COMMENT ON COLUMN element_history.category IS 'Category in the words of the source, else the nearest named collection.';
COMMENT ON COLUMN element_history.level IS 'Name of the storey or level.';
COMMENT ON COLUMN element_history.material IS 'Name of the material or its grade.';
COMMENT ON COLUMN element_history.mark IS 'Part mark: a type of part, not an instance.';
COMMENT ON COLUMN element_history.assembly_mark IS 'Mark of the assembly it belongs to.';
COMMENT ON COLUMN element_history.assembly_guid IS 'The enclosing assembly.';
COMMENT ON COLUMN element_history.phase IS 'Phase of construction.';
COMMENT ON COLUMN element_history.profile IS 'Profile of the cross-section.';
COMMENT ON COLUMN element_history.length_m IS 'Length, metres.';
COMMENT ON COLUMN element_history.area_m2 IS 'Area, square metres.';
COMMENT ON COLUMN element_history.volume_m3 IS 'Volume, cubic metres.';
COMMENT ON COLUMN element_history.weight_kg IS 'Weight, kilograms.';
COMMENT ON COLUMN element_history.path IS 'Names of the collections from the root down.';
COMMENT ON COLUMN element_history.parent_guid IS 'The enclosing element.';
COMMENT ON COLUMN element_history.properties IS 'All properties of the element, as published.';
COMMENT ON COLUMN element_history.attributes IS 'What attribute_map picks out of properties for this project.';
COMMENT ON COLUMN element_history.version_id IS 'Version that last changed the row.';
COMMENT ON COLUMN element_history.from_seq IS 'models.seq from which this image holds.';
COMMENT ON COLUMN element_history.created_at IS 'Creation time of the first version with the element.';
COMMENT ON COLUMN element_history.updated_at IS 'Creation time of the version that last changed it.';
COMMENT ON COLUMN element_history.removed_at IS 'Creation time of the version without it, or when the model was found deleted; null while present.';
COMMENT ON COLUMN element_history.removed_seq IS 'models.seq of the removal.';
COMMENT ON COLUMN element_history.removed_version_id IS 'Version without it.';
COMMENT ON COLUMN element_history.removed_reason IS 'absent (from the version), no_version (left in the model), model_deleted.';
COMMENT ON COLUMN element_history.change_pos IS 'Position in the change feed of the last change.';
COMMENT ON COLUMN element_history.to_seq IS 'models.seq from which this image no longer holds.';

CREATE TABLE model_objects (
    project_id       text NOT NULL,
    model_id         text NOT NULL,
    parent_object_id text NOT NULL,
    position         integer NOT NULL,
    object_id        text NOT NULL,
    kind             text NOT NULL CHECK (kind IN (
        'container', 'part', 'assembly', 'spatial', 'void', 'annotation', 'other', 'ignored')),
    guid             uuid NOT NULL,
    application_id   text,
    element_id       text,
    name             text,
    own_category     text,
    own_level        text,
    own_hash         bytea,
    is_row           boolean NOT NULL,
    PRIMARY KEY (project_id, model_id, parent_object_id, position, guid)
);
CREATE INDEX model_objects_by_guid ON model_objects (project_id, model_id, guid) WHERE is_row;
COMMENT ON TABLE model_objects IS 'The object tree of the applied version, containers included: an edge per row. An object known from here is not downloaded again.';
COMMENT ON COLUMN model_objects.project_id IS 'Project of the model.';
COMMENT ON COLUMN model_objects.model_id IS 'Model whose tree it is.';
COMMENT ON COLUMN model_objects.parent_object_id IS 'Speckle object id of the parent; empty for the root.';
COMMENT ON COLUMN model_objects.position IS 'Place among the parent''s children, from 0.';
COMMENT ON COLUMN model_objects.object_id IS 'Speckle object id of the child.';
COMMENT ON COLUMN model_objects.kind IS 'container, ignored (neither container nor element), or the kind of the element.';
COMMENT ON COLUMN model_objects.guid IS 'Guid of the element; for a container the guid by the same formula.';
COMMENT ON COLUMN model_objects.application_id IS 'applicationId of the object, as it came.';
COMMENT ON COLUMN model_objects.element_id IS 'properties.elementId, which identifies an object without applicationId below its parent.';
COMMENT ON COLUMN model_objects.name IS 'Name of the object: what path is made of.';
COMMENT ON COLUMN model_objects.own_category IS 'Category that the object itself states, before its place in the tree.';
COMMENT ON COLUMN model_objects.own_level IS 'Level that the object itself states, before the level proxies.';
COMMENT ON COLUMN model_objects.own_hash IS 'Hash of what the object itself holds; content_hash adds its place in the tree.';
COMMENT ON COLUMN model_objects.is_row IS 'This occurrence of the object makes the row in model_elements.';

CREATE TABLE parts (
    project_id    text NOT NULL,
    guid          uuid NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    PRIMARY KEY (project_id, guid)
);
COMMENT ON TABLE parts IS 'Every guid ever seen in a project; never deleted, so business tables may reference it.';
COMMENT ON COLUMN parts.project_id IS 'Project of the part.';
COMMENT ON COLUMN parts.guid IS 'Identity of the part.';
COMMENT ON COLUMN parts.first_seen_at IS 'Creation time of the first version with it.';
COMMENT ON COLUMN parts.last_seen_at IS 'Creation time of the newest version that added, modified or restored it; not moved by versions that leave it alone.';

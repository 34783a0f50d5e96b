-- What people write, who may see it, and what an earlier adapter left.

ALTER TABLE instance ADD COLUMN public_url text;
ALTER TABLE instance ADD COLUMN definitions text;
COMMENT ON COLUMN instance.definitions IS 'Digest of the views and functions that migrate made last.';
COMMENT ON COLUMN instance.public_url IS 'Address of the Speckle server in a browser, for viewer_url; kept by the daemon from SPECKLE_PUBLIC_URL.';

-- Statuses hang on parts, which are never deleted. Rows from before this migration are not looked at again.
ALTER TABLE element_status
    ADD CONSTRAINT element_status_is_of_a_part FOREIGN KEY (project_id, guid) REFERENCES parts (project_id, guid) NOT VALID;
ALTER TABLE element_status
    ADD CONSTRAINT element_status_has_a_code CHECK (status <> '' AND length(status) <= 200) NOT VALID,
    ADD CONSTRAINT element_status_has_a_day CHECK (isfinite(effective_on)) NOT VALID;
CREATE INDEX element_status_by_status ON element_status (project_id, status);
COMMENT ON COLUMN element_status.status IS 'Code of the status. not_started is the same as no row, but for that a part with a row does not inherit its assembly''s.';
COMMENT ON COLUMN element_status.effective_on IS 'Day from which it holds; null where nobody said.';

CREATE TABLE element_status_log (
    project_id   text NOT NULL,
    guid         uuid NOT NULL,
    id           bigint GENERATED ALWAYS AS IDENTITY,
    old_status   text,
    new_status   text,
    effective_on date,
    note         text,
    changed_at   timestamptz NOT NULL DEFAULT now(),
    changed_by   text,
    PRIMARY KEY (project_id, guid, id)
);
CREATE INDEX element_status_log_by_time ON element_status_log (project_id, changed_at);
COMMENT ON TABLE element_status_log IS 'Each change of a status, in order; kept by triggers, and nobody else can write it.';
COMMENT ON COLUMN element_status_log.project_id IS 'Project of the part.';
COMMENT ON COLUMN element_status_log.guid IS 'The part.';
COMMENT ON COLUMN element_status_log.id IS 'Order of the entries.';
COMMENT ON COLUMN element_status_log.old_status IS 'Status before; null where there was none.';
COMMENT ON COLUMN element_status_log.new_status IS 'Status after; null where the row was deleted. The same as before where only effective_on was corrected.';
COMMENT ON COLUMN element_status_log.effective_on IS 'Day from which the new status holds.';
COMMENT ON COLUMN element_status_log.note IS 'Note given with it.';
COMMENT ON COLUMN element_status_log.changed_at IS 'When it was changed.';
COMMENT ON COLUMN element_status_log.changed_by IS 'Who changed it.';

CREATE TABLE status_values (
    project_id text CHECK (project_id <> ''),
    code       text NOT NULL CHECK (code <> ''),
    title      text,
    sort       integer NOT NULL DEFAULT 0,
    weight     double precision CHECK (weight >= 0 AND weight < 'infinity'),
    is_done    boolean NOT NULL DEFAULT false,
    color      text CHECK (color ~ '^(#([0-9A-Fa-f]{3}){1,2}|[A-Za-z]+)$'),
    UNIQUE NULLS NOT DISTINCT (project_id, code)
);
COMMENT ON TABLE status_values IS 'The statuses that there are: those of a project beside those of all. Where any apply to a project, no other can be set in it.';
COMMENT ON COLUMN status_values.project_id IS 'Project that it is for; null: all projects. A project''s own value stands before the common one of the same code.';
COMMENT ON COLUMN status_values.code IS 'What element_status.status holds.';
COMMENT ON COLUMN status_values.title IS 'What people read; null: the code.';
COMMENT ON COLUMN status_values.sort IS 'Order in lists.';
COMMENT ON COLUMN status_values.weight IS 'How much of the work is done, relative to the greatest weight that applies to the project; null: all where is_done, else nothing.';
COMMENT ON COLUMN status_values.is_done IS 'A part with it is done.';
COMMENT ON COLUMN status_values.color IS 'Colour in the viewer: #rrggbb, #rgb or a name of CSS.';

CREATE TABLE project_members (
    project_id text    NOT NULL,
    subject    text    NOT NULL CHECK (subject <> ''),
    can_write  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (project_id, subject)
);
CREATE INDEX project_members_by_subject ON project_members (subject, project_id);
COMMENT ON TABLE project_members IS 'Who sees a project through web_anon and web_user, and who may set statuses in it.';
COMMENT ON COLUMN project_members.project_id IS 'Project.';
COMMENT ON COLUMN project_members.subject IS 'sub or email of the JWT, or * for everybody.';
COMMENT ON COLUMN project_members.can_write IS 'May set statuses as well; for * only whoever the JWT names.';

CREATE TABLE taken_over (
    project_id text,
    guid       uuid NOT NULL,
    status     text CHECK (status <> '' AND length(status) <= 200),
    created_at timestamptz,
    adopted_at timestamptz,
    UNIQUE NULLS NOT DISTINCT (project_id, guid)
);
CREATE INDEX taken_over_unassigned ON taken_over (guid) WHERE project_id IS NULL;
CREATE INDEX taken_over_by_guid ON taken_over (guid);
COMMENT ON TABLE taken_over IS 'Elements of an earlier adapter, as migrate --takeover found them.';
COMMENT ON COLUMN taken_over.project_id IS 'Project; null while it is not known: it is adopted once the guid is in exactly one project.';
COMMENT ON COLUMN taken_over.guid IS 'Guid that it had there.';
COMMENT ON COLUMN taken_over.status IS 'Status that it had there; null where none.';
COMMENT ON COLUMN taken_over.created_at IS 'created_at that it had there; in the view elements it is the beginning.';
COMMENT ON COLUMN taken_over.adopted_at IS 'When its project became known; null where it was from the beginning.';

-- Parts inherit from the assemblies that enclose them.
CREATE INDEX model_elements_by_assembly ON model_elements (project_id, model_id, assembly_guid)
    WHERE assembly_guid IS NOT NULL;
CREATE INDEX model_elements_by_parent ON model_elements (project_id, model_id, parent_guid) WHERE parent_guid IS NOT NULL;

-- Who sees what is in the policies, which are made with the roles. The owner sees all. Staging is not shown to anybody,
-- and COPY does not go with policies.
ALTER TABLE instance ENABLE ROW LEVEL SECURITY;
ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE models ENABLE ROW LEVEL SECURITY;
ALTER TABLE versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_syncs ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_objects ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_elements ENABLE ROW LEVEL SECURITY;
ALTER TABLE element_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE leases ENABLE ROW LEVEL SECURITY;
ALTER TABLE replicas ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbound_notifications ENABLE ROW LEVEL SECURITY;
ALTER TABLE monitoring_snapshots ENABLE ROW LEVEL SECURITY;
ALTER TABLE admin_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE noise_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE purges ENABLE ROW LEVEL SECURITY;
ALTER TABLE attribute_map ENABLE ROW LEVEL SECURITY;
ALTER TABLE element_status ENABLE ROW LEVEL SECURITY;
ALTER TABLE element_status_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE status_values ENABLE ROW LEVEL SECURITY;
ALTER TABLE project_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE taken_over ENABLE ROW LEVEL SECURITY;

-- status_conflicts begins with the first status of a project, and asks what each application since then removed: an entry
-- per status and per removed element, nothing in the way of loads.
CREATE INDEX element_status_by_time ON element_status (project_id, updated_at);
CREATE INDEX model_elements_removed ON model_elements (project_id, model_id, removed_seq) WHERE removed_seq IS NOT NULL;

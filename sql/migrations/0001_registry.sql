-- The instance, the registry and the daemon's bookkeeping.
-- Names are resolved through search_path, which the migrator sets to DB_SCHEMA.

CREATE TABLE instance (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    server_url     text,
    server_id      text,
    schema_version integer NOT NULL DEFAULT 0,
    feed_base      bigint  NOT NULL DEFAULT 0
);
COMMENT ON TABLE instance IS 'One row: which Speckle server this schema belongs to, and where its change feed starts.';
COMMENT ON COLUMN instance.only_row IS 'Holds the table to one row.';
COMMENT ON COLUMN instance.server_url IS 'Canonical address that the Speckle server states of itself; null until the daemon has met it.';
COMMENT ON COLUMN instance.server_id IS 'Identity of the server where it states one beyond its address, else null.';
COMMENT ON COLUMN instance.schema_version IS 'Number of the newest applied migration; a daemon refuses a schema newer than it knows.';
COMMENT ON COLUMN instance.feed_base IS 'Added to a transaction id to give change_pos; raised after a restore or a move, so that positions never repeat.';
INSERT INTO instance DEFAULT VALUES;

CREATE TABLE projects (
    id                 text PRIMARY KEY
        CONSTRAINT projects_id_is_a_speckle_id CHECK (id ~ '^[A-Za-z0-9_-]{1,64}$'),
    name               text,
    description        text,
    enabled            boolean NOT NULL DEFAULT true,
    model_globs        text[] NOT NULL DEFAULT '{*}',
    every_version      boolean NOT NULL DEFAULT false,
    separate_models    text[] NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    state              text NOT NULL DEFAULT 'new'
        CHECK (state IN ('new', 'ok', 'unreadable', 'gone')),
    state_reason       text,
    last_reconciled_at timestamptz
);
COMMENT ON TABLE projects IS 'The registry: one row per followed Speckle project. Insert an id to follow it; the daemon fills in the rest.';
COMMENT ON COLUMN projects.id IS 'Speckle project id (in its old API: stream id).';
COMMENT ON COLUMN projects.name IS 'Name on the server, filled in by the daemon.';
COMMENT ON COLUMN projects.description IS 'Description on the server, filled in by the daemon.';
COMMENT ON COLUMN projects.enabled IS 'False stops following; rows stay.';
COMMENT ON COLUMN projects.model_globs IS 'fnmatch patterns on the full model name, NFC, without case; a leading ! excludes. An empty list follows nothing.';
COMMENT ON COLUMN projects.every_version IS 'True loads each version in order, not only the newest.';
COMMENT ON COLUMN projects.separate_models IS 'Patterns of models that are copies of each other: their guids are kept apart.';
COMMENT ON COLUMN projects.created_at IS 'When the row was registered.';
COMMENT ON COLUMN projects.updated_at IS 'When an administrator last changed the row.';
COMMENT ON COLUMN projects.state IS 'new: not yet read; ok; unreadable: the token may not read it; gone: the server does not know it. Rows stay in each case.';
COMMENT ON COLUMN projects.state_reason IS 'Why the state is not ok, in words; null when it is.';
COMMENT ON COLUMN projects.last_reconciled_at IS 'When the whole project was last compared with the server.';

CREATE FUNCTION announce_registry_change() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM pg_notify('speckle2pg_registry', COALESCE(NEW.id, OLD.id));
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION announce_registry_change() IS 'Tells the daemon that a row of the registry was added, changed or deleted.';

-- The daemon's own writes (name, state, last_reconciled_at) are no change of the registry.
CREATE TRIGGER projects_announce
    AFTER INSERT OR DELETE OR UPDATE OF enabled, model_globs, every_version, separate_models ON projects
    FOR EACH ROW EXECUTE FUNCTION announce_registry_change();

CREATE FUNCTION date_registry_change() RETURNS trigger
LANGUAGE plpgsql AS $function$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$function$;
COMMENT ON FUNCTION date_registry_change() IS 'Keeps updated_at right when an administrator changes a row by plain SQL.';

CREATE TRIGGER projects_date
    BEFORE UPDATE OF enabled, model_globs, every_version, separate_models ON projects
    FOR EACH ROW EXECUTE FUNCTION date_registry_change();

CREATE TABLE models (
    project_id         text NOT NULL,
    id                 text NOT NULL,
    name               text NOT NULL,
    description        text,
    state              text NOT NULL DEFAULT 'active'
        CHECK (state IN ('active', 'excluded', 'deleted')),
    seq                bigint NOT NULL DEFAULT 0,
    version_id         text,
    version_created_at timestamptz,
    element_count      integer NOT NULL DEFAULT 0,
    synced_at          timestamptz,
    source_application text,
    deleted_at         timestamptz,
    PRIMARY KEY (project_id, id)
);
COMMENT ON TABLE models IS 'One row per model, and the cursor: which version its rows show.';
COMMENT ON COLUMN models.project_id IS 'Project of the model.';
COMMENT ON COLUMN models.id IS 'Speckle model id (in its old API: branch id).';
COMMENT ON COLUMN models.name IS 'Full name on the server, with its folders (a/b/c).';
COMMENT ON COLUMN models.description IS 'Description on the server.';
COMMENT ON COLUMN models.state IS 'active; excluded: not matched by model_globs, rows stay but are hidden; deleted on the server.';
COMMENT ON COLUMN models.seq IS 'Number of applications so far; a load commits only if it is the one it planned from.';
COMMENT ON COLUMN models.version_id IS 'Version that the rows show; null when none was applied or the model has none.';
COMMENT ON COLUMN models.version_created_at IS 'Creation time of that version in Speckle.';
COMMENT ON COLUMN models.element_count IS 'Elements present.';
COMMENT ON COLUMN models.synced_at IS 'When that version was committed here.';
COMMENT ON COLUMN models.source_application IS 'Application that published that version, as the server names it.';
COMMENT ON COLUMN models.deleted_at IS 'When the daemon found the model deleted on the server.';

CREATE TABLE versions (
    project_id         text NOT NULL,
    id                 text NOT NULL,
    model_id           text NOT NULL,
    root_object_id     text,
    source_application text,
    author             text,
    message            text,
    created_at         timestamptz NOT NULL,
    announced_at       timestamptz NOT NULL DEFAULT now(),
    announced_by       text,
    state              text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'syncing', 'synced', 'superseded', 'held', 'rejected', 'failed', 'deleted')),
    attempts           integer NOT NULL DEFAULT 0,
    error              text,
    started_at         timestamptz,
    synced_at          timestamptz,
    seq                bigint,
    base_version_id    text,
    added              integer,
    modified           integer,
    removed            integer,
    restored           integer,
    unchanged          integer,
    duplicates         integer,
    objects_fetched    integer,
    bytes_fetched      bigint,
    requests           integer,
    stage_seconds      jsonb,
    decided_by         text,
    decided_at         timestamptz,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX versions_by_model ON versions (project_id, model_id, created_at DESC, id DESC);
CREATE INDEX versions_unfinished ON versions (state, announced_at)
    WHERE state IN ('pending', 'syncing', 'held', 'failed');
COMMENT ON TABLE versions IS 'Every version that the server listed: who announced it, what came of it, what it changed, how long it took.';
COMMENT ON COLUMN versions.project_id IS 'Project of the version.';
COMMENT ON COLUMN versions.id IS 'Speckle version id (in its old API: commit id).';
COMMENT ON COLUMN versions.model_id IS 'Model that holds it now (a version can be moved).';
COMMENT ON COLUMN versions.root_object_id IS 'Root object or bundle reference; null where the server names none.';
COMMENT ON COLUMN versions.source_application IS 'Application that published it.';
COMMENT ON COLUMN versions.author IS 'Name of the author on the server.';
COMMENT ON COLUMN versions.message IS 'Message of the publication.';
COMMENT ON COLUMN versions.created_at IS 'Creation time in Speckle, to the millisecond.';
COMMENT ON COLUMN versions.announced_at IS 'When the daemon first learnt of it.';
COMMENT ON COLUMN versions.announced_by IS 'Which source made the daemon look: subscription, webhook, reconcile, start, registry or admin.';
COMMENT ON COLUMN versions.state IS 'pending, syncing, synced, superseded (never applied), held, rejected, failed, deleted.';
COMMENT ON COLUMN versions.attempts IS 'Attempts to apply it so far.';
COMMENT ON COLUMN versions.error IS 'What went wrong in the last attempt, or why it waits; null after success.';
COMMENT ON COLUMN versions.started_at IS 'When the last attempt began.';
COMMENT ON COLUMN versions.synced_at IS 'When it was committed.';
COMMENT ON COLUMN versions.seq IS 'models.seq that its newest application made.';
COMMENT ON COLUMN versions.base_version_id IS 'Version that the rows showed before.';
COMMENT ON COLUMN versions.added IS 'Elements added, restored ones included; null for a version never applied.';
COMMENT ON COLUMN versions.modified IS 'Elements whose content changed.';
COMMENT ON COLUMN versions.removed IS 'Elements removed.';
COMMENT ON COLUMN versions.restored IS 'Elements that had been removed and came back; part of added.';
COMMENT ON COLUMN versions.unchanged IS 'Elements whose content did not change; added + modified + unchanged is the element count.';
COMMENT ON COLUMN versions.duplicates IS 'Elements that share an applicationId with another one of other content.';
COMMENT ON COLUMN versions.objects_fetched IS 'Objects downloaded for it.';
COMMENT ON COLUMN versions.bytes_fetched IS 'Bytes of objects downloaded for it, uncompressed.';
COMMENT ON COLUMN versions.requests IS 'Object requests made for it.';
COMMENT ON COLUMN versions.stage_seconds IS 'Seconds per stage: {"plan": s, "fetch": s, "extract": s, "load": s}.';
COMMENT ON COLUMN versions.decided_by IS 'Who approved or rejected it.';
COMMENT ON COLUMN versions.decided_at IS 'When it was approved or rejected.';

CREATE TABLE model_syncs (
    project_id text NOT NULL,
    model_id   text NOT NULL,
    seq        bigint NOT NULL,
    version_id text,
    synced_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, model_id, seq)
);
COMMENT ON TABLE model_syncs IS 'Each application of a version to a model, in order.';
COMMENT ON COLUMN model_syncs.project_id IS 'Project of the model.';
COMMENT ON COLUMN model_syncs.model_id IS 'Model that was changed.';
COMMENT ON COLUMN model_syncs.seq IS 'Number of the application, from 1.';
COMMENT ON COLUMN model_syncs.version_id IS 'Version applied; null where the model had none left.';
COMMENT ON COLUMN model_syncs.synced_at IS 'When it was committed.';

CREATE TABLE sync_requests (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id   text NOT NULL,
    model_id     text,
    cause        text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    requested_by text,
    handled_at   timestamptz,
    result       jsonb
);
CREATE INDEX sync_requests_open ON sync_requests (project_id, id) WHERE handled_at IS NULL;
COMMENT ON TABLE sync_requests IS 'Requests to look at a project or a model that were accepted and must survive the daemon.';
COMMENT ON COLUMN sync_requests.id IS 'Order of acceptance.';
COMMENT ON COLUMN sync_requests.project_id IS 'Project to look at.';
COMMENT ON COLUMN sync_requests.model_id IS 'Model to look at; null for the whole project.';
COMMENT ON COLUMN sync_requests.cause IS 'What asked for it: webhook or admin.';
COMMENT ON COLUMN sync_requests.requested_at IS 'When it was accepted.';
COMMENT ON COLUMN sync_requests.requested_by IS 'Who asked, where known.';
COMMENT ON COLUMN sync_requests.handled_at IS 'When the worker had looked; null while open.';
COMMENT ON COLUMN sync_requests.result IS 'What came of it.';

CREATE TABLE leases (
    project_id   text PRIMARY KEY,
    replica_id   text,
    epoch        bigint NOT NULL DEFAULT 0,
    acquired_at  timestamptz,
    heartbeat_at timestamptz
);
CREATE INDEX leases_by_replica ON leases (replica_id);
COMMENT ON TABLE leases IS 'Which replica serves a project; the epoch fences a former holder out of the load transaction.';
COMMENT ON COLUMN leases.project_id IS 'Project, or the name of a piece of work that only one replica does.';
COMMENT ON COLUMN leases.replica_id IS 'Holder; null when free.';
COMMENT ON COLUMN leases.epoch IS 'Raised at each change of holder.';
COMMENT ON COLUMN leases.acquired_at IS 'When the holder took it, by the database''s clock.';
COMMENT ON COLUMN leases.heartbeat_at IS 'When the holder last renewed it, by the database''s clock.';

CREATE TABLE replicas (
    id           text PRIMARY KEY,
    hostname     text,
    version      text,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE replicas IS 'The running daemons that share the projects.';
COMMENT ON COLUMN replicas.id IS 'Unique per process.';
COMMENT ON COLUMN replicas.hostname IS 'Machine it runs on.';
COMMENT ON COLUMN replicas.version IS 'Version of speckle2pg.';
COMMENT ON COLUMN replicas.started_at IS 'When it started, by the database''s clock.';
COMMENT ON COLUMN replicas.heartbeat_at IS 'When it was last alive, by the database''s clock.';

CREATE TABLE outbound_notifications (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    idempotency_key uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    url             text NOT NULL,
    project_id      text NOT NULL,
    model_id        text,
    version_id      text,
    payload         jsonb NOT NULL,
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    error           text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    delivered_at    timestamptz
);
CREATE INDEX outbound_notifications_due ON outbound_notifications (next_attempt_at) WHERE state = 'pending';
COMMENT ON TABLE outbound_notifications IS 'Signed POSTs to NOTIFY_URLS: what waits, what was delivered, what was given up.';
COMMENT ON COLUMN outbound_notifications.id IS 'Order of creation.';
COMMENT ON COLUMN outbound_notifications.idempotency_key IS 'Sent as X-Idempotency-Key, the same in each attempt.';
COMMENT ON COLUMN outbound_notifications.url IS 'Receiver.';
COMMENT ON COLUMN outbound_notifications.project_id IS 'Project of the version.';
COMMENT ON COLUMN outbound_notifications.model_id IS 'Model of the version.';
COMMENT ON COLUMN outbound_notifications.version_id IS 'Version that it tells of.';
COMMENT ON COLUMN outbound_notifications.payload IS 'Body as sent.';
COMMENT ON COLUMN outbound_notifications.state IS 'pending, delivered, dead.';
COMMENT ON COLUMN outbound_notifications.attempts IS 'Attempts so far.';
COMMENT ON COLUMN outbound_notifications.next_attempt_at IS 'When the next attempt is due.';
COMMENT ON COLUMN outbound_notifications.error IS 'What the last attempt met.';
COMMENT ON COLUMN outbound_notifications.created_at IS 'When it was written, with the version''s own transaction.';
COMMENT ON COLUMN outbound_notifications.delivered_at IS 'When the receiver accepted it.';

CREATE TABLE monitoring_snapshots (
    taken_at timestamptz PRIMARY KEY DEFAULT now(),
    body     jsonb NOT NULL
);
COMMENT ON TABLE monitoring_snapshots IS 'The daemon''s health over time, for platforms without Prometheus.';
COMMENT ON COLUMN monitoring_snapshots.taken_at IS 'When it was taken.';
COMMENT ON COLUMN monitoring_snapshots.body IS 'Lag, channels, queues and counts at that moment.';

CREATE TABLE admin_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,
    action     text NOT NULL,
    project_id text,
    subject    text,
    details    jsonb
);
CREATE INDEX admin_log_by_time ON admin_log (at);
COMMENT ON TABLE admin_log IS 'What administrators did through the commands and the API.';
COMMENT ON COLUMN admin_log.id IS 'Order of entry.';
COMMENT ON COLUMN admin_log.at IS 'When.';
COMMENT ON COLUMN admin_log.actor IS 'Who: the system user of a command, or the subject of a token.';
COMMENT ON COLUMN admin_log.action IS 'What was done, as command or route.';
COMMENT ON COLUMN admin_log.project_id IS 'Project concerned, if one.';
COMMENT ON COLUMN admin_log.subject IS 'What else was concerned: a model, a version.';
COMMENT ON COLUMN admin_log.details IS 'Arguments, without secrets.';

-- yoyo made these just before.
COMMENT ON TABLE speckle2pg_migrations IS 'The applied migrations of this schema, kept by yoyo.';
COMMENT ON TABLE speckle2pg_migrations_log IS 'Which migration was applied when and by whom, kept by yoyo.';
COMMENT ON TABLE speckle2pg_migrations_version IS 'Version of the form of the two other tables, kept by yoyo.';

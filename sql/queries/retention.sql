-- name: old_history
-- How many former images ended before the state that was shown some days ago, which stays the oldest that can be told.
WITH kept AS (
    SELECT s.project_id, s.model_id, max(s.seq) AS seq
    FROM model_syncs AS s
    WHERE s.synced_at <= now() - make_interval(days => %(days)s)
    GROUP BY s.project_id, s.model_id
)
SELECT count(*) AS images
FROM models AS m
LEFT JOIN kept AS k ON k.project_id = m.project_id AND k.model_id = m.id
JOIN element_history AS h
  ON h.project_id = m.project_id AND h.model_id = m.id AND h.to_seq <= greatest(m.history_seq, k.seq);

-- name: shorten_history
-- From now on nobody is told anything older; only then it is deleted.
UPDATE models AS m
SET history_seq = k.seq
FROM (
    SELECT s.project_id, s.model_id, max(s.seq) AS seq
    FROM model_syncs AS s
    WHERE s.synced_at <= now() - make_interval(days => %(days)s)
    GROUP BY s.project_id, s.model_id
) AS k
WHERE m.project_id = k.project_id AND m.id = k.model_id AND m.history_seq < k.seq;

-- name: drop_old_history
-- Some of the former images that nobody is told of any more.
DELETE FROM element_history AS h
USING (
    SELECT o.project_id, o.model_id, o.guid, o.from_seq
    FROM models AS m
    JOIN element_history AS o
      ON o.project_id = m.project_id AND o.model_id = m.id AND o.to_seq <= m.history_seq
    LIMIT %(rows)s
) AS old
WHERE h.project_id = old.project_id AND h.model_id = old.model_id AND h.guid = old.guid AND h.from_seq = old.from_seq;

-- name: old_events
-- How many rows of the daemon's own records are older than some days; what is still to be done has no age.
SELECT (SELECT count(*) FROM sync_requests WHERE handled_at < t.oldest) AS requests,
       (SELECT count(*) FROM outbound_notifications WHERE state <> 'pending' AND created_at < t.oldest) AS notifications,
       (SELECT count(*) FROM admin_log WHERE at < t.oldest) AS log_entries,
       (SELECT count(*) FROM monitoring_snapshots WHERE taken_at < t.oldest) AS snapshots
FROM (SELECT now() - make_interval(days => %(days)s)) AS t (oldest);

-- name: drop_old_requests
-- Some of the requests that were handled long ago.
DELETE FROM sync_requests
WHERE id IN (
    SELECT id FROM sync_requests WHERE handled_at < now() - make_interval(days => %(days)s) LIMIT %(rows)s);

-- name: drop_old_notifications
-- Some of the notifications that were delivered or given up long ago.
DELETE FROM outbound_notifications
WHERE id IN (
    SELECT id FROM outbound_notifications
    WHERE state <> 'pending' AND created_at < now() - make_interval(days => %(days)s)
    LIMIT %(rows)s);

-- name: drop_old_log_entries
-- Some of the old entries of the administrators' log.
DELETE FROM admin_log
WHERE id IN (SELECT id FROM admin_log WHERE at < now() - make_interval(days => %(days)s) LIMIT %(rows)s);

-- name: drop_old_snapshots
-- Some of the old snapshots of the daemon's health.
DELETE FROM monitoring_snapshots
WHERE taken_at IN (
    SELECT taken_at FROM monitoring_snapshots WHERE taken_at < now() - make_interval(days => %(days)s) LIMIT %(rows)s);

-- name: purge_elements
-- All elements of a project, removed ones too.
DELETE FROM model_elements WHERE project_id = %(project_id)s;

-- name: purge_history
-- All former images of a project's elements.
DELETE FROM element_history WHERE project_id = %(project_id)s;

-- name: purge_tree
-- The object trees of a project's models.
DELETE FROM model_objects WHERE project_id = %(project_id)s;

-- name: purge_applications
-- What was applied to a project's models.
DELETE FROM model_syncs WHERE project_id = %(project_id)s;

-- name: purge_versions
-- A project's versions.
DELETE FROM versions WHERE project_id = %(project_id)s;

-- name: purge_models
-- A project's models.
DELETE FROM models WHERE project_id = %(project_id)s;

-- name: purge_requests
-- Requests to look at a project.
DELETE FROM sync_requests WHERE project_id = %(project_id)s;

-- name: purge_notifications
-- Notifications of a project's versions, delivered or not.
DELETE FROM outbound_notifications WHERE project_id = %(project_id)s;

-- name: record_purge
-- Tells the consumers of the change feed to drop what they hold of the project.
INSERT INTO purges (change_pos, project_id, purged_by)
SELECT next_position(), %(project_id)s, %(purged_by)s;

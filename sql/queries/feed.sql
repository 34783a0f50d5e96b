-- name: rebase_feed
-- After a restore or a move, raises the base of the feed before there is work. Loads would do it as well, but then those
-- that come at once wait for the first.
SELECT next_position();

-- name: feed_stall
-- Seconds since the oldest committed change that no consumer of the feed can have yet, because a transaction that began
-- before it is still open.
SELECT COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(s.synced_at)), 0)::double precision AS seconds
FROM feed_bounds() AS b
JOIN model_syncs AS s ON s.change_pos >= b.settled;

-- How capture and relay do.

-- name: outbox
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(o.edited_at)), 0)::float8
FROM (SELECT edited_at FROM twinledger.outbox ORDER BY id LIMIT %(limit)s) AS o

-- name: relay
-- The session that holds the relay's advisory lock; a bigint key stands in two columns ("pg_locks")
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_database AS d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND (l.classid::bigint << 32) | l.objid::bigint = %(key)s
)

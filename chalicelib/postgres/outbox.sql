-- The outbox as the relay sees it.

-- name: listen
LISTEN {channel}

-- name: try_lock
SELECT pg_try_advisory_lock(%(key)s)

-- name: unlock
SELECT pg_advisory_unlock(%(key)s)

-- name: hand_over
SELECT pg_advisory_unlock(%(key)s), pg_notify(%(channel)s, '')

-- name: next
SELECT s.xmin, o.id, o.table_name, o.pk, o.change, o.sfid, o.actor, o.at, o.told, o.bulk
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin) AS s
LEFT JOIN LATERAL (
    SELECT o.id, o.table_name, o.pk, o.change, o.sfid, extract(epoch FROM o.edited_at)::float8 AS at,
           CASE WHEN o.origin IS NULL THEN coalesce(o.actor, o.role) END AS actor,
           -- A database that was restored, or failed over, gives ids anew that the lost one had given and sent
           o.id || '-' || (extract(epoch FROM o.edited_at) * 1000000)::bigint AS told,
           o.bulk
    FROM (
        (SELECT o.* FROM twinledger.outbox AS o
         WHERE NOT o.bulk AND o.id > %(floor)s AND o.id <> ALL(%(known)s::bigint[])
         ORDER BY o.id LIMIT %(limit)s)
        UNION ALL
        (SELECT o.* FROM twinledger.outbox AS o
         WHERE o.bulk AND o.id > %(floor)s AND o.id <> ALL(%(known)s::bigint[])
         ORDER BY o.id LIMIT %(bulk)s)
    ) AS o
) AS o ON true
ORDER BY o.id

-- name: new_transaction_id
SELECT pg_current_xact_id()::text::bigint

-- name: delete
DELETE FROM twinledger.outbox WHERE id = ANY(%(ids)s)

-- name: depth
SELECT count(*) FROM (SELECT FROM twinledger.outbox LIMIT %(limit)s) AS o

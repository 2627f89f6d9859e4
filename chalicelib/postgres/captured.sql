-- What was captured and not relayed: the edits since a restore, for the relay has not been at work since.

-- name: changes
-- Our own writes are no edits: of a row that they made or deleted nothing is told either
SELECT w.n, o.change, o.old, o.edited_at > to_timestamp(%(since)s) AS later
FROM unnest(%(n)s::int[], %(pk)s::jsonb[]) AS w (n, pk)
JOIN twinledger.outbox AS o ON o.table_name = %(table)s AND o.pk = w.pk AND o.origin IS NULL
ORDER BY o.id

-- name: values
-- Texts of columns as the values that they were, in the form in which rows are read
SELECT w.n, (SELECT row_to_json(r)::text FROM (SELECT {columns}) AS r) AS state, {unlinked}::text AS unlinked
FROM unnest(%(n)s::int[], %(old)s::jsonb[]) AS w (n, old)
CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, w.old) AS t
{parents}

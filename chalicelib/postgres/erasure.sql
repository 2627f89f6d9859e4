-- What the database holds of a record that is gone, beside the user's own tables.

-- name: waiting
-- Captured changes that no relay has sent yet; they hold values
SELECT count(*) FROM twinledger.outbox AS o WHERE o.table_name = %(table)s AND o.pk = %(pk)s::jsonb

-- name: forget
DELETE FROM twinledger.marker AS m WHERE m.key = %(key)s

-- name: forget_edits
DELETE FROM twinledger.edit AS e WHERE e.table_name = %(table)s AND e.pk = %(pk)s::jsonb

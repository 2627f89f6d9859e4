-- Reads and conditional writes of rows, composed for each mapping.

-- name: begin
-- Named, since a database may default to another level: each statement must see what was committed before it
BEGIN ISOLATION LEVEL READ COMMITTED

-- name: begin_read
BEGIN READ ONLY

-- name: commit
COMMIT

-- name: rollback
ROLLBACK

-- name: read_settings
-- row_security off: a policy that would hide rows from us raises an error, where hidden rows would look deleted
SELECT set_config('statement_timeout', %(statement_timeout)s, true), set_config('row_security', 'off', true)

-- name: write_settings
SELECT set_config('statement_timeout', %(statement_timeout)s, true),
       set_config('lock_timeout', %(lock_timeout)s, true),
       set_config('idle_in_transaction_session_timeout', %(idle_timeout)s, true),
       set_config('twinledger.origin', %(operation)s, true),
       set_config('twinledger.captured', %(captured)s, true)

-- name: read
SELECT w.n, t.pk, t.sfid, t.state, t.unlinked, t.inside, m.operation, m.stored::text AS stored
FROM unnest(%(n)s::int[], %(record_key)s::text[], %(sfid)s::text[], {key_arrays}) AS w (n, record_key, sfid, {key_names})
LEFT JOIN LATERAL (
    SELECT {pk} AS pk,
           nullif(t.sfid::text, '') AS sfid,
           (SELECT row_to_json(r)::text FROM (SELECT {columns}) AS r) AS state,
           {unlinked}::text AS unlinked,
           {inside} AS inside
    FROM (
        SELECT t.* FROM {table} AS t WHERE {by_key}
        UNION ALL
        SELECT t.* FROM {table} AS t WHERE w.k0 IS NULL AND {by_link}
        LIMIT 1
    ) AS t
    {parents}
) AS t ON true
LEFT JOIN twinledger.marker AS m ON m.key = w.record_key

-- name: by_link
-- Users write an id as its 15 characters too, and some tools fold its case, which the last three tell. The second part
-- minds case where the column's collation does not; the first one alone has the index
{column} = ANY (ARRAY[{id}, left({id}, 15), upper({id}), lower({id})])
    AND {column}::text COLLATE "C" = ANY (ARRAY[{id}, left({id}, 15), upper({id}), lower({id})])

-- name: match
-- The filter is the mapping's own; LIMIT 2: a second row tells that the values identify nothing
SELECT w.n, f.pk, f.sfid, f.state, f.unlinked, true AS inside
FROM unnest(%(n)s::int[], {arrays}) AS w (n, {names})
CROSS JOIN LATERAL (
    SELECT {pk} AS pk,
           nullif(t.sfid::text, '') AS sfid,
           (SELECT row_to_json(r)::text FROM (SELECT {columns}) AS r) AS state,
           {unlinked}::text AS unlinked
    FROM (SELECT * FROM {table} AS {alias} WHERE ({condition})) AS t
    {parents}
    WHERE {by_match}
    LIMIT 2
) AS f

-- name: inside
-- The filter is the mapping's own, and as in a WHERE clause null does not match
(SELECT ({condition}) IS TRUE FROM (SELECT t.*) AS {alias})

-- name: parent_join
LEFT JOIN {table} AS {alias} ON {alias}.{key} = t.{column}

-- name: unlinked
jsonb_strip_nulls(jsonb_build_object({pairs}))

-- name: unlinked_pair
{field_name}, CASE WHEN nullif({alias}.sfid, '') IS NULL THEN {parent_key} END

-- name: nothing_unlinked
NULL

-- name: unlinked_name
CASE WHEN t.{column} IS NOT NULL AND nullif({alias}.sfid, '') IS NULL THEN {field_name} ELSE '' END

-- name: lock
-- FOR NO KEY UPDATE shuts out every other writer of the row, but not the insert of a child that names it
SELECT FROM {table} AS t WHERE {by_pk} FOR NO KEY UPDATE OF t

-- name: lock_for_delete
SELECT FROM {table} AS t WHERE {by_pk} FOR UPDATE OF t

-- name: lock_link
-- Serialises our own creates where the table has no unique index on sfid alone, as on a partitioned table
SELECT pg_advisory_xact_lock(hashtextextended('twinledger ' || %(table)s || ' ' || %(sfid)s, 0))

-- name: lock_parent
-- FOR KEY SHARE: the parent can neither go nor change its link before we commit
SELECT %(field)s AS field, {key} AS key FROM {table} AS t WHERE {by_link} LIMIT 1 FOR KEY SHARE OF t

-- name: children
-- Under the lock for the delete: whoever wants to refer to the row from now on waits for its end
(SELECT {place} AS n, {pk} AS pk, t.sfid::text AS sfid FROM {table} AS t
 WHERE t.{column} = {key} AND NOT ({itself}) ORDER BY {order} LIMIT 100)

-- name: update
UPDATE {table} AS t SET {assignments} WHERE {by_pk}

-- name: insert
INSERT INTO {table} AS t ({columns}) OVERRIDING SYSTEM VALUE VALUES ({values}) RETURNING {pk} AS pk

-- name: insert_defaults
INSERT INTO {table} AS t DEFAULT VALUES RETURNING {pk} AS pk

-- name: delete
DELETE FROM {table} AS t WHERE {by_pk}

-- name: immediate
-- The user's deferred triggers and constraints run now, so that the read-back sees what they do
SET CONSTRAINTS ALL IMMEDIATE

-- name: mark
INSERT INTO twinledger.marker (key, operation, stored)
SELECT %(record_key)s, %(operation)s,
       CASE WHEN t.{first_key} IS NULL THEN '{{}}'::jsonb
            ELSE (SELECT to_jsonb(r) FROM (SELECT {columns}) AS r) - ARRAY[{unlinked_names}]::text[] END
FROM (VALUES (1)) AS one (n) LEFT JOIN {table} AS t ON {by_pk} {parents}
ON CONFLICT (key) DO UPDATE
SET operation = EXCLUDED.operation, stored = EXCLUDED.stored, written_at = EXCLUDED.written_at

-- name: mark_deleted
-- Not where a trigger of the table kept the row
INSERT INTO twinledger.marker (key, operation, stored)
SELECT %(record_key)s, %(operation)s, '{{}}'
WHERE NOT EXISTS (SELECT FROM {table} AS t WHERE {by_pk})
ON CONFLICT (key) DO UPDATE
SET operation = EXCLUDED.operation, stored = EXCLUDED.stored, written_at = EXCLUDED.written_at

-- name: constraint_columns
-- A unique index that is no constraint is found by its index; on a partition the names are the partition's own
SELECT array_agg(a.attname::text)
FROM pg_catalog.pg_class AS r
JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
JOIN LATERAL (
    SELECT unnest(c.conkey) AS attnum FROM pg_catalog.pg_constraint AS c
    WHERE c.conrelid = r.oid AND c.conname = %(constraint)s
    UNION
    SELECT unnest(i.indkey::smallint[]) FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
    WHERE i.indrelid = r.oid AND x.relname = %(constraint)s
) AS k ON true
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum = k.attnum
WHERE n.nspname = %(schema)s AND r.relname = %(table)s

-- name: edited_at
SELECT extract(epoch FROM max(e.edited_at))::float8
FROM twinledger.edit AS e
WHERE e.table_name = %(table)s AND e.pk = %(pk)s::jsonb AND e.column_name = ANY(%(columns)s)

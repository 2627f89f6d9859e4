-- What the database says of its tables.

-- name: tables
-- Every table of the user's that the role may read
SELECT n.nspname || '.' || c.relname
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND has_table_privilege(c.oid, 'SELECT')
  AND n.nspname NOT IN ('information_schema', 'twinledger') AND n.nspname NOT LIKE 'pg\_%%'
ORDER BY 1

-- name: columns
SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
       a.attgenerated <> '', a.atthasdef OR a.attidentity <> ''
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND n.nspname || '.' || c.relname = ANY(%(tables)s)
ORDER BY c.oid, a.attnum

-- name: primary_keys
SELECT n.nspname || '.' || c.relname, array_agg(a.attname::text ORDER BY k.place)
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place) ON true
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE i.indisprimary AND n.nspname || '.' || c.relname = ANY(%(tables)s)
GROUP BY 1

-- name: foreign_keys
SELECT n.nspname || '.' || c.relname, a.attname, fn.nspname || '.' || fc.relname, fa.attname
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
JOIN pg_catalog.pg_class AS fc ON fc.oid = k.confrelid
JOIN pg_catalog.pg_namespace AS fn ON fn.oid = fc.relnamespace
JOIN pg_catalog.pg_attribute AS fa ON fa.attrelid = fc.oid AND fa.attnum = k.confkey[1]
WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND n.nspname || '.' || c.relname = ANY(%(tables)s)
ORDER BY k.oid DESC  -- of two on one column the older one counts

-- name: indexed
SELECT DISTINCT n.nspname || '.' || c.relname, a.attname
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE i.indisvalid AND i.indpred IS NULL AND n.nspname || '.' || c.relname = ANY(%(tables)s)

-- name: relations
SELECT n.nspname || '.' || c.relname,
       c.relkind = 'p',
       (SELECT coalesce(array_agg(ln.nspname || '.' || l.relname ORDER BY l.oid), '{{}}')
        FROM pg_catalog.pg_partition_tree(c.oid) AS t
        JOIN pg_catalog.pg_class AS l ON l.oid = t.relid AND l.oid <> c.oid
        JOIN pg_catalog.pg_namespace AS ln ON ln.oid = l.relnamespace),
       EXISTS (SELECT FROM pg_catalog.pg_index AS i
               JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
               WHERE i.indrelid = c.oid AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL
                 AND (i.indisunique OR c.relkind = 'p') AND a.attname = 'sfid'),
       (SELECT array_agg(obj_description(p.oid, 'pg_proc'))
        FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
        JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.pronamespace
        WHERE t.tgrelid = c.oid AND t.tgname IN ('twinledger_capture', 'twinledger_capture_update')
          AND t.tgenabled <> 'D' AND pn.nspname = 'twinledger')
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname || '.' || c.relname = ANY(%(tables)s)

-- name: captured
-- Every table with a trigger of ours; a partition's row triggers go with their parent's
SELECT n.nspname || '.' || c.relname, array_agg(t.tgname::text ORDER BY t.tgname)
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.pronamespace AND pn.nspname = 'twinledger'
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE t.tgparentid = 0
GROUP BY 1

-- name: lanes_there
-- Whether the outbox tells bulk from live; one that is not there needs no mending
SELECT to_regclass('twinledger.outbox') IS NULL OR to_regclass('twinledger.outbox_live') IS NOT NULL

-- name: schema_there
SELECT count(*) = 5 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'twinledger' AND c.relkind = 'r'
  AND c.relname IN ('installation', 'link', 'outbox', 'marker', 'edit')

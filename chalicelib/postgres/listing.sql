-- All rows of a mapping, a page at a time, in the order of their keys.

-- name: page
-- The filter is the mapping's own
SELECT {pk} AS pk, nullif(t.sfid::text, '') AS sfid
FROM (SELECT * FROM {table} AS {alias} WHERE ({condition})) AS t
WHERE {after}
ORDER BY {keys}
LIMIT %(page)s

-- name: after
({keys}) > ({last})

-- name: count
SELECT count(*) FROM (SELECT FROM {table} AS {alias} WHERE ({condition})) AS t

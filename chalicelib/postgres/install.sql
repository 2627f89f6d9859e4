-- What installing and uninstalling does to the mapped tables.

-- name: lock_timeout
-- A statement that cannot have its lock soon gives up, since everybody else queues behind it
SET LOCAL lock_timeout = {timeout}

-- name: add_column
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS sfid varchar(18)

-- name: note_column
INSERT INTO twinledger.link (table_name, added_column) VALUES ({table_name}, true)
ON CONFLICT (table_name) DO UPDATE SET added_column = true

-- name: drop_index
DROP INDEX CONCURRENTLY IF EXISTS {index}

-- name: add_unique_index
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} (sfid)

-- name: add_index
CREATE INDEX IF NOT EXISTS {name} ON {table} (sfid)

-- name: note_index
INSERT INTO twinledger.link (table_name, added_index) VALUES ({table_name}, {index})
ON CONFLICT (table_name) DO UPDATE SET added_index = EXCLUDED.added_index

-- name: drop_trigger
DROP TRIGGER IF EXISTS {trigger} ON {table}

-- name: links
SELECT table_name, added_column, added_index FROM twinledger.link ORDER BY table_name

-- name: drop_added_index
DROP INDEX IF EXISTS {index}

-- name: drop_column
ALTER TABLE IF EXISTS {table} DROP COLUMN IF EXISTS sfid

-- name: drop_schema
DROP SCHEMA IF EXISTS twinledger CASCADE

-- name: read_only
SET TRANSACTION READ ONLY

-- name: pin_search_path
SET LOCAL search_path = pg_catalog, pg_temp

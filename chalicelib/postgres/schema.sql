-- Everything that Twinledger keeps in the user's database, beside one column in each mapped table.

-- name: schema
CREATE SCHEMA IF NOT EXISTS twinledger

-- name: schema_comment
COMMENT ON SCHEMA twinledger IS 'Twinledger: sync with Salesforce. Remove with: python manage.py uninstall'

-- name: installation
CREATE TABLE IF NOT EXISTS twinledger.installation (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    identity uuid NOT NULL DEFAULT gen_random_uuid(),  -- tells this database from another with the same name
    installed_at timestamptz NOT NULL DEFAULT now()
)

-- name: installation_row
INSERT INTO twinledger.installation DEFAULT VALUES ON CONFLICT DO NOTHING

-- name: link
CREATE TABLE IF NOT EXISTS twinledger.link (  -- what the installation added to a mapped table, and takes away again
    table_name text PRIMARY KEY,
    added_column boolean NOT NULL DEFAULT false,
    added_index text  -- schema-qualified and quoted
)

-- name: outbox
CREATE TABLE IF NOT EXISTS twinledger.outbox (
    -- CACHE 1: the row lock of the edited row then makes the order of ids the order of commits, per row
    id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    table_name text NOT NULL,
    pk jsonb,  -- array of text, in the mapping's order; null for a TRUNCATE
    change text NOT NULL,  -- created, updated, deleted, truncated
    sfid text,
    old jsonb,  -- mapped columns that changed, as text
    new jsonb,
    role text NOT NULL,  -- after SET ROLE; else the session's user
    session_role text NOT NULL,
    application text,
    actor text,  -- the setting twinledger.actor, which an application may set to its own user
    origin text,  -- operation id of a write of ours, in whose transaction this happened
    edited_at timestamptz NOT NULL,  -- clock time while the row lock was held
    bulk boolean NOT NULL DEFAULT false  -- one of so many of its transaction that nobody waits for it
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)

-- name: outbox_start
-- No id comes twice in a database, uninstalled or not: a relay may still hold the ids of the outbox before this one, and
-- delete by them. Ids begin at the time in microseconds, which no outbox ever catches up with.
SELECT setval(pg_get_serial_sequence('twinledger.outbox', 'id'), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)

-- name: outbox_bulk
-- Of an installation from before there were two lanes
ALTER TABLE twinledger.outbox ADD COLUMN IF NOT EXISTS bulk boolean NOT NULL DEFAULT false

-- name: outbox_live
-- Rows that somebody waits for are found beside a hundred thousand others
CREATE INDEX IF NOT EXISTS outbox_live ON twinledger.outbox (id) WHERE NOT bulk

-- name: marker
CREATE TABLE IF NOT EXISTS twinledger.marker (
    key text COLLATE "C" PRIMARY KEY,  -- record key
    operation text NOT NULL,
    stored jsonb NOT NULL,  -- mapped columns at the end of that transaction, by Salesforce field name
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
)

-- name: edit
CREATE TABLE IF NOT EXISTS twinledger.edit (  -- when users last changed a column whose policy is newest_wins
    table_name text NOT NULL,
    pk jsonb NOT NULL,
    column_name text NOT NULL,
    edited_at timestamptz NOT NULL,
    actor text,
    PRIMARY KEY (table_name, pk, column_name)
)

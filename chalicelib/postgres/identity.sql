-- Which database this is.

-- name: database
-- A restored dump keeps the identity, but its rows were written by another transaction, mostly in another database
SELECT concat_ws('.', i.identity, d.oid, i.xmin)
FROM twinledger.installation AS i, pg_catalog.pg_database AS d
WHERE d.datname = current_database()

-- name: cluster
-- A new cluster has another system identifier; a base backup that was recovered, and a standby that was promoted, has a
-- timeline of its own ("System Information Functions", "Backup Control Functions")
SELECT concat_ws('.', c.system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8)) FROM pg_control_system() AS c

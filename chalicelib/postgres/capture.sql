-- Capture: a function and triggers for each mapped table, generated from its mapped columns.
--
-- The triggers are AFTER ROW: a BEFORE trigger also fires for an INSERT ... ON CONFLICT DO NOTHING that does nothing, and
-- a statement trigger would have to join old and new rows by a key that may have changed. They are ordinary (ORIGIN)
-- triggers: a replica that applies this database's changes gets the outbox with them, and must not write it twice.

-- name: function
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS {body}

-- name: function_comment
COMMENT ON FUNCTION {function}() IS {comment}

-- name: function_rights
REVOKE ALL ON FUNCTION {function}() FROM PUBLIC

-- name: body
DECLARE
    origin_ text := nullif(current_setting('twinledger.origin', true), '');
    role_ text := CASE current_setting('role') WHEN 'none' THEN session_user::text ELSE current_setting('role') END;
    actor_ text := nullif(current_setting('twinledger.actor', true), '');
    now_ timestamptz := clock_timestamp();  -- taken under the row's lock, so it grows from edit to edit of a row
    old_ jsonb := '{{}}';
    new_ jsonb := '{{}}';
BEGIN
    {filter}
    IF TG_OP = 'UPDATE' AND {same_key} THEN
        {changes}
        INSERT INTO twinledger.outbox
            (table_name, pk, change, sfid, old, new, role, session_role, application, actor, origin, edited_at)
        VALUES ({table_name}, {new_key}, 'updated', NEW.sfid, old_, new_, role_, session_user,
                current_setting('application_name'), actor_, origin_, now_);
    ELSE  -- a changed key is the deletion of one row and the creation of another
        IF TG_OP <> 'INSERT' THEN
            {forget_edits}
            INSERT INTO twinledger.outbox
                (table_name, pk, change, sfid, old, role, session_role, application, actor, origin, edited_at)
            VALUES ({table_name}, {old_key}, 'deleted', OLD.sfid, {all_old}, role_, session_user,
                    current_setting('application_name'), actor_, origin_, now_);
        END IF;
        IF TG_OP <> 'DELETE' THEN
            {note_created}
            INSERT INTO twinledger.outbox
                (table_name, pk, change, sfid, new, role, session_role, application, actor, origin, edited_at)
            VALUES ({table_name}, {new_key}, 'created', NEW.sfid, {all_new}, role_, session_user,
                    current_setting('application_name'), actor_, origin_, now_);
        END IF;
    END IF;
    {wake}
    RETURN NULL;
END

-- name: wake
-- A NOTIFY holds a lock of the whole database through the commit. It is sent only while the relay sleeps, which it
-- does under the exclusive form of this lock; a transaction that was silent keeps the relay from falling asleep.
IF NOT pg_try_advisory_xact_lock_shared({drain_key}) THEN
        PERFORM pg_notify({channel}, '');
    END IF;

-- name: filter
DECLARE
        inside boolean := false;
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            SELECT ({condition}) INTO inside FROM (SELECT OLD.*) AS {alias};
        END IF;
        IF TG_OP <> 'DELETE' AND inside IS NOT TRUE THEN
            SELECT ({condition}) INTO inside FROM (SELECT NEW.*) AS {alias};
        END IF;
        IF inside IS NOT TRUE THEN
            RETURN NULL;  -- neither before nor after a row of the mapping
        END IF;
    END;

-- name: filter_check
-- The filter as the trigger will see it; on a table that no user is kept waiting for
SELECT ({condition}) FROM {table} AS {alias} LIMIT 0

-- name: change
IF {changed} THEN
            old_ := old_ || jsonb_build_object({name}, {old});
            new_ := new_ || jsonb_build_object({name}, {new});
            {note}
        END IF;

-- name: note_edit
IF origin_ IS NULL THEN
            INSERT INTO twinledger.edit (table_name, pk, column_name, edited_at, actor)
            VALUES ({table_name}, {new_key}, {name}, now_, coalesce(actor_, role_))
            ON CONFLICT (table_name, pk, column_name) DO UPDATE
            SET edited_at = greatest(edit.edited_at, EXCLUDED.edited_at), actor = EXCLUDED.actor;
        END IF;

-- name: note_created_edit
IF {new} IS NOT NULL THEN
            {note}
        END IF;

-- name: forget_edits
DELETE FROM twinledger.edit AS e WHERE e.table_name = {table_name} AND e.pk = {old_key};

-- name: comparable
OLD.{column} IS DISTINCT FROM NEW.{column}

-- name: comparable_text
OLD.{column} COLLATE "C" IS DISTINCT FROM NEW.{column} COLLATE "C"

-- name: image
-- Types without equality, or with one that takes "a" for "A"
pg_catalog.record_image_ne(ROW(OLD.{column}), ROW(NEW.{column}))

-- name: trigger
CREATE OR REPLACE TRIGGER twinledger_capture AFTER INSERT OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION {function}()

-- name: update_trigger
CREATE OR REPLACE TRIGGER twinledger_capture_update AFTER UPDATE ON {table}
FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION {function}()

-- name: truncate_function
CREATE OR REPLACE FUNCTION twinledger.capture_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS {body}

-- name: truncate_rights
REVOKE ALL ON FUNCTION twinledger.capture_truncate() FROM PUBLIC

-- name: truncate_body
BEGIN
    INSERT INTO twinledger.outbox
        (table_name, change, role, session_role, application, actor, origin, edited_at)
    VALUES (TG_ARGV[0], 'truncated',
            CASE current_setting('role') WHEN 'none' THEN session_user::text ELSE current_setting('role') END,
            session_user, current_setting('application_name'),
            nullif(current_setting('twinledger.actor', true), ''),
            nullif(current_setting('twinledger.origin', true), ''), clock_timestamp());
    DELETE FROM twinledger.edit AS e WHERE e.table_name = TG_ARGV[0];
    {wake}
    RETURN NULL;
END

-- name: truncate_trigger
CREATE OR REPLACE TRIGGER twinledger_truncate AFTER TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION twinledger.capture_truncate({table_name})

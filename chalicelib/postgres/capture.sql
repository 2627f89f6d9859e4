-- Capture: a function and triggers for each mapped table, generated from its mapped columns.
--
-- The triggers are AFTER ROW: a BEFORE trigger also fires for an INSERT ... ON CONFLICT DO NOTHING that does nothing, and
-- a statement trigger would have to join old and new rows by a key that may have changed. They are ordinary (ORIGIN)
-- triggers: a replica that applies this database's changes gets the outbox with them, and must not write it twice. They
-- have no WHEN clause, and name no column: Postgres would refuse to change the type of one that they name.

-- name: function
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS {body}

-- name: function_comment
COMMENT ON FUNCTION {function}() IS {comment}

-- name: function_rights
REVOKE ALL ON FUNCTION {function}() FROM PUBLIC

-- name: body
#variable_conflict use_column
DECLARE
    origin_ text;
    role_ text;
    actor_ text;
    now_ timestamptz;
    captured_ integer;
    moved_ boolean := false;
    old_ jsonb := '{{}}';
    new_ jsonb := '{{}}';
    old_key_ jsonb;
    new_key_ jsonb;
    old_sfid_ text;
    new_sfid_ text;
BEGIN
    -- Nothing is written in this block: its subtransaction gets no transaction id
    BEGIN
        {unmoved}
        IF TG_OP <> 'INSERT' THEN
            old_key_ := {old_key};
            old_sfid_ := OLD.sfid;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            new_key_ := {new_key};
            new_sfid_ := NEW.sfid;
        END IF;
        moved_ := TG_OP = 'UPDATE' AND ({moved});
        IF TG_OP = 'UPDATE' AND NOT moved_ THEN
            {changes}
        ELSE
            IF TG_OP <> 'INSERT' THEN
                old_ := {all_old};
            END IF;
            IF TG_OP <> 'DELETE' THEN
                new_ := {all_new};
            END IF;
        END IF;
    EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception THEN
        -- A mapped column was dropped, or has another type than when this session planned the statements above
        {altered}
    END;
    origin_ := nullif(current_setting('twinledger.origin', true), '');
    role_ := CASE current_setting('role') WHEN 'none' THEN session_user::text ELSE current_setting('role') END;
    actor_ := nullif(current_setting('twinledger.actor', true), '');
    now_ := clock_timestamp();  -- taken under the row's lock, so it grows from edit to edit of a row
    -- How many rows this transaction has captured: from some number on they are bulk, and no user's edit waits for them
    captured_ := coalesce(nullif(current_setting('twinledger.captured', true), ''), '0')::integer + 1;
    PERFORM set_config('twinledger.captured', captured_::text, true);
    IF TG_OP = 'UPDATE' AND NOT moved_ THEN
        {note_changed}
        INSERT INTO twinledger.outbox
            (table_name, pk, change, sfid, old, new, role, session_role, application, actor, origin, edited_at, bulk)
        VALUES ({table_name}, new_key_, 'updated', new_sfid_, old_, new_, role_, session_user,
                current_setting('application_name'), actor_, origin_, now_, captured_ > {live});
    ELSE  -- a changed key is the deletion of one row and the creation of another
        IF TG_OP <> 'INSERT' THEN
            {forget_edits}
            INSERT INTO twinledger.outbox
                (table_name, pk, change, sfid, old, role, session_role, application, actor, origin, edited_at, bulk)
            VALUES ({table_name}, old_key_, 'deleted', old_sfid_, old_, role_, session_user,
                    current_setting('application_name'), actor_, origin_, now_, captured_ > {live});
        END IF;
        IF TG_OP <> 'DELETE' THEN
            {note_created}
            INSERT INTO twinledger.outbox
                (table_name, pk, change, sfid, new, role, session_role, application, actor, origin, edited_at, bulk)
            VALUES ({table_name}, new_key_, 'created', new_sfid_, new_, role_, session_user,
                    current_setting('application_name'), actor_, origin_, now_, captured_ > {live});
        END IF;
    END IF;
    {wake}
    RETURN NULL;
END

-- name: altered
-- The same once more with nothing planned before, and with the columns that are there. What has neither its key nor its
-- filter any more cannot be captured, and must not be lost: it is refused, with the reason.
DECLARE
            was_inside_ boolean := false;
            is_inside_ boolean := false;
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                EXECUTE {query} INTO old_key_, was_inside_ USING OLD;
                SELECT coalesce(jsonb_object_agg(c.key, c.value #>> '{{}}'), '{{}}') INTO old_
                FROM json_each(to_json(OLD)) AS c WHERE c.key = ANY({captured});
            END IF;
            IF TG_OP <> 'DELETE' THEN
                EXECUTE {query} INTO new_key_, is_inside_ USING NEW;
                SELECT coalesce(jsonb_object_agg(c.key, c.value #>> '{{}}'), '{{}}') INTO new_
                FROM json_each(to_json(NEW)) AS c WHERE c.key = ANY({captured});
            END IF;
            old_sfid_ := old_ ->> 'sfid';
            new_sfid_ := new_ ->> 'sfid';
            moved_ := TG_OP = 'UPDATE' AND old_key_ <> new_key_;
            IF TG_OP = 'UPDATE' AND NOT moved_ THEN
                SELECT coalesce(jsonb_object_agg(o.key, o.value), '{{}}'), coalesce(jsonb_object_agg(n.key, n.value), '{{}}')
                INTO old_, new_
                FROM jsonb_each(old_) AS o JOIN jsonb_each(new_) AS n ON n.key = o.key AND n.value <> o.value;
            END IF;
            IF NOT (was_inside_ OR is_inside_)
                OR (TG_OP = 'UPDATE' AND NOT moved_ AND was_inside_ = is_inside_ AND new_ = '{{}}') THEN
                RETURN NULL;
            END IF;
        EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception THEN
            RAISE EXCEPTION 'Twinledger cannot capture this change of %: %', {table_name}, SQLERRM
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'The table has changed since Twinledger was installed. Fit the mapping file to it and run '
                         'python manage.py install, or stop the sync with python manage.py uninstall.';
        END;

-- name: altered_query
-- $1: the row
SELECT {key}, {inside}

-- name: altered_inside
(SELECT ({condition}) IS TRUE FROM (SELECT ($1).*) AS {alias})

-- name: wake
-- A NOTIFY holds a lock of the whole database through the commit. It is sent only while the relay sleeps, which it
-- does under the exclusive form of this lock; a transaction that was silent keeps the relay from falling asleep.
IF NOT pg_try_advisory_xact_lock_shared({drain_key}) THEN
        PERFORM pg_notify({channel}, '');
    END IF;

-- name: unmoved
IF TG_OP = 'UPDATE' AND NOT ({changed}) THEN
            RETURN NULL;
        END IF;

-- name: unmoved_within
-- A row that enters or leaves the filter is told of, whatever column it does so by
DECLARE
            was_inside_ boolean := false;
            is_inside_ boolean := false;
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                SELECT ({condition}) IS TRUE INTO was_inside_ FROM (SELECT OLD.*) AS {alias} WHERE {planned};
            END IF;
            IF TG_OP <> 'DELETE' THEN
                SELECT ({condition}) IS TRUE INTO is_inside_ FROM (SELECT NEW.*) AS {alias} WHERE {planned};
            END IF;
            IF NOT (was_inside_ OR is_inside_) THEN
                RETURN NULL;  -- neither before nor after a row of the mapping
            END IF;
            IF TG_OP = 'UPDATE' AND was_inside_ = is_inside_ AND NOT ({changed}) THEN
                RETURN NULL;
            END IF;
        END;

-- name: planned
-- True; by naming the table it is planned anew where that has changed: a dropped column would be null to it
NOT EXISTS (SELECT FROM {table} WHERE false)

-- name: filter_check
-- The filter as the trigger will see it, where a row has no type and no system columns; it must be true or false
SELECT FROM (SELECT * FROM {table}) AS {alias} WHERE ({condition}) LIMIT 0

-- name: change
IF {changed} THEN
                old_ := old_ || jsonb_build_object({name}, {old});
                new_ := new_ || jsonb_build_object({name}, {new});
            END IF;

-- name: note_edits
-- When users last changed these columns; our own writes are no edits
IF origin_ IS NULL THEN
            INSERT INTO twinledger.edit (table_name, pk, column_name, edited_at, actor)
            SELECT {table_name}, new_key_, c.name, now_, coalesce(actor_, role_)
            FROM unnest({columns}::text[]) AS c (name) WHERE {edited}
            ON CONFLICT (table_name, pk, column_name) DO UPDATE
            SET edited_at = greatest(edit.edited_at, EXCLUDED.edited_at), actor = EXCLUDED.actor;
        END IF;

-- name: forget_edits
DELETE FROM twinledger.edit AS e WHERE e.table_name = {table_name} AND e.pk = old_key_;

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
FOR EACH ROW EXECUTE FUNCTION {function}()

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

-- The people who were erased. `swept_at` is NULL until what processes still wrote at the moment of
-- the erasure is deleted too. `auth_user` is what becomes of the user at the identity provider:
-- `kept`, `waiting` for its deletion, or `deleted`; `auth_error` is why the last attempt failed.
CREATE TABLE easeboard.erasures (
    person_id     uuid        NOT NULL PRIMARY KEY,
    erased_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    swept_at      timestamptz,
    auth_user     text        NOT NULL DEFAULT 'kept'
                  CHECK (auth_user IN ('kept', 'waiting', 'deleted')),
    auth_attempts integer     NOT NULL DEFAULT 0,
    auth_next_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    auth_error    text
);

CREATE INDEX erasures_unswept ON easeboard.erasures (person_id) WHERE swept_at IS NULL;
CREATE INDEX erasures_waiting ON easeboard.erasures (auth_next_at) WHERE auth_user = 'waiting';

-- Deletes the rows of a person in all versions of read models that have tables: live, retired and
-- paused ones too. What is left is what the log gives without the person's key. Returns whether all
-- versions were reached; one that is locked for long, or is being filled in slices, is not.
-- The checkpoint of a live version is locked first, so that no batch is under way.
CREATE FUNCTION easeboard.delete_rows_of_person(person uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    found_version record;
    found_table   text;
    is_complete   boolean := true;
BEGIN
    FOR found_version IN
        SELECT checkpoint.name, checkpoint.version, checkpoint.role, checkpoint.tables,
               checkpoint.name || '_v' || checkpoint.version AS schema,
               EXISTS (
                   SELECT
                     FROM easeboard.rebuild_slices AS slices
                    WHERE slices.name = checkpoint.name
                      AND slices.version = checkpoint.version
               ) AS has_slices
          FROM easeboard.projections AS checkpoint
         ORDER BY checkpoint.name, checkpoint.version
    LOOP
        IF found_version.has_slices THEN
            is_complete := false;
            CONTINUE;
        END IF;
        BEGIN
            IF found_version.role = 'live' THEN
                PERFORM
                   FROM easeboard.projections
                  WHERE name = found_version.name
                    AND version = found_version.version
                    FOR UPDATE;
            END IF;
            FOR found_table IN
                SELECT class.relname
                  FROM pg_class AS class
                  JOIN pg_attribute AS owner
                    ON owner.attrelid = class.oid
                   AND owner.attname = 'person_id'
                   AND NOT owner.attisdropped
                 WHERE class.relnamespace = to_regnamespace(quote_ident(found_version.schema))
                   AND class.relkind = 'r'
                   AND class.relname = ANY (
                           coalesce(found_version.tables, ARRAY[class.relname::text])
                       )
                 ORDER BY class.relname
            LOOP
                -- The tombstone of the person stays; those of their connections go.
                EXECUTE format(
                    'DELETE FROM %I.%I WHERE person_id = $1 %s',
                    found_version.schema, found_table,
                    CASE WHEN found_table = 'gone' THEN 'AND id <> $1' END
                ) USING person;
            END LOOP;
        EXCEPTION
            WHEN lock_not_available OR deadlock_detected OR undefined_table
              OR insufficient_privilege THEN
                is_complete := false;
        END;
    END LOOP;
    RETURN is_complete;
END
$$;

-- Deletes everything that is stored about a person outside the log; returns whether that is all.
-- The triggers of the queue find their tables through the search path.
CREATE FUNCTION easeboard.delete_person(person uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, procrastinate, pg_temp AS $$
BEGIN
    DELETE FROM easeboard.canvas_tokens WHERE person_id = person;
    DELETE FROM easeboard.calendar_addresses WHERE person_id = person;
    DELETE FROM easeboard.snapshots WHERE person_id = person;
    DELETE FROM easeboard.past_snapshots WHERE person_id = person;
    IF to_regclass('easeboard.past_views') IS NOT NULL THEN
        DELETE FROM easeboard.past_views WHERE person_id = person;
    END IF;
    DELETE FROM easeboard.idempotency_keys WHERE person_id = person;
    DELETE FROM easeboard.person_usage WHERE person_id = person;
    DELETE FROM easeboard.dead_letters WHERE person_id = person;
    IF to_regclass('procrastinate.procrastinate_jobs') IS NOT NULL THEN
        -- A job that is under way ends by itself, because its run may record nothing more.
        DELETE FROM procrastinate.procrastinate_jobs
         WHERE status = 'todo'
           AND args ->> 'connection_id' IN (
                   SELECT stream::text
                     FROM easeboard.events
                    WHERE topic = 'ConnectionOpened'
                      AND person_id = person
               );
    END IF;
    RETURN easeboard.delete_rows_of_person(person);
END
$$;

-- Destroys the key of a person for good, and deletes what is stored about them outside the log. It
-- is called in the transaction that records PersonErased; a repetition changes nothing more.
CREATE FUNCTION easeboard.erase_person(person uuid, deletes_auth_user boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO easeboard.people_keys AS keys (person_id, destroyed_at)
    VALUES (person, clock_timestamp())
        ON CONFLICT (person_id) DO UPDATE
       SET key_id = NULL,
           wrapped = NULL,
           destroyed_at = coalesce(keys.destroyed_at, excluded.destroyed_at);
    INSERT INTO easeboard.erasures AS known (person_id, auth_user)
    VALUES (person, CASE WHEN deletes_auth_user THEN 'waiting' ELSE 'kept' END)
        ON CONFLICT (person_id) DO UPDATE
       SET swept_at = NULL,
           auth_user = CASE WHEN known.auth_user = 'kept' THEN excluded.auth_user
                            ELSE known.auth_user
                       END;
    RETURN easeboard.delete_person(person);
END
$$;

-- Where runs are allowed: in the database that `database` identifies. In a copy the identity is
-- another one, so a copy starts no run until `easeboard syncing on`. NULL: an operator turned
-- syncing off. Without a row no process has ever served this database.
CREATE TABLE easeboard.syncing (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    database   text,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What identifies this database: the cluster, the database in it, and the table of events. A
-- failover or a move of the data directory keeps all of them; a restored dump has others.
-- The owner executes it, so that every role gets the same result.
CREATE FUNCTION easeboard.database_identity() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cluster text := 'unknown';
BEGIN
    BEGIN
        SELECT system_identifier::text INTO cluster FROM pg_control_system();
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;
    END;
    RETURN cluster
        || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
        || '/' || to_regclass('easeboard.events')::oid;
END
$$;

-- An installation that has served keeps syncing. If its newest timeline is of another table of
-- events, it was restored since, and stays quiet.
INSERT INTO easeboard.syncing (database)
SELECT CASE
           WHEN events_table = 'easeboard.events'::regclass THEN easeboard.database_identity()
       END
  FROM easeboard.timelines
 ORDER BY number DESC
 LIMIT 1;

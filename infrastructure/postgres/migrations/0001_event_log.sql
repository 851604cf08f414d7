CREATE SCHEMA IF NOT EXISTS easeboard;

-- Positions are handed out one at a time: a cached block would let a later append stand earlier.
CREATE SEQUENCE easeboard.position AS bigint CACHE 1;

CREATE TABLE easeboard.events (
    position       bigint      NOT NULL DEFAULT nextval('easeboard.position') PRIMARY KEY,
    stream         uuid        NOT NULL,
    version        bigint      NOT NULL CHECK (version > 0),
    topic          text        NOT NULL,
    event_id       uuid        NOT NULL DEFAULT gen_random_uuid(),
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor          text        NOT NULL,
    correlation_id text,
    causation_id   uuid,
    command_id     uuid        NOT NULL,
    person_id      uuid        NOT NULL,
    state          bytea       NOT NULL,
    CONSTRAINT events_stream_version UNIQUE (stream, version)
);

ALTER SEQUENCE easeboard.position OWNED BY easeboard.events.position;

-- Whose connections there are, for auditors.
CREATE INDEX events_opened ON easeboard.events (position) WHERE topic = 'ConnectionOpened';

-- Sealed bytes do not compress: large ones go out of line as they are.
ALTER TABLE easeboard.events ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE FUNCTION easeboard.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'easeboard.events is history: % is refused, append a new event instead', TG_OP
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;

CREATE TRIGGER events_are_history
    BEFORE UPDATE OR DELETE OR TRUNCATE ON easeboard.events
    FOR EACH STATEMENT EXECUTE FUNCTION easeboard.refuse_change();

-- Returns the position of the last event.
-- The fence: every append holds this advisory lock, shared, from before its first position
-- until it is committed or rolled back.
CREATE FUNCTION easeboard.append(
    command     uuid,
    person      uuid,
    sealed      boolean,
    actor       text,
    correlation text,
    causation   uuid,
    streams     uuid[],
    versions    bigint[],
    topics      text[],
    states      bytea[]
) RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    fenced text;
BEGIN
    -- An assignment, for it costs less than a statement.
    fenced := pg_advisory_xact_lock_shared(1161905989, 1);
    INSERT INTO easeboard.events (
        stream, version, topic, actor, correlation_id, causation_id, command_id, person_id, state
    )
    SELECT new.stream, new.version, new.topic, actor, correlation, causation, command, person,
           new.state
      FROM unnest(streams, versions, topics, states)
           WITH ORDINALITY AS new (stream, version, topic, state, nth)
     WHERE NOT sealed
        OR NOT EXISTS (
               SELECT FROM easeboard.people_keys AS keys
                WHERE keys.person_id = person AND keys.destroyed_at IS NOT NULL
           )
     ORDER BY new.nth;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'person % is erased', person USING ERRCODE = 'EB001';
    END IF;
    RETURN currval('easeboard.position');
END
$$;

-- How far positions go, read before who still holds the fence: whoever takes it later is beyond.
CREATE FUNCTION easeboard.fence(OUT head bigint, OUT writers text[]) LANGUAGE plpgsql AS $$
BEGIN
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END
      INTO head
      FROM easeboard.position;
    SELECT coalesce(array_agg(locks.virtualtransaction), '{}')
      INTO writers
      FROM pg_locks AS locks
     WHERE locks.locktype = 'advisory'
       AND locks.classid = 1161905989
       AND locks.objid = 1
       AND locks.objsubid = 2
       AND locks.database = (
               SELECT oid FROM pg_database WHERE datname = current_database()
           );
END
$$;

CREATE TABLE easeboard.snapshots (
    stream      uuid        NOT NULL PRIMARY KEY,
    version     bigint      NOT NULL,
    topic       text        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    person_id   uuid        NOT NULL,
    state       bytea       NOT NULL
);

ALTER TABLE easeboard.snapshots ALTER COLUMN state SET STORAGE EXTERNAL;

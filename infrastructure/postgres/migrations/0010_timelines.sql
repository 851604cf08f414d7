-- The timelines of the log. A new one begins when the server has started again or the log was
-- restored: `server_started_at` or `events_file` is then another one. Positions after
-- `begins_after` that an earlier timeline gave are not of this log.
CREATE TABLE easeboard.timelines (
    number            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id                bigint      NOT NULL UNIQUE CHECK (id > 0),
    begins_after      bigint      NOT NULL,
    server_started_at timestamptz NOT NULL,
    events_file       text        NOT NULL,
    database_name     text        NOT NULL,
    events_table      oid         NOT NULL,
    has_lost_events   boolean     NOT NULL,
    began_at          timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The connections that a person opened, for audits and for what a client missed.
CREATE INDEX events_opened_by ON easeboard.events (person_id, position)
 WHERE topic = 'ConnectionOpened';

-- Begins a timeline, unless another one than the known one has begun already. If events were lost
-- while the server ran, `complete_at` is a time at which the log was still complete: events that
-- were recorded later may stand where lost ones stood.
CREATE FUNCTION easeboard.begin_timeline(known bigint, complete_at timestamptz DEFAULT 'infinity')
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    newest bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1161905989, 4);
    SELECT id INTO newest FROM easeboard.timelines ORDER BY number DESC LIMIT 1;
    IF newest IS DISTINCT FROM known THEN
        RETURN newest;
    END IF;
    INSERT INTO easeboard.timelines (
        id, begins_after, server_started_at, events_file, database_name, events_table,
        has_lost_events
    )
    SELECT 1 + ('x' || substr(md5(gen_random_uuid()::text), 1, 15))::bit(60)::bigint,
           coalesce(
               (
                   SELECT position
                     FROM easeboard.events
                    WHERE recorded_at <= complete_at
                    ORDER BY position DESC
                    LIMIT 1
               ),
               0
           ),
           pg_postmaster_start_time(), pg_relation_filepath('easeboard.events'),
           current_database(), 'easeboard.events'::regclass, complete_at < 'infinity'
    RETURNING id INTO newest;
    RETURN newest;
END
$$;

-- The id of the timeline that the log is on now.
CREATE FUNCTION easeboard.current_timeline() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    newest     bigint;
    is_current boolean;
BEGIN
    SELECT id,
           server_started_at = pg_postmaster_start_time()
           AND events_file = pg_relation_filepath('easeboard.events')
      INTO newest, is_current
      FROM easeboard.timelines
     ORDER BY number DESC
     LIMIT 1;
    IF is_current THEN
        RETURN newest;
    END IF;
    RETURN easeboard.begin_timeline(newest);
END
$$;

-- Returns the position of the last event and the timeline, 8 bytes each.
-- `timeline` is the one that the caller knows, or null. All events of an append have one time,
-- which is later than that of the event before in each stream, whatever the clock shows.
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
    states      bytea[],
    timeline    bigint
) RETURNS bytea LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    fenced      text;
    current     bigint;
    before_time timestamptz;
    newest_time timestamptz;
    now_or_next timestamptz;
BEGIN
    -- An assignment, for it costs less than a statement.
    fenced := pg_advisory_xact_lock_shared(1161905989, 1);
    current := easeboard.current_timeline();
    IF timeline <> current THEN
        RAISE EXCEPTION 'the log is on timeline %, not on %', current, timeline
            USING ERRCODE = 'EB002';
    END IF;
    -- The events of one stream are next to each other; a join would not always use the index.
    FOR nth IN 1 .. cardinality(streams) LOOP
        CONTINUE WHEN nth > 1 AND streams[nth] = streams[nth - 1];
        CONTINUE WHEN versions[nth] = 1;
        SELECT recorded_at
          INTO before_time
          FROM easeboard.events
         WHERE stream = streams[nth]
           AND version = versions[nth] - 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'stream % has no version %', streams[nth], versions[nth] - 1
                USING ERRCODE = 'EB003';
        END IF;
        newest_time := greatest(newest_time, before_time);
    END LOOP;
    now_or_next := greatest(clock_timestamp(), newest_time + interval '1 microsecond');
    INSERT INTO easeboard.events (
        stream, version, topic, actor, correlation_id, causation_id, command_id, person_id, state,
        recorded_at
    )
    SELECT new.stream, new.version, new.topic, actor, correlation, causation, command, person,
           new.state, now_or_next
      FROM unnest(streams, versions, topics, states)
           WITH ORDINALITY AS new (stream, version, topic, state, nth)
     WHERE NOT sealed
        OR EXISTS (
               SELECT FROM easeboard.people_keys AS keys
                WHERE keys.person_id = person AND keys.destroyed_at IS NULL
           )
     ORDER BY new.nth;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM easeboard.people_keys AS keys WHERE keys.person_id = person) THEN
            RAISE EXCEPTION 'person % is erased', person USING ERRCODE = 'EB001';
        END IF;
        RAISE EXCEPTION 'person % has no key', person USING ERRCODE = 'EB002';
    END IF;
    RETURN int8send(currval('easeboard.position')) || int8send(current);
END
$$;

-- What an earlier release calls, while processes of both run.
CREATE OR REPLACE FUNCTION easeboard.append(
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
DECLARE
    appended bytea;
BEGIN
    appended := easeboard.append(
        command, person, sealed, actor, correlation, causation, streams, versions, topics, states,
        NULL
    );
    RETURN currval('easeboard.position');
END
$$;

-- The newest event is read before who still holds the fence: whoever takes it later is beyond.
CREATE FUNCTION easeboard.log_state(
    OUT timeline bigint, OUT head bigint, OUT head_event uuid, OUT writers text[]
) LANGUAGE plpgsql AS $$
BEGIN
    timeline := easeboard.current_timeline();
    SELECT position, event_id
      INTO head, head_event
      FROM easeboard.events
     ORDER BY position DESC
     LIMIT 1;
    head := coalesce(head, 0);
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

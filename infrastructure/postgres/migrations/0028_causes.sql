-- Appends events; returns the position of the last one and the timeline, 8 bytes each. The function
-- of 0010_timelines.sql stays for the release before.
--
-- `correlation` is null if the events continue the chain of the event before them in their stream:
-- they get its correlation, and it is their cause unless the caller names another one. `causation`
-- is the cause of all events but those that have one of their own in `causes`, which may be null.
-- `event_ids` are chosen by the caller, who can name an event as a cause before it is appended.
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
    event_ids   uuid[],
    causes      uuid[],
    timeline    bigint
) RETURNS bytea LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    fenced        text;
    current       bigint;
    before_time   timestamptz;
    before_event  uuid;
    before_chain  text;
    newest_time   timestamptz;
    now_or_next   timestamptz;
    chain         text := correlation;
    common_cause  uuid := causation;
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
        SELECT recorded_at, event_id, correlation_id
          INTO before_time, before_event, before_chain
          FROM easeboard.events
         WHERE stream = streams[nth]
           AND version = versions[nth] - 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'stream % has no version %', streams[nth], versions[nth] - 1
                USING ERRCODE = 'EB003';
        END IF;
        newest_time := greatest(newest_time, before_time);
        IF chain IS NULL THEN
            chain := before_chain;
            common_cause := coalesce(causation, before_event);
        END IF;
    END LOOP;
    -- The event before may be of a release that gave no correlation.
    IF chain IS NULL THEN
        chain := command::text;
    END IF;
    now_or_next := greatest(clock_timestamp(), newest_time + interval '1 microsecond');
    INSERT INTO easeboard.events (
        stream, version, topic, event_id, actor, correlation_id, causation_id, command_id,
        person_id, state, recorded_at
    )
    SELECT new.stream, new.version, new.topic, new.event_id, actor, chain,
           coalesce(new.cause, common_cause), command, person, new.state, now_or_next
      FROM unnest(streams, versions, topics, states, event_ids, causes)
           WITH ORDINALITY AS new (stream, version, topic, state, event_id, cause, nth)
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

-- Moves the sequence of positions to the newest event if it is before it, as after a restore of
-- the table alone: appends would get positions that readers have passed. Appends wait meanwhile.
CREATE FUNCTION easeboard.advance_position() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest bigint;
    given  bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1161905989, 1);
    SELECT max(position) INTO newest FROM easeboard.events;
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO given FROM easeboard.position;
    IF newest > given THEN
        PERFORM setval('easeboard.position', newest);
    END IF;
    RETURN newest;
END
$$;

-- Every role may execute a new function: only those that may append keep that right.
DO $$
DECLARE
    definer  regprocedure;
    before   regprocedure := 'easeboard.append(uuid, uuid, boolean, text, text, uuid, uuid[], '
                             'bigint[], text[], bytea[], bigint)';
    appender regrole;
BEGIN
    FOREACH definer IN ARRAY ARRAY[
        'easeboard.append(uuid, uuid, boolean, text, text, uuid, uuid[], bigint[], text[], '
        'bytea[], uuid[], uuid[], bigint)',
        'easeboard.advance_position()'
    ]::regprocedure[] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', definer);
        FOR appender IN
            SELECT DISTINCT acl.grantee
              FROM pg_proc
             CROSS JOIN aclexplode(proacl) AS acl
             WHERE pg_proc.oid = before
               AND acl.privilege_type = 'EXECUTE'
               AND acl.grantee NOT IN (0, proowner)
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', definer, appender);
        END LOOP;
    END LOOP;
END
$$;

-- How much was recorded for a person on a day (UTC). Days before yesterday are deleted.
CREATE TABLE easeboard.person_usage (
    person_id uuid   NOT NULL,
    day       date   NOT NULL,
    events    bigint NOT NULL,
    bytes     bigint NOT NULL,
    PRIMARY KEY (person_id, day)
);

-- Refuses a connection beyond the most that a person may have. A token is stored with each
-- connection that is opened and destroyed when it is closed, so tokens are counted. The lock makes
-- two openings at the same time count one after the other.
CREATE FUNCTION easeboard.require_connection_place(
    person uuid, connection uuid, most integer
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('easeboard/connections/' || person, 0));
    IF (
        SELECT count(DISTINCT tokens.connection_id)
          FROM easeboard.canvas_tokens AS tokens
         WHERE tokens.person_id = person
           AND tokens.connection_id <> connection
    ) >= most THEN
        RAISE EXCEPTION 'person % has % connections', person, most USING ERRCODE = 'EB016', DETAIL = most::text;
    END IF;
END
$$;

-- What past views of a connection are computed from: the events of its syncs up to a version that
-- later ones did not replace, encrypted with the key of the person. They exist only for connections
-- whose past somebody has read, one in 50 to 200 events. `event_id` is that of the event at the
-- version: if the log has lost it, the row counts for nothing. `form` names how the state is
-- encoded; rows of another form are not read.
CREATE TABLE easeboard.past_views (
    stream      uuid        NOT NULL,
    version     bigint      NOT NULL,
    form        text        NOT NULL,
    person_id   uuid        NOT NULL,
    event_id    uuid        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state       bytea       NOT NULL,
    PRIMARY KEY (stream, version)
);

-- Encrypted bytes do not compress.
ALTER TABLE easeboard.past_views ALTER COLUMN state SET STORAGE EXTERNAL;

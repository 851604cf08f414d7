-- Snapshots of the past of long streams, about one in 500 events, so that a state that was is
-- rebuilt from few events. `event_id` is that of the event at the version: if the log has lost it,
-- the row counts for nothing. `earliest_at` and `latest_at` are the limits of the times of all
-- events after the row before, whatever the clock showed; so an event is found by its time without
-- reading the stream. A row whose `state` is NULL only has these.
CREATE TABLE easeboard.past_snapshots (
    stream      uuid        NOT NULL,
    version     bigint      NOT NULL,
    topic       text        NOT NULL,
    person_id   uuid        NOT NULL,
    event_id    uuid        NOT NULL,
    earliest_at timestamptz NOT NULL,
    latest_at   timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state       bytea,
    PRIMARY KEY (stream, version)
);

-- Encrypted bytes do not compress.
ALTER TABLE easeboard.past_snapshots ALTER COLUMN state SET STORAGE EXTERNAL;

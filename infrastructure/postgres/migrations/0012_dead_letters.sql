-- Events that a version of a read model could not apply. Later events of the same stream wait
-- behind each, in the log. The error has no data of the event. `id` is that of the event.
CREATE TABLE easeboard.dead_letters (
    projection     text        NOT NULL,
    version        integer     NOT NULL,
    id             uuid        NOT NULL,
    position       bigint      NOT NULL,
    stream         uuid        NOT NULL,
    stream_version integer     NOT NULL,
    topic          text        NOT NULL,
    person_id      uuid        NOT NULL,
    error          text        NOT NULL,
    parked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, version, id),
    UNIQUE (projection, version, stream),
    FOREIGN KEY (projection, version)
        REFERENCES easeboard.projections (name, version) ON DELETE CASCADE
);

-- Events that an administrator has left out of a read model for good, in all its versions.
CREATE TABLE easeboard.skipped_events (
    projection text        NOT NULL,
    id         uuid        NOT NULL,
    position   bigint      NOT NULL,
    skipped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, id)
);

CREATE INDEX skipped_events_position ON easeboard.skipped_events (projection, position);

-- Who applies events to each read model: the owner, while its lease lasts. `epoch` counts the
-- owners; a batch is only committed with the current one. `unowned_seconds` is the sum of the times
-- without an owner, up to the beginning of the current lease.
CREATE TABLE easeboard.projection_owners (
    name            text             PRIMARY KEY,
    owner           text             NOT NULL,
    epoch           bigint           NOT NULL,
    until           timestamptz      NOT NULL,
    unowned_seconds double precision NOT NULL DEFAULT 0
) WITH (fillfactor = 20);

-- The processes among which the read models are divided, and the definitions that each one has:
-- `name:fingerprint`.
CREATE TABLE easeboard.projectors (
    name   text        PRIMARY KEY,
    models text[]      NOT NULL,
    until  timestamptz NOT NULL
) WITH (fillfactor = 20);

-- The newest comparison of a sample of people with the log, for each read model.
CREATE TABLE easeboard.projection_samples (
    name        text        PRIMARY KEY,
    checked_at  timestamptz NOT NULL,
    position    bigint      NOT NULL,
    people      integer     NOT NULL,
    differences integer     NOT NULL
);

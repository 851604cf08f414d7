-- One key per person, wrapped by the master key; a destroyed one stays as a tombstone.
CREATE TABLE easeboard.people_keys (
    person_id    uuid        NOT NULL PRIMARY KEY,
    key_id       text,
    wrapped      bytea,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    CHECK ((key_id IS NULL) = (wrapped IS NULL)),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

-- A Canvas token under a data key of its own, that key wrapped by the master key.
CREATE TABLE easeboard.canvas_tokens (
    connection_id uuid        NOT NULL,
    fingerprint   text        NOT NULL,
    person_id     uuid        NOT NULL,
    key_id        text        NOT NULL,
    wrapped       bytea       NOT NULL,
    sealed        bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection_id, fingerprint)
);

CREATE INDEX canvas_tokens_person ON easeboard.canvas_tokens (person_id);

-- A known text sealed with each master key: a start with another key under its id is noticed.
CREATE TABLE easeboard.key_canary (
    key_id     text        NOT NULL PRIMARY KEY,
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

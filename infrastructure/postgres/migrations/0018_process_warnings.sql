-- What a process has found wrong with its surroundings, for `doctor`, which is another process.
-- A warning lasts as long as the row of its process.
CREATE TABLE easeboard.process_warnings (
    process    text        NOT NULL REFERENCES easeboard.workers (name) ON DELETE CASCADE,
    code       text        NOT NULL,
    detail     text        NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (process, code)
);

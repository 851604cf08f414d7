-- Who takes runs on: a process beats while it lives. Runs wait in the schema procrastinate.
CREATE TABLE easeboard.workers (
    name         text        PRIMARY KEY,
    heartbeat_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Since when a Canvas host does not respond: the row is inserted with its first failure, and
-- deleted when it responds. For rows of before, it is the time of the migration.
ALTER TABLE easeboard.canvas_hosts
    ADD COLUMN failing_since timestamptz NOT NULL DEFAULT clock_timestamp();

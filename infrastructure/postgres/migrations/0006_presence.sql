-- Every process says what it does and since when it has beaten without a gap.
ALTER TABLE easeboard.workers
    ADD COLUMN roles text[]      NOT NULL DEFAULT '{worker}',
    ADD COLUMN since timestamptz NOT NULL DEFAULT clock_timestamp();

-- What one process at a time does: whoever holds the lease; the epoch counts its holders.
CREATE TABLE easeboard.leases (
    name   text        PRIMARY KEY,
    holder text        NOT NULL,
    epoch  bigint      NOT NULL,
    until  timestamptz NOT NULL
) WITH (fillfactor = 50);

-- The secret address of each person's calendar, as the SHA-256 of the secret: the table opens none.
CREATE TABLE easeboard.calendar_addresses (
    person_id     uuid        NOT NULL PRIMARY KEY,
    secret_digest bytea       NOT NULL UNIQUE CHECK (octet_length(secret_digest) = 32),
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

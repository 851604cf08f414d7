-- A request with an Idempotency-Key: a claim until it is answered, then the answer for a day.
-- `request` is the SHA-256 of path and key; `fingerprint` a keyed digest of what was sent.
CREATE TABLE easeboard.idempotency_keys (
    person_id    uuid        NOT NULL,
    request      bytea       NOT NULL,
    key_id       text        NOT NULL,
    fingerprint  bytea       NOT NULL,
    claim        uuid        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until timestamptz NOT NULL,
    status       smallint,
    headers      jsonb,
    body         bytea,
    position     bigint,
    PRIMARY KEY (person_id, request),
    CHECK (num_nulls(status, headers, body, position) IN (0, 4))
);

CREATE INDEX idempotency_keys_age ON easeboard.idempotency_keys (created_at);

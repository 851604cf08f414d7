CREATE TABLE connections (
    connection_id uuid        NOT NULL PRIMARY KEY,
    person_id     uuid        NOT NULL,
    origin        text        NOT NULL,
    created_at    timestamptz NOT NULL,
    active        boolean     NOT NULL,
    rested_at     timestamptz NOT NULL,
    failures      integer     NOT NULL,
    wait          integer     NOT NULL,
    document      bytea       NOT NULL,
    opened        bigint      NOT NULL,
    position      bigint      NOT NULL
);

CREATE INDEX connections_person ON connections (person_id, created_at, connection_id);
CREATE INDEX connections_rested ON connections (wait, rested_at, connection_id) WHERE active;
CREATE INDEX connections_host ON connections (origin, wait, rested_at, connection_id) WHERE active;

CREATE INDEX connections_opened ON connections (origin, opened);

-- Closed connections, for auditors.
CREATE TABLE closed_connections (
    connection_id uuid   NOT NULL PRIMARY KEY,
    person_id     uuid   NOT NULL,
    origin        text   NOT NULL,
    document      bytea  NOT NULL,
    opened        bigint NOT NULL,
    position      bigint NOT NULL
);

CREATE INDEX closed_connections_person ON closed_connections (person_id);
CREATE INDEX closed_connections_opened ON closed_connections (origin, opened);

CREATE TABLE gone (
    id        uuid NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL
);

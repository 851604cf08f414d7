CREATE TABLE syncs (
    sync_id       uuid   NOT NULL PRIMARY KEY,
    connection_id uuid   NOT NULL,
    person_id     uuid   NOT NULL,
    requested     bigint NOT NULL,
    status        text   NOT NULL,
    document      bytea  NOT NULL,
    position      bigint NOT NULL
);

CREATE INDEX syncs_person ON syncs (person_id, requested);

CREATE TABLE sync_standings (
    connection_id uuid        NOT NULL PRIMARY KEY,
    person_id     uuid        NOT NULL,
    origin        text        NOT NULL,
    opened        bigint      NOT NULL,
    active        boolean     NOT NULL,
    rested_at     timestamptz NOT NULL,
    failures      integer     NOT NULL,
    wait          integer     NOT NULL,
    sync_id       uuid,
    live          boolean     NOT NULL,
    position      bigint      NOT NULL
);

CREATE INDEX sync_standings_person ON sync_standings (person_id, opened);
CREATE INDEX sync_standings_live ON sync_standings (connection_id) WHERE live;

CREATE TABLE gone (
    id        uuid NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL
);

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
-- Runs queued and under way, for admins.
CREATE INDEX syncs_live ON syncs (status, requested) WHERE status IN ('queued', 'running');

CREATE TABLE sync_standings (
    connection_id  uuid        NOT NULL PRIMARY KEY,
    person_id      uuid        NOT NULL,
    origin         text        NOT NULL,
    opened         bigint      NOT NULL,
    active         boolean     NOT NULL,
    rested_at      timestamptz NOT NULL,
    failures       integer     NOT NULL,
    wait           integer     NOT NULL,
    sync_id        uuid,
    live           boolean     NOT NULL,
    position       bigint      NOT NULL,
    failed_runs    integer     NOT NULL,
    partial        boolean     NOT NULL,
    failing_since  timestamptz,
    failed_at      timestamptz,
    error_code     text,
    failed_sync_id uuid,
    synced_at      timestamptz
);

CREATE INDEX sync_standings_person ON sync_standings (person_id, opened);
CREATE INDEX sync_standings_live ON sync_standings (connection_id) WHERE live;

-- For admins: the connections of a host, and those that fail, worst first.
CREATE INDEX sync_standings_healthy
    ON sync_standings (origin, connection_id) WHERE failed_runs = 0;
CREATE INDEX sync_standings_failing
    ON sync_standings (partial, (-failed_runs), failing_since, connection_id)
 WHERE failed_runs > 0;
CREATE INDEX sync_standings_failing_code
    ON sync_standings (error_code, partial, (-failed_runs), failing_since, connection_id)
 WHERE failed_runs > 0;
CREATE INDEX sync_standings_failing_host
    ON sync_standings (origin, partial, (-failed_runs), failing_since, connection_id)
       INCLUDE (error_code)
 WHERE failed_runs > 0;

CREATE TABLE gone (
    id        uuid NOT NULL PRIMARY KEY,
    person_id uuid NOT NULL
);

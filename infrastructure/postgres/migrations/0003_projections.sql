-- What read models are asked through: views on the tables of each one's live version.
CREATE SCHEMA read;

-- Each version of a read model that has tables, in a schema of its own: <name>_v<version>.
CREATE TABLE easeboard.projections (
    name            text             NOT NULL,
    version         integer          NOT NULL CHECK (version > 0),
    role            text             NOT NULL CHECK (role IN ('live', 'building', 'retired')),
    code_version    integer          NOT NULL,
    fingerprint     text             NOT NULL,
    position        bigint           NOT NULL DEFAULT 0,
    moved_at        timestamptz      NOT NULL DEFAULT clock_timestamp(),
    rate            double precision NOT NULL DEFAULT 0,
    error           text,
    builder         uuid,
    builder_seen_at timestamptz,
    began_at        timestamptz      NOT NULL DEFAULT clock_timestamp(),
    began_from      bigint           NOT NULL DEFAULT 0,
    PRIMARY KEY (name, version),
    CHECK ((role = 'building') = (builder IS NOT NULL)),
    CHECK ((role = 'building') = (builder_seen_at IS NOT NULL))
) WITH (fillfactor = 20);

CREATE UNIQUE INDEX projections_live ON easeboard.projections (name) WHERE role = 'live';
CREATE UNIQUE INDEX projections_building ON easeboard.projections (name) WHERE role = 'building';

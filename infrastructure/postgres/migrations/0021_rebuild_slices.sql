-- How far each slice of people is while a version is filled by several processes. It has as many
-- slices as `slices` says; when all are at one position they are deleted, and the version goes on
-- as a whole. `builder` is that of the version.
CREATE TABLE easeboard.rebuild_slices (
    name     text    NOT NULL,
    version  integer NOT NULL,
    slice    integer NOT NULL,
    slices   integer NOT NULL CHECK (slice >= 0 AND slice < slices),
    builder  uuid    NOT NULL,
    position bigint  NOT NULL,
    PRIMARY KEY (name, version, slice),
    FOREIGN KEY (name, version) REFERENCES easeboard.projections ON DELETE CASCADE
) WITH (fillfactor = 20);

-- The definitions of the indexes that are created when the version has been filled.
ALTER TABLE easeboard.projections
    ADD COLUMN deferred_indexes text[];

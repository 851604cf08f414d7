-- The hosts of Canvas that did not answer of late: how many runs failed in a row, how often in a
-- row the circuit opened, until when it is open, and whether one run was sent to try.
CREATE TABLE easeboard.canvas_hosts (
    origin     text        PRIMARY KEY,
    failures   integer     NOT NULL,
    openings   integer     NOT NULL,
    open_until timestamptz,
    is_probed  boolean     NOT NULL,
    failed_at  timestamptz NOT NULL
) WITH (fillfactor = 50);

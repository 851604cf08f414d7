-- The witnesses of the policy of SEAL_WITNESSES, by their keys. `size` is the tree of the newest
-- checkpoint that a witness has signed, `signed_at` the time in that signature, by the clock of the
-- witness. `problem` is why it does not sign now, `problem_since` since when. `is_contradicted`: the
-- witness has signed another history than the one of this log.
CREATE TABLE easeboard.seal_witnesses (
    vkey            text        PRIMARY KEY,
    name            text        NOT NULL,
    url             text        NOT NULL,
    size            bigint      NOT NULL DEFAULT 0 CHECK (size >= 0),
    signed_at       timestamptz,
    requested_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    problem         text,
    problem_since   timestamptz,
    is_contradicted boolean     NOT NULL DEFAULT false,
    CHECK ((problem IS NULL) = (problem_since IS NULL)),
    CHECK (problem IS NOT NULL OR NOT is_contradicted)
) WITH (fillfactor = 50);

-- A claim names the process that holds it: the id of the claim, a space, and the name of the
-- process; no name once its request has ended without a response. An earlier release writes
-- neither, so a claim that is not the named one is of such a release, and only its lease ends it.
-- The timeline belongs to the position; an earlier release writes the position alone.
ALTER TABLE easeboard.idempotency_keys
    ADD COLUMN held_by text,
    ADD COLUMN timeline bigint;

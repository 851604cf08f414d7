-- What administrators decide about a read model, what a verification found, and what is kept.
-- `owner` is the process that moved the checkpoint last. `tables` are those that the program
-- created; null in versions of earlier releases. `dependents` are objects of others that still
-- use a version that is not live.
ALTER TABLE easeboard.projections
    ADD COLUMN owner             text,
    ADD COLUMN paused_at         timestamptz,
    ADD COLUMN retired_at        timestamptz,
    ADD COLUMN tables            text[],
    ADD COLUMN dependents        text,
    ADD COLUMN verified_at       timestamptz,
    ADD COLUMN verified_position bigint,
    ADD COLUMN verified_digest   text,
    ADD COLUMN verified_result   text CHECK (verified_result IN ('ok', 'different'));

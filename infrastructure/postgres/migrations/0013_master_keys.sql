-- The master keys that this database is used with. Records are encrypted with the one that became
-- active last; the others decrypt. A key that is closed encrypts nothing any more, so it can be
-- removed from the configuration once no record needs it.
CREATE TABLE easeboard.master_keys (
    id           text        NOT NULL PRIMARY KEY,
    active_since timestamptz NOT NULL,
    closed_at    timestamptz
);

-- The master keys that a process can read, each as id, colon and digest, and the one with which it
-- encrypts. Null: the process is of an earlier release.
ALTER TABLE easeboard.workers
    ADD COLUMN master_keys text[],
    ADD COLUMN writes_with text;

-- Every process of an earlier release can decrypt what most records are encrypted with. All keys
-- that it may encrypt with stay open until the next rotation.
INSERT INTO easeboard.master_keys (id, active_since)
SELECT canary.key_id,
       CASE WHEN row_number() OVER (
                     ORDER BY (SELECT count(*)
                                 FROM easeboard.people_keys AS key
                                WHERE key.key_id = canary.key_id)
                            + (SELECT count(*)
                                 FROM easeboard.canvas_tokens AS token
                                WHERE token.key_id = canary.key_id) DESC,
                              canary.created_at
                 ) = 1
            THEN clock_timestamp()
            ELSE canary.created_at
       END
  FROM easeboard.key_canary AS canary;

-- The transaction that closes a key takes this advisory lock alone: it waits for those that still
-- write with the key, and later ones see that it is closed.
CREATE FUNCTION easeboard.refuse_closed_key() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    fenced text;
BEGIN
    IF NEW.key_id IS NULL THEN
        RETURN NEW;
    END IF;
    -- An assignment, for it costs less than a statement.
    fenced := pg_advisory_xact_lock_shared(1161905989, 5);
    IF EXISTS (
           SELECT FROM easeboard.master_keys WHERE id = NEW.key_id AND closed_at IS NULL
       )
       OR NOT EXISTS (SELECT FROM easeboard.master_keys)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the master key % encrypts nothing in this database', NEW.key_id
        USING ERRCODE = 'EB004', HINT = 'easeboard keys rotate activates a key.';
END
$$;

CREATE TRIGGER people_keys_open_key
    BEFORE INSERT OR UPDATE OF key_id, wrapped ON easeboard.people_keys
    FOR EACH ROW EXECUTE FUNCTION easeboard.refuse_closed_key();

CREATE TRIGGER canvas_tokens_open_key
    BEFORE INSERT OR UPDATE OF key_id, wrapped, sealed ON easeboard.canvas_tokens
    FOR EACH ROW EXECUTE FUNCTION easeboard.refuse_closed_key();

-- The keys that sign checkpoints of the log. The private half is encrypted with the master key
-- `key_id`. `kind` is the signature type of C2SP: 1 Ed25519, 6 ML-DSA-44. Keys without `retired_at`
-- sign; two processes that make the first key at once make one.
CREATE TABLE easeboard.seal_keys (
    kind       smallint    NOT NULL,
    number     integer     NOT NULL CHECK (number > 0),
    vkey       text        NOT NULL UNIQUE,
    key_id     text        NOT NULL,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz,
    PRIMARY KEY (kind, number)
);

-- The hashes of the tree over the log, 256 in a tile that is full. Level 0 has those of the events;
-- there `first_position` is the position of the first event of the tile.
CREATE TABLE easeboard.seal_tiles (
    level          smallint NOT NULL CHECK (level >= 0),
    number         bigint   NOT NULL CHECK (number >= 0),
    first_position bigint   CHECK ((first_position IS NULL) = (level > 0)),
    hashes         bytea    NOT NULL
                   CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (level, number)
);

-- Hashes do not compress.
ALTER TABLE easeboard.seal_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE INDEX seal_tiles_first_position ON easeboard.seal_tiles (first_position) WHERE level = 0;

-- The signed checkpoints: the tree with `size` events, the last of which is at `last_position`.
-- `note` is what the log signed; `cosignatures` are the lines of witnesses, added later.
CREATE TABLE easeboard.seal_checkpoints (
    size          bigint      PRIMARY KEY CHECK (size > 0),
    last_position bigint      NOT NULL UNIQUE,
    root          bytea       NOT NULL CHECK (octet_length(root) = 32),
    note          text        NOT NULL,
    cosignatures  text        NOT NULL DEFAULT '',
    sealed_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Finds an event by its id. It has one entry for some hundred events, so it costs appends next to
-- nothing. The planner does not know that a few ranges at most contain an id: it would read the log.
CREATE INDEX events_by_id ON easeboard.events
 USING brin (event_id uuid_bloom_ops (n_distinct_per_range = 512, false_positive_rate = 0.001))
  WITH (pages_per_range = 32, autosummarize = on);

CREATE FUNCTION easeboard.position_of_event(wanted uuid) RETURNS bigint LANGUAGE sql STABLE
SET enable_seqscan = off SET max_parallel_workers_per_gather = 0 AS $$
    SELECT position FROM easeboard.events WHERE event_id = wanted
$$;

-- A tile only grows, and of a checkpoint only the cosignatures change, whoever asks.
CREATE FUNCTION easeboard.refuse_change_of_tile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
       AND (new.level, new.number) = (old.level, old.number)
       AND new.first_position IS NOT DISTINCT FROM old.first_position
       AND octet_length(new.hashes) >= octet_length(old.hashes)
       AND substr(new.hashes, 1, octet_length(old.hashes)) = old.hashes THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION 'easeboard.seal_tiles only grows: % is refused', TG_OP
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;

CREATE TRIGGER tiles_only_grow
    BEFORE UPDATE OR DELETE ON easeboard.seal_tiles
    FOR EACH ROW EXECUTE FUNCTION easeboard.refuse_change_of_tile();

CREATE FUNCTION easeboard.refuse_change_of_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (new.size, new.last_position, new.root, new.note, new.sealed_at)
       = (old.size, old.last_position, old.root, old.note, old.sealed_at) THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION 'a signed checkpoint is not changed: UPDATE is refused'
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;

CREATE TRIGGER checkpoints_are_signed
    BEFORE UPDATE ON easeboard.seal_checkpoints
    FOR EACH ROW EXECUTE FUNCTION easeboard.refuse_change_of_checkpoint();

-- Stores a signed checkpoint and the tiles that changed, if the lease `held_name` still has this
-- holder and epoch, and the newest checkpoint has the size `old_size`; otherwise nothing.
-- Nobody takes the lease before the transaction ends, and no checkpoint is missed: each statement
-- of a function has a snapshot of its own, which is newer than the lock.
CREATE FUNCTION easeboard.store_seal(
    held_name text, held_holder text, held_epoch bigint, old_size bigint, new_size bigint,
    new_last_position bigint, new_root bytea, new_note text, levels smallint[], numbers bigint[],
    first_positions bigint[], new_hashes bytea[],
    OUT is_held boolean, OUT sealed_at timestamptz
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM
       FROM easeboard.leases
      WHERE name = held_name
        AND holder = held_holder
        AND epoch = held_epoch
        FOR UPDATE;
    is_held := FOUND;
    IF NOT is_held
       OR coalesce((SELECT max(size) FROM easeboard.seal_checkpoints), 0) <> old_size THEN
        RETURN;
    END IF;
    INSERT INTO easeboard.seal_checkpoints AS sealed (size, last_position, root, note)
    VALUES (new_size, new_last_position, new_root, new_note)
    RETURNING sealed.sealed_at INTO sealed_at;
    INSERT INTO easeboard.seal_tiles (level, number, first_position, hashes)
    SELECT *
      FROM unnest(levels, numbers, first_positions, new_hashes)
        ON CONFLICT (level, number) DO UPDATE
       SET hashes = excluded.hashes;
END
$$;

"""A log with synthetic rows, sealed and published with a key of the test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from infrastructure.seals.log_entries import read_entries
from infrastructure.seals.merkle import leaf_hash
from infrastructure.seals.seal_writer import CheckpointRow, load_tree, write_seal
from infrastructure.seals.signatures import SigningKey, new_signing_key
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import sign_note
from infrastructure.seals.tiles import (
    TILE_WIDTH,
    GrowingTree,
    TileId,
    bundle_path,
    encode_bundle,
    tile_path,
)
from infrastructure.seals.verification.findings import Report
from infrastructure.seals.verification.verify_log import VerificationScope, verify_log
from tests.infrastructure.seals.log_rows import take_lease

NAME = "easeboard.example/easeboard/test"
MAX_POSITION = 2**63 - 1

INSERT_ROWS = """
INSERT INTO easeboard.events
       (stream, version, topic, actor, correlation_id, causation_id, command_id, person_id, state)
SELECT md5('stream' || n / 5)::uuid, n %% 5 + 1,
       CASE n %% 3 WHEN 0 THEN 'CourseFetched' WHEN 1 THEN 'GradeChanged' ELSE 'SyncStarted' END,
       CASE n %% 2 WHEN 0 THEN 'worker' ELSE md5('person' || n %% 7) END,
       CASE n %% 4 WHEN 0 THEN NULL ELSE md5('run' || n / 10) END,
       CASE n %% 4 WHEN 1 THEN NULL ELSE md5('cause' || n)::uuid END,
       md5('command' || n)::uuid, md5('person' || n / 5 %% 7)::uuid,
       decode(repeat(md5('state' || n), %(state_bytes)s / 16), 'hex')
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""


class SealedTestLog:
    """Appends rows, seals them, and publishes tiles and entries in a folder."""

    def __init__(self, url: str, folder: Path) -> None:
        self.connection: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
        self.folder = folder
        self.key: SigningKey = new_signing_key(NAME)
        self._rows = 0
        self._claim = take_lease(url)
        self._add_key(self.key)

    def append(self, count: int, *, state_bytes: int = 64) -> None:
        """Append rows past `append`, which costs too much for many."""
        first, self._rows = self._rows, self._rows + count
        values = {"first": first, "last": self._rows - 1, "state_bytes": state_bytes}
        self.connection.execute(INSERT_ROWS, values)

    def leave_gap(self, count: int = 1) -> None:
        """Let positions be given out that no row has, as an append that is rolled back does."""
        self.connection.execute(
            "SELECT nextval('easeboard.position') FROM generate_series(1, %s)", [count]
        )

    def rotate_key(self) -> None:
        """Sign later checkpoints with another key of the same name."""
        self.key = new_signing_key(NAME)
        self._add_key(self.key)

    def seal(self) -> bytes:
        """Seal all rows; returns the signed checkpoint."""
        tree, newest = load_tree(self.connection)
        after = newest.last_position if newest else 0
        rows = read_entries(self.connection, after, MAX_POSITION, MAX_POSITION)
        old_size = tree.size
        full = tree.add(leaf_hash(entry) for _, entry in rows)
        firsts = {
            index // TILE_WIDTH: rows[index - old_size][0]
            for index in range(old_size, tree.size)
            if index % TILE_WIDTH == 0
        }
        note = self.sign(tree.size, tree.root())
        row = CheckpointRow(tree.size, rows[-1][0], tree.root(), note.decode())
        tiles = full | tree.partial_tiles()
        write_seal(self.connection, self._claim, old_size, row, tiles, first_positions=firsts)
        return note

    def sign(self, size: int, root: bytes) -> bytes:
        """Return a signed checkpoint of any tree."""
        return sign_note(Checkpoint(NAME, size, root).text(), [self.key], 1_790_000_000)

    def publish(self) -> None:
        """Write what is sealed as files; nothing is read from the tiles of the database."""
        _, newest = load_tree(self.connection)
        assert newest
        rows = read_entries(self.connection, 0, newest.last_position, MAX_POSITION)
        entries = [entry for _, entry in rows]
        tree = GrowingTree()
        tiles = tree.add(map(leaf_hash, entries)) | tree.partial_tiles()
        for tile, hashes in tiles.items():
            self._write(tile_path(tile, len(hashes)), b"".join(hashes))
        for start in range(0, len(entries), TILE_WIDTH):
            part = entries[start : start + TILE_WIDTH]
            self._write(bundle_path(start // TILE_WIDTH, len(part)), encode_bundle(part))
        self._write("checkpoint", newest.note)
        keys = self.connection.execute("SELECT vkey FROM easeboard.seal_keys ORDER BY number")
        self._write("vkey", "".join(f"{vkey}\n" for (vkey,) in keys).encode())

    def tamper(self, statement: str, *values: Any) -> None:
        """Change what nobody may change, as a superuser of the database can."""
        with self._without_triggers():
            self.connection.execute(statement, values)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo at the end of the block what was changed in it."""
        with self.connection.transaction(force_rollback=True):
            yield

    def reseal(self) -> None:
        """Forget tiles and checkpoints, and seal the rows as they are now, with the same key."""
        with self._without_triggers():
            self.connection.execute("DELETE FROM easeboard.seal_tiles")
            self.connection.execute("DELETE FROM easeboard.seal_checkpoints")
        self.seal()

    def verify(self, **wanted: Any) -> Report:
        """Verify with the published files, unless `folder` is None."""
        folder = wanted.pop("folder", self.folder if self.folder.exists() else None)
        return verify_log(self.connection, VerificationScope(folder=folder, **wanted))

    def positions(self) -> list[int]:
        """Return all positions in order."""
        rows = self.connection.execute("SELECT position FROM easeboard.events ORDER BY position")
        return [position for (position,) in rows]

    def remove_folder(self) -> None:
        """Remove the published files."""
        shutil.rmtree(self.folder)

    @contextmanager
    def _without_triggers(self) -> Iterator[None]:
        tables = ("events", "seal_tiles", "seal_checkpoints")
        for table in tables:
            self.connection.execute(f"ALTER TABLE easeboard.{table} DISABLE TRIGGER ALL")
        yield
        for table in tables:
            self.connection.execute(f"ALTER TABLE easeboard.{table} ENABLE TRIGGER ALL")

    def _add_key(self, key: SigningKey) -> None:
        self.connection.execute(
            "INSERT INTO easeboard.seal_keys (kind, number, vkey, key_id, wrapped)"
            " SELECT %s, count(*) + 1, %s, 'k1', '' FROM easeboard.seal_keys",
            [key.kind, str(key.verifier)],
        )

    def _write(self, path: str, data: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def first_tile_hash(log: SealedTestLog, tile: TileId) -> bytes:
    """Return the hashes of a tile of the database."""
    row = log.connection.execute(
        "SELECT hashes FROM easeboard.seal_tiles WHERE (level, number) = (%s, %s)", tile
    ).fetchone()
    assert row
    return bytes(row[0])

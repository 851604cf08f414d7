"""Seals the log: hashes new events into the tree, and signs a checkpoint of it."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from infrastructure.crypto.master_key import KeyRing
from infrastructure.postgres.execute import autocommit, execute
from infrastructure.postgres.lease import LeaseClaim
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.retry import with_retry
from infrastructure.postgres.timeouts import TimedConnection
from infrastructure.seals.log_entries import Entries, read_entries
from infrastructure.seals.seal_keys import ensure_signing_keys
from infrastructure.seals.seal_store import SealedCheckpoint
from infrastructure.seals.seal_writer import (
    DELETE_OLD_CHECKPOINTS,
    CheckpointRow,
    load_tree,
    write_seal,
)
from infrastructure.seals.signatures import SigningKey
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import sign_note
from infrastructure.seals.tiles import TILE_WIDTH, GrowingTree, bundle_hashes

BATCH_EVENTS = 8192
"""Events of one checkpoint at most; with more to seal, the next one follows at once."""
BATCH_TIMEOUT_SECONDS = 30.0
"""Seconds without a response after which a connection counts as lost: states can be large."""


class SealingKeys(NamedTuple):
    """How the keys of the log are made: the host in its origin, and whether ML-DSA-44 signs too."""

    ring: KeyRing
    host: str
    with_ml_dsa: bool = False


class SealedLog(NamedTuple):
    """What is sealed, as one process knows it: `newest` is None before the first checkpoint."""

    tree: GrowingTree
    newest: SealedCheckpoint | None
    signing_keys: Sequence[SigningKey]

    @property
    def last_position(self) -> int:
        """The position of the last event that is sealed; 0 before the first one."""
        return self.newest.last_position if self.newest else 0


class SealedBatch(NamedTuple):
    """Events that were sealed together: the index of the first one, and their entries."""

    start: int
    entries: Sequence[bytes]
    last_position: int
    is_full: bool
    """Whether there may be more to seal at once."""


class Sealer:
    """Appends the events of the log to the tree, in batches; one thread at a time uses it.

    After any error it reads the tree again. Every method may raise DatabaseBusy,
    DatabaseUnavailable and the errors of psycopg.
    """

    def __init__(
        self, pool: WritePool, keys: SealingKeys, *, batch_events: int = BATCH_EVENTS
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._batch_events = batch_events
        self._sealed: SealedLog | None = None

    def forget(self) -> None:
        """Read the tree again before the next batch, because it may be another one."""
        self._sealed = None

    def sealed(self) -> SealedLog:
        """Return what is sealed; it is read from the database the first time.

        Raises: LogWentBackwards, SealKeyUnreadable, TilesMissing.
        """
        if self._sealed is None:
            self._sealed = with_retry(self._pool, self._load)
        return self._sealed

    def seal_batch(self, claim: LeaseClaim, up_to: int) -> SealedBatch:
        """Seal the next events up to a position, at most one batch; return them.

        Raises: LeaseLost, SealedByAnother, and what `sealed` raises.
        """
        sealed = self.sealed()
        entries = with_retry(
            self._pool,
            lambda connection: self._read(connection, sealed.last_position, up_to),
            timeout_seconds=BATCH_TIMEOUT_SECONDS,
        )
        if entries:
            self.forget()
            self._sealed = self._append(sealed, claim, entries)
        return SealedBatch(
            sealed.tree.size,
            [entry for _, entry in entries],
            entries[-1][0] if entries else sealed.last_position,
            len(entries) == self._batch_events,
        )

    def delete_old_checkpoints(self) -> None:
        """Delete most checkpoints that are older than an hour: one an hour remains."""
        execute(self._pool, DELETE_OLD_CHECKPOINTS)

    def _load(self, connection: TimedConnection) -> SealedLog:
        ring, host, with_ml_dsa = self._keys
        with connection.transaction():
            keys = ensure_signing_keys(connection, ring, host=host, with_ml_dsa=with_ml_dsa)
            return SealedLog(*load_tree(connection), keys)

    def _read(self, connection: TimedConnection, after: int, up_to: int) -> Entries:
        with autocommit(connection):
            return read_entries(connection, after, up_to, self._batch_events)

    def _append(self, sealed: SealedLog, claim: LeaseClaim, entries: Entries) -> SealedLog:
        """Return the log with these events, which are stored then."""
        old_size, keys = sealed.tree.size, sealed.signing_keys
        tree = GrowingTree(old_size, sealed.tree.edge)
        full = tree.add(bundle_hashes(entry for _, entry in entries))
        tiles = full | tree.partial_tiles()
        first_positions = {
            index // TILE_WIDTH: entries[index - old_size][0]
            for index in range(-(-old_size // TILE_WIDTH) * TILE_WIDTH, tree.size, TILE_WIDTH)
        }
        root = tree.root()
        text = Checkpoint(keys[0].name, tree.size, root).text()
        note = sign_note(text, keys, int(time.time()))
        row = CheckpointRow(tree.size, entries[-1][0], root, note.decode())

        newest = with_retry(
            self._pool,
            lambda connection: write_seal(
                connection, claim, old_size, row, tiles, first_positions=first_positions
            ),
            timeout_seconds=BATCH_TIMEOUT_SECONDS,
        )
        return SealedLog(tree, newest, keys)

"""Sealers of tests, and the tree that they must make."""

import psycopg

from infrastructure.postgres.lease import LeaseClaim
from infrastructure.postgres.pools import WritePool
from infrastructure.seals.sealer import Sealer, SealingKeys
from infrastructure.seals.tiles import GrowingTree, TileId, bundle_hashes
from tests.infrastructure.seals.log_rows import expected_entries, new_ring

END = 2**63 - 1
RING = new_ring()


def new_sealer(pool: WritePool, batch_events: int = 8192, *, with_ml_dsa: bool = False) -> Sealer:
    keys = SealingKeys(RING, "localhost", with_ml_dsa)
    return Sealer(pool, keys, batch_events=batch_events)


def seal_all(sealer: Sealer, claim: LeaseClaim) -> int:
    """Seal batches until there is nothing more; return their number."""
    batches = 0
    while sealer.seal_batch(claim, END).entries:
        batches += 1
    return batches


def stored_tiles(url: str) -> dict[TileId, tuple[int | None, bytes]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT level, number, first_position, hashes FROM easeboard.seal_tiles"
        ).fetchall()
    return {TileId(level, number): (first, hashes) for level, number, first, hashes in rows}


def expected_tiles(url: str) -> dict[TileId, tuple[int | None, bytes]]:
    """Return the tiles of a tree that is made at once from all rows."""
    entries = expected_entries(url)
    tree = GrowingTree()
    full = tree.add(bundle_hashes(entry for _, entry in entries))
    return {
        tile: (None if tile.level else entries[tile.number * 256][0], b"".join(hashes))
        for tile, hashes in (full | tree.partial_tiles()).items()
    }


def expected_root(url: str) -> bytes:
    tree = GrowingTree()
    tree.add(bundle_hashes(entry for _, entry in expected_entries(url)))
    return tree.root()

"""Grows the tree in the database: one transaction writes its tiles and a signed checkpoint."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg

from infrastructure.postgres.execute import autocommit
from infrastructure.postgres.lease import LeaseClaim, LeaseLost
from infrastructure.seals.log_entries import read_entries
from infrastructure.seals.merkle import HASH_BYTES, leaf_hash
from infrastructure.seals.seal_store import (
    SELECT_NEWEST_CHECKPOINT,
    SELECT_TILES,
    SealedCheckpoint,
    cut_tiles,
    to_checkpoint,
)
from infrastructure.seals.tiles import (
    TILE_WIDTH,
    GrowingTree,
    TileId,
    edge_tiles,
    split_hashes,
    tile_width,
)

SELECT_FIRST_POSITION = """
SELECT first_position
  FROM easeboard.seal_tiles
 WHERE level = 0
   AND number = %s
"""

STORE_SEAL = """
SELECT is_held, sealed_at
  FROM easeboard.store_seal(
           %(name)s, %(holder)s, %(epoch)s, %(old_size)s, %(size)s, %(last_position)s, %(root)s,
           %(note)s, %(levels)s::smallint[], %(numbers)s::bigint[], %(first_positions)s::bigint[],
           %(hashes)s::bytea[]
       )
"""

# All of the last hour stay; of an older hour one does, with cosignatures if there is one.
DELETE_OLD_CHECKPOINTS = """
DELETE FROM easeboard.seal_checkpoints
 WHERE size IN (
           SELECT size
             FROM (
                      SELECT size,
                             row_number() OVER (
                                 PARTITION BY date_trunc('hour', sealed_at, 'UTC')
                                 ORDER BY cosignatures <> '' DESC, size DESC
                             ) AS place
                        FROM easeboard.seal_checkpoints
                       WHERE sealed_at < date_trunc('hour', clock_timestamp(), 'UTC')
                                         - INTERVAL '1 hour'
                  ) AS old
            WHERE place > 1
       )
   AND size < (SELECT max(size) FROM easeboard.seal_checkpoints)
"""


class LogWentBackwards(Exception):
    """The last event that is sealed is not in the log: it was restored, cut off or replaced."""

    def __init__(self, position: int) -> None:
        super().__init__(
            f"The event at position {position}, the last one that is sealed, is not in the log as "
            "it was sealed. Nothing is sealed until the log has it again: restore the newest "
            "backup, and run `easeboard audit verify`."
        )


class SealedByAnother(Exception):
    """Another process has sealed events since; read the tree again."""


class CheckpointRow(NamedTuple):
    """A signed checkpoint that is not stored yet."""

    size: int
    last_position: int
    root: bytes
    note: str


def load_tree(
    connection: psycopg.Connection[Any],
) -> tuple[GrowingTree, SealedCheckpoint | None]:
    """Return the right edge of the tree, and its newest checkpoint; None before the first one.

    Raises: LogWentBackwards, TilesMissing, and the errors of psycopg.
    """
    row = connection.execute(SELECT_NEWEST_CHECKPOINT, binary=True).fetchone()
    if row is None:
        return GrowingTree(), None
    newest = to_checkpoint(row)
    last_tile = TileId(0, (newest.size - 1) // TILE_WIDTH)
    wanted = {**edge_tiles(newest.size), last_tile: tile_width(last_tile, newest.size)}
    tiles = select_tiles(connection, wanted)
    _require_last_event(connection, newest.last_position, split_hashes(tiles[last_tile])[-1])
    return GrowingTree(newest.size, _edge_of(tiles, newest.size)), newest


def select_tiles(
    connection: psycopg.Connection[Any], tiles: Mapping[TileId, int]
) -> dict[TileId, bytes]:
    """Return what `seal_store.read_tiles` does."""
    columns = [[tile.level for tile in tiles], [tile.number for tile in tiles]]
    rows = connection.execute(SELECT_TILES, columns, binary=True).fetchall()
    return cut_tiles(rows, tiles)


def first_position(connection: psycopg.Connection[Any], number: int) -> int:
    """Return the position of the first event of a tile of level 0.

    Raises: LookupError if there is no such tile.
    """
    row = connection.execute(SELECT_FIRST_POSITION, [number]).fetchone()
    if row is None:
        raise LookupError(f"tile {number} of level 0")
    return int(row[0])


def write_seal(
    connection: psycopg.Connection[Any],
    claim: LeaseClaim,
    old_size: int,
    checkpoint: CheckpointRow,
    tiles: Mapping[TileId, Sequence[bytes]],
    *,
    first_positions: Mapping[int, int],
) -> SealedCheckpoint:
    """Store a signed checkpoint and the tiles that changed, if the newest size is `old_size`.

    `first_positions` are those of the new tiles of level 0, by number; that of an older one
    remains as it is. It is one statement and one transaction.

    Raises: LeaseLost, SealedByAnother, and the errors of psycopg.
    """
    values = {
        **checkpoint._asdict(),
        **claim._asdict(),
        "old_size": old_size,
        "levels": [tile.level for tile in tiles],
        "numbers": [tile.number for tile in tiles],
        "first_positions": [
            None if tile.level else first_positions.get(tile.number, 0) for tile in tiles
        ],
        "hashes": [b"".join(hashes) for hashes in tiles.values()],
    }
    with autocommit(connection):
        row = connection.execute(STORE_SEAL, values, binary=True).fetchone()
    is_held, sealed_at = row or (False, None)
    if not is_held:
        raise LeaseLost(claim.name)
    if sealed_at is None:
        raise SealedByAnother
    size, last_position, root, note = checkpoint
    return SealedCheckpoint(size, last_position, root, note.encode(), sealed_at)


def _edge_of(tiles: Mapping[TileId, bytes], size: int) -> list[list[bytes]]:
    edge: list[list[bytes]] = []
    for tile, width in edge_tiles(size).items():
        edge.extend([] for _ in range(tile.level + 1 - len(edge)))
        edge[tile.level] = split_hashes(tiles[tile][: width * HASH_BYTES])
    return edge


def _require_last_event(connection: psycopg.Connection[Any], position: int, leaf: bytes) -> None:
    entries = read_entries(connection, position - 1, position, 1)
    if [leaf_hash(entry) for _, entry in entries] != [leaf]:
        raise LogWentBackwards(position)

"""Where a verification starts: at the first event, or after a checkpoint that is known."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg

from infrastructure.seals.merkle import EMPTY_ROOT
from infrastructure.seals.tiles import TILE_WIDTH, GrowingTree, edge_tiles, split_hashes
from infrastructure.seals.verification.findings import TreeState
from infrastructure.seals.verification.leaf_sources import DatabaseTiles

SELECT_STORED = """
SELECT last_position
  FROM easeboard.seal_checkpoints
 WHERE size = %s
"""
SELECT_POSITION = """
SELECT position
  FROM easeboard.events
 WHERE position >= %s
 ORDER BY position
OFFSET %s
 LIMIT 1
"""


class StartDiffers(Exception):
    """The tiles of the database do not lead to the root of the checkpoint to start from."""


class StartingPoint(NamedTuple):
    """A tree whose rows are not read again: its right edge, from which hashing continues."""

    state: TreeState
    edge: Sequence[Sequence[bytes]]


BEGINNING = StartingPoint(TreeState(0, 0, EMPTY_ROOT), ())


def start_after(connection: psycopg.Connection[Any], size: int, root: bytes) -> StartingPoint:
    """Return the start after a tree of this size and root, from the tiles of the database.

    Raises: StartDiffers if the tiles lead to another root, or are missing.
    """
    if size == 0:
        return BEGINNING
    tiles = DatabaseTiles(connection)
    widths = edge_tiles(size)
    edge: list[list[bytes]] = [[] for _ in range(max(tile.level for tile in widths) + 1)]
    for tile, width in widths.items():
        edge[tile.level] = split_hashes(tiles.tile(tile, width) or b"")
    if GrowingTree(size, edge).root() != root:
        raise StartDiffers
    position = _last_position(connection, tiles, size)
    if position is None:
        raise StartDiffers
    return StartingPoint(TreeState(size, position, root), edge)


def _last_position(
    connection: psycopg.Connection[Any], tiles: DatabaseTiles, size: int
) -> int | None:
    """Return the position of the last event of a tree; that of its checkpoint, if it is stored."""
    stored = connection.execute(SELECT_STORED, [size]).fetchone()
    if stored:
        return int(stored[0])
    number, offset = divmod(size - 1, TILE_WIDTH)
    first = tiles.first_position(number)
    row = connection.execute(SELECT_POSITION, [first, offset]).fetchone()
    return int(row[0]) if first is not None and row else None

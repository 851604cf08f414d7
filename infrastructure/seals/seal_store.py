"""Reads and writes the tree over the log in the database: its tiles and its signed checkpoints."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.merkle import HASH_BYTES
from infrastructure.seals.tiles import TileId

SELECT_NEWEST_CHECKPOINT = """
SELECT size, last_position, root, note || cosignatures, sealed_at
  FROM easeboard.seal_checkpoints
 ORDER BY size DESC
 LIMIT 1
"""

SELECT_CHECKPOINTS = """
SELECT size, last_position, root, note || cosignatures, sealed_at
  FROM easeboard.seal_checkpoints
 WHERE size < %s
 ORDER BY size DESC
 LIMIT %s
"""

SELECT_CHECKPOINT_AT_LEAST = """
SELECT size, last_position, root, note || cosignatures, sealed_at
  FROM easeboard.seal_checkpoints
 WHERE size >= %s
 ORDER BY size
 LIMIT 1
"""

SELECT_TILES = """
SELECT level, number, hashes
  FROM easeboard.seal_tiles
  JOIN unnest(%s::smallint[], %s::bigint[]) AS wanted (level, number) USING (level, number)
"""

SELECT_INDEXES = """
WITH wanted AS (
    SELECT position, tile.number, tile.first_position
      FROM unnest(%s::bigint[]) AS given (position)
     CROSS JOIN LATERAL (
               SELECT number, first_position
                 FROM easeboard.seal_tiles
                WHERE level = 0
                  AND first_position <= given.position
                ORDER BY first_position DESC
                LIMIT 1
           ) AS tile
     WHERE position <= (SELECT max(last_position) FROM easeboard.seal_checkpoints)
)
SELECT wanted.position, ranked.entry_index
  FROM (
           SELECT number, first_position, max(position) AS last_position
             FROM wanted
            GROUP BY number, first_position
       ) AS tile
 CROSS JOIN LATERAL (
           SELECT position, tile.number * 256 - 1 + row_number() OVER (ORDER BY position)
             FROM easeboard.events
            WHERE position >= tile.first_position
              AND position <= tile.last_position
       ) AS ranked (position, entry_index)
  JOIN wanted USING (position)
"""
"""Selects ranks by position. The events of a tile are numbered: an aborted append leaves a gap."""

MAX_SIZE = 2**63 - 1


class TilesMissing(LookupError):
    """The database lacks tiles that its checkpoint needs; the message names one."""


class SealedCheckpoint(NamedTuple):
    """A signed checkpoint: the tree of `size` events, the last of which is at `last_position`."""

    size: int
    last_position: int
    root: bytes
    note: bytes
    """The signed note, with the cosignatures of witnesses that there are."""
    sealed_at: datetime


async def newest_checkpoint(pool: ReadPool) -> SealedCheckpoint | None:
    """Return the newest signed checkpoint; None before the first one."""
    rows = await _select(pool, SELECT_NEWEST_CHECKPOINT, [])
    return to_checkpoint(rows[0]) if rows else None


async def checkpoints(
    pool: ReadPool, *, before_size: int = MAX_SIZE, limit: int = 100
) -> list[SealedCheckpoint]:
    """Return signed checkpoints smaller than `before_size`, newest first, at most `limit`."""
    rows = await _select(pool, SELECT_CHECKPOINTS, [before_size, limit])
    return [to_checkpoint(row) for row in rows]


async def checkpoint_at_least(pool: ReadPool, size: int) -> SealedCheckpoint | None:
    """Return the smallest stored checkpoint of a tree with at least `size` events, if any."""
    rows = await _select(pool, SELECT_CHECKPOINT_AT_LEAST, [size])
    return to_checkpoint(rows[0]) if rows else None


async def read_tiles(pool: ReadPool, tiles: Mapping[TileId, int]) -> dict[TileId, bytes]:
    """Return the hashes of tiles, each cut to the given width; see `tiles.tiles_of_ranges`.

    Raises: TilesMissing if the database has fewer hashes.
    """
    wanted = list(tiles)
    columns = [[tile.level for tile in wanted], [tile.number for tile in wanted]]
    return cut_tiles(await _select(pool, SELECT_TILES, columns), tiles)


async def index_of(pool: ReadPool, position: int) -> int | None:
    """Return the index of the event at a position in the tree; None if it is not sealed."""
    return (await indexes_of(pool, [position])).get(position)


async def indexes_of(pool: ReadPool, positions: Sequence[int]) -> dict[int, int]:
    """Return the indexes of the events at these positions in the tree; of the sealed ones only."""
    return dict(await _select(pool, SELECT_INDEXES, [list(positions)]))


def to_checkpoint(row: Sequence[Any]) -> SealedCheckpoint:
    """Return the checkpoint of a row."""
    size, last_position, root, note, sealed_at = row
    return SealedCheckpoint(size, last_position, root, note.encode(), sealed_at)


def cut_tiles(
    rows: Sequence[tuple[int, int, bytes]], tiles: Mapping[TileId, int]
) -> dict[TileId, bytes]:
    """Return the hashes of rows by tile, each cut to its width; raises TilesMissing."""
    found = {TileId(level, number): hashes for level, number, hashes in rows}
    cut = {tile: found.get(tile, b"")[: width * HASH_BYTES] for tile, width in tiles.items()}
    for tile, width in tiles.items():
        if len(cut[tile]) != width * HASH_BYTES:
            raise TilesMissing(
                f"The database has {len(cut[tile]) // HASH_BYTES} of {width} hashes of the tile "
                f"{tile.number} of level {tile.level}."
            )
    return cut


async def _select(pool: ReadPool, statement: Any, values: Sequence[Any]) -> list[Any]:
    async with pool.connection() as connection:
        return await (await connection.execute(statement, values, binary=True)).fetchall()

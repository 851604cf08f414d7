"""Proves events of the log: that a signed checkpoint covers the row as it is stored now."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.log_entries import find_entry
from infrastructure.seals.merkle import EntryRange, ProofInvalid, inclusion_ranges, leaf_hash
from infrastructure.seals.seal_store import (
    SealedCheckpoint,
    indexes_of,
    newest_checkpoint,
    read_tiles,
)
from infrastructure.seals.tiles import range_root, tiles_of_ranges
from infrastructure.seals.tlog_proof import TlogProof

SELECT_SEALS = """
SELECT wanted.position, checkpoint.size, checkpoint.note
  FROM unnest(%s::bigint[]) AS wanted (position)
 CROSS JOIN LATERAL (
           SELECT size, note
             FROM easeboard.seal_checkpoints
            WHERE last_position >= wanted.position
            ORDER BY last_position
            LIMIT 1
       ) AS checkpoint
"""
"""Selects the smallest checkpoint that covers each position: it stays the same for long."""


class EventChanged(ProofInvalid):
    """The row of a sealed event is not the one that was sealed."""


class EventProof(NamedTuple):
    """The entry of an event, its place in the tree, and the checkpoint that covers it."""

    position: int
    entry: bytes
    proof: TlogProof


async def proof_of(pool: ReadPool, event_id: UUID) -> EventProof | None:
    """Return the proof of an event in the newest checkpoint; None if it covers no such event.

    Raises: EventChanged if the row, or one before it, was changed after it was sealed;
    TilesMissing.
    """
    async with pool.connection() as connection:
        found = await find_entry(connection, event_id)
    if found is None:
        return None
    position, entry = found
    indexes = await indexes_of(pool, [position])
    checkpoint = await newest_checkpoint(pool)
    if position not in indexes or checkpoint is None:
        return None
    return await prove(pool, position, entry, indexes[position], checkpoint)


async def prove(
    pool: ReadPool, position: int, entry: bytes, index: int, checkpoint: SealedCheckpoint
) -> EventProof:
    """Return the proof that a checkpoint has an entry at an index.

    Raises: EventChanged if it has another entry there; TilesMissing.
    """
    ranges = inclusion_ranges(index, checkpoint.size)
    leaf = EntryRange(index, index + 1)
    tiles = await read_tiles(pool, tiles_of_ranges([leaf, *ranges], checkpoint.size))
    if range_root(leaf, tiles) != leaf_hash(entry):
        raise EventChanged(
            f"The event at position {position} is not as it was sealed, or one before it was "
            "removed or added: `easeboard audit verify` finds which."
        )
    path = [range_root(part, tiles) for part in ranges]
    return EventProof(position, entry, TlogProof(index, path, checkpoint.note))


async def seals_of(pool: ReadPool, positions: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the seal of each event that a checkpoint covers, by position; two statements.

    A seal is `{index, tree_size, checkpoint}`: of the smallest stored checkpoint that covers the
    event, without cosignatures. `checkpoint` is its signed note.
    """
    indexes = await indexes_of(pool, positions)
    async with pool.connection() as connection:
        cursor = await connection.execute(SELECT_SEALS, [list(indexes)], binary=True)
        rows = await cursor.fetchall()
    return {
        position: {"index": indexes[position], "tree_size": size, "checkpoint": note}
        for position, size, note in rows
    }

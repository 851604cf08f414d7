"""Finds stored checkpoints that enough witnesses have signed."""

from typing import Any, LiteralString

from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.seal_keys import verifier_keys
from infrastructure.seals.seal_store import SealedCheckpoint, to_checkpoint
from infrastructure.seals.signatures import SignatureWrong
from infrastructure.seals.signed_checkpoint import CheckpointMalformed
from infrastructure.seals.signed_note import NoteMalformed, NoteUnsigned
from infrastructure.seals.trust_policy import PolicyNotSatisfied, TrustPolicy

SELECT_OLDEST_COSIGNED: LiteralString = """
SELECT size, last_position, root, note || cosignatures, sealed_at
  FROM easeboard.seal_checkpoints
 WHERE size >= %s
   AND cosignatures <> ''
 ORDER BY size
 LIMIT %s
"""

SELECT_NEWEST_COSIGNED: LiteralString = """
SELECT size, last_position, root, note || cosignatures, sealed_at
  FROM easeboard.seal_checkpoints
 WHERE size >= %s
   AND cosignatures <> ''
 ORDER BY size DESC
 LIMIT %s
"""

EXAMINED = 200
"""Checkpoints that are examined at most: some may have too few signatures."""


async def oldest_witnessed(
    pool: ReadPool, policy: TrustPolicy, size: int
) -> SealedCheckpoint | None:
    """Return the oldest checkpoint of at least `size` events that satisfies the policy, if any.

    Its signatures have the earliest times: they date an event best.
    """
    return await _find(pool, policy, SELECT_OLDEST_COSIGNED, size)


async def newest_witnessed(pool: ReadPool, policy: TrustPolicy) -> SealedCheckpoint | None:
    """Return the newest checkpoint that satisfies the policy, if any."""
    return await _find(pool, policy, SELECT_NEWEST_COSIGNED, 0)


async def _find(
    pool: ReadPool, policy: TrustPolicy, statement: LiteralString, size: int
) -> SealedCheckpoint | None:
    async with pool.connection() as connection:
        cursor = await connection.execute(statement, [size, EXAMINED], binary=True)
        rows: list[tuple[Any, ...]] = await cursor.fetchall()
    keys = await verifier_keys(pool) if rows else []
    for checkpoint in map(to_checkpoint, rows):
        try:
            policy.verify(checkpoint.note, keys)
        except (
            PolicyNotSatisfied,
            NoteMalformed,
            NoteUnsigned,
            SignatureWrong,
            CheckpointMalformed,
        ):
            continue
        return checkpoint
    return None

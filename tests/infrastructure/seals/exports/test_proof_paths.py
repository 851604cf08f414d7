"""The proofs of an export lead to the root of its checkpoint."""

from contextlib import closing
from pathlib import Path

import pytest

from infrastructure.postgres.pools import open_read_pool
from infrastructure.seals.exports.proof_paths import ProofPaths
from infrastructure.seals.log_entries import read_entries
from infrastructure.seals.merkle import leaf_hash, verify_inclusion
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import open_note
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog


async def test_every_path_leads_to_the_root(database_url: str, tmp_path: Path) -> None:
    log = SealedTestLog(database_url, tmp_path)
    with closing(log.connection):
        log.append(70_000, state_bytes=16)
        note = log.seal()
        checkpoint = Checkpoint.parse(open_note(note, [log.key.verifier]).text)
        entries = [entry for _, entry in read_entries(log.connection, 0, 2**62, 70_000)]
    indexes = [*range(0, 70_000, 997), *range(65_530, 65_540), *range(69_880, 70_000)]
    async with open_read_pool(database_url) as pool:
        paths = await ProofPaths(pool, checkpoint.size).paths(indexes)
    for index, path in zip(indexes, paths, strict=True):
        verify_inclusion(index, checkpoint.size, leaf_hash(entries[index]), path, checkpoint.root)


@pytest.mark.parametrize("size", [1, 3, 256, 300])
async def test_every_event_of_a_small_tree_has_a_path(
    size: int, database_url: str, tmp_path: Path
) -> None:
    log = SealedTestLog(database_url, tmp_path)
    with closing(log.connection):
        log.append(size)
        checkpoint = Checkpoint.parse(open_note(log.seal(), [log.key.verifier]).text)
        entries = [entry for _, entry in read_entries(log.connection, 0, 2**62, size)]
    async with open_read_pool(database_url) as pool:
        proofs = ProofPaths(pool, size)
        paths = await proofs.paths(range(size))
        with pytest.raises(ValueError, match="has no entry"):
            await proofs.paths([size])
    for index, (entry, path) in enumerate(zip(entries, paths, strict=True)):
        verify_inclusion(index, size, leaf_hash(entry), path, checkpoint.root)

"""Writes a log with the sealer and the publisher of the service, and proofs of some events."""

from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg_pool import AsyncConnectionPool

from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.postgres.lease import Lease
from infrastructure.postgres.pools import WritePool, open_write_pool
from infrastructure.seals.event_proofs import prove
from infrastructure.seals.log_entries import read_entries_at
from infrastructure.seals.recent_entries import RecentEntries
from infrastructure.seals.seal_publisher import SealPublisher
from infrastructure.seals.seal_store import indexes_of, newest_checkpoint
from infrastructure.seals.sealer import Sealer, SealingKeys
from infrastructure.seals.signatures import VerifierKey, parse_vkey
from tests.infrastructure.seals.verification.sealed_log import INSERT_ROWS

FIRST, SECOND = 40_001, 25_999
SIZE = FIRST + SECOND
RING = parse_key_ring("hex:" + "0123456789abcdef" * 4)


class PublishedLog(NamedTuple):
    """The directory of the seals, the checkpoint before the newest, and proofs as files."""

    url: str
    seals: Path
    old_checkpoint: Path
    proofs: Path

    @property
    def keys(self) -> list[VerifierKey]:
        """The keys of the log, that of Ed25519 first."""
        return [parse_vkey(line) for line in (self.seals / "vkey").read_text().splitlines()]

    @property
    def note(self) -> bytes:
        """The newest checkpoint."""
        return (self.seals / "checkpoint").read_bytes()


async def write_log(url: str, folder: Path) -> PublishedLog:
    """Append, seal and publish twice; then write proofs of events from all parts of the log."""
    log = PublishedLog(url, folder / "seals", folder / "old-checkpoint", folder / "proofs")
    log.proofs.mkdir()
    async with AsyncConnectionPool(url, min_size=1, max_size=2) as pool:
        with open_write_pool(url) as write_pool:
            publisher = SealPublisher(write_pool, log.seals, RecentEntries())
            for first, last in ((0, FIRST - 1), (FIRST, SIZE - 1)):
                _append(url, first, last)
                await _seal(write_pool, pool)
                assert publisher.publish() == last + 1
                if first == 0:
                    log.old_checkpoint.write_bytes(log.note)
        await _write_proofs(url, pool, log.proofs)
    return log


def _append(url: str, first: int, last: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(INSERT_ROWS, {"first": first, "last": last, "state_bytes": 64})


async def _seal(write_pool: WritePool, pool: AsyncConnectionPool[Any]) -> None:
    lease = Lease("seal", "interop", pool)
    assert await lease.renew()
    sealer = Sealer(write_pool, SealingKeys(RING, "log.example", with_ml_dsa=True))
    while sealer.seal_batch(lease.claim, 2**62).entries:
        assert await lease.renew()


async def _write_proofs(url: str, pool: AsyncConnectionPool[Any], folder: Path) -> None:
    checkpoint = await newest_checkpoint(pool)
    assert checkpoint
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT position FROM easeboard.events ORDER BY position")
        positions = [position for (position,) in rows][:: SIZE // 40]
        entries = read_entries_at(connection, positions)
    indexes = await indexes_of(pool, positions)
    for position, entry in entries:
        index = indexes[position]
        found = await prove(pool, position, entry, index, checkpoint)
        (folder / f"{index}.tlog-proof").write_bytes(found.proof.text())
        (folder / f"{index}.entry").write_bytes(found.entry)

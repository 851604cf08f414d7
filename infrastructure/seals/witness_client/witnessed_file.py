"""Publishes the newest checkpoint that enough witnesses have signed, beside the newest one."""

import asyncio
from pathlib import Path

import structlog

from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.seal_directory import (
    SealDirectory,
    SealFileUnreadable,
    published_checkpoint,
)
from infrastructure.seals.seal_store import SealedCheckpoint
from infrastructure.seals.trust_policy import TrustPolicy
from infrastructure.seals.witnessed_checkpoint import newest_witnessed

WITNESSED_FILE = "checkpoint.witnessed"

logger = structlog.get_logger()


class WitnessedFile:
    """The file `checkpoint.witnessed` in the directory of the seals."""

    def __init__(self, directory: Path, policy: TrustPolicy, pool: ReadPool) -> None:
        self._directory, self._policy, self._pool = directory, policy, pool

    async def publish_newest(self) -> bool:
        """Write the newest checkpoint for it; returns whether nothing is left to do.

        It waits until the tiles of the checkpoint are published.

        Raises: errors of psycopg and its pool.
        """
        newest = await newest_witnessed(self._pool, self._policy)
        if newest is None:
            return True
        try:
            return await asyncio.to_thread(self._write, newest)
        except (OSError, SealFileUnreadable) as error:
            logger.warning("witnessed_checkpoint_not_published", reason=str(error))
            return False

    def _write(self, checkpoint: SealedCheckpoint) -> bool:
        covering = published_checkpoint(self._directory)
        if covering is None or covering.size < checkpoint.size:
            return False
        SealDirectory(self._directory).replace(WITNESSED_FILE, checkpoint.note)
        return True

"""Deletes jobs that are over, and workers that are gone, so that the queue does not grow.

A worker deletes its jobs when they end. What is left is of processes that were killed, and of
other programs that write to the same queue.
"""

import asyncio

import structlog

from infrastructure.postgres.lease import Lease
from infrastructure.queue.job_manager import QUEUE_ERRORS, error_reason
from infrastructure.queue.sync_queue import SyncQueue

RETENTION_INTERVAL_SECONDS = 3600.0
"""Seconds between two deletions."""
RETENTION_RETRY_SECONDS = 60.0
"""Seconds until the next attempt, also of a process that does not hold the lease."""
RETENTION_LEASE_SECONDS = 60.0
"""Seconds until the lease of a process that died expires."""
JOB_RETENTION_HOURS = 24
"""Hours for which a job that is over is kept."""
WORKER_RETENTION_SECONDS = JOB_RETENTION_HOURS * 3600
"""Seconds without a heartbeat after which a worker is deleted."""

logger = structlog.get_logger()


async def delete_old_jobs(queue: SyncQueue) -> None:
    """Delete every job that ended more than a day ago, with its history, and old workers.

    Raises: errors of procrastinate and psycopg.
    """
    await queue.job_manager.delete_old_jobs(
        JOB_RETENTION_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )
    await queue.job_manager.prune_stalled_workers(WORKER_RETENTION_SECONDS)


async def run_retention(queue: SyncQueue, lease: Lease) -> None:
    """Delete every hour while this process holds the lease, until cancelled."""
    async with lease.maintain():
        while True:
            was_deleted = lease.is_held and await _try_delete(queue)
            await asyncio.sleep(
                RETENTION_INTERVAL_SECONDS if was_deleted else RETENTION_RETRY_SECONDS
            )


async def _try_delete(queue: SyncQueue) -> bool:
    """Delete, and return whether it succeeded; an error of the database is logged."""
    try:
        await delete_old_jobs(queue)
    except QUEUE_ERRORS as error:
        logger.warning("retention_postponed", reason=error_reason(error))
        return False
    return True

"""Finds unfinished runs that have no worker and no job, and recovers each."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog
from psycopg.errors import UndefinedTable

from application.event_metadata import with_event_metadata
from application.recover_sync import RecoverSync
from domain.errors import DomainError
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.postgres.lease import Lease
from infrastructure.queue.job_manager import QUEUE_ERRORS, error_reason
from infrastructure.queue.sync_queue import SyncQueue

RECOVERY_INTERVAL_SECONDS = 3.0
"""Seconds between two recoveries."""
RECOVERY_LEASE_POLL_SECONDS = 0.2
"""Seconds between two checks whether this process holds the lease now."""
RECOVERY_LEASE_SECONDS = 10.0
"""Seconds until the lease of a process that died expires."""

FindUnfinished = Callable[[], Awaitable[list[UUID]]]
ExecuteRecovery = Callable[[RecoverSync], Awaitable[None]]
logger = structlog.get_logger()


async def recover(
    queue: SyncQueue, find_unfinished: FindUnfinished, recover_sync: ExecuteRecovery
) -> None:
    """Delete the jobs of dead workers, and recover each unfinished run that has no waiting job."""
    await queue.delete_stalled()
    connections = await find_unfinished()
    waiting = await queue.waiting_connections() if connections else set()
    for connection_id in connections:
        if connection_id in waiting:
            continue
        try:
            with with_event_metadata("recovery"):
                await recover_sync(RecoverSync(connection_id=connection_id))
        except (DomainError, EventUnreadable) as refusal:
            logger.debug("not_recovered", connection_id=str(connection_id), reason=str(refusal))


async def try_recover(
    queue: SyncQueue, find_unfinished: FindUnfinished, recover_sync: ExecuteRecovery
) -> None:
    """Recover; if the database is not available, log it and return."""
    try:
        await recover(queue, find_unfinished, recover_sync)
    except UndefinedTable:
        logger.debug("recovery_tables_missing")
    except QUEUE_ERRORS as error:
        logger.warning("recovery_postponed", reason=error_reason(error))


async def run_recovery(
    queue: SyncQueue, lease: Lease, find_unfinished: FindUnfinished, recover_sync: ExecuteRecovery
) -> None:
    """Recover now and every 3 s while this process holds the lease, until cancelled."""
    async with lease.maintain():
        while True:
            if lease.is_held:
                await try_recover(queue, find_unfinished, recover_sync)
            await asyncio.sleep(
                RECOVERY_INTERVAL_SECONDS if lease.is_held else RECOVERY_LEASE_POLL_SECONDS
            )

"""Finds the runs nobody works on any more, or yet, and has each decided."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from psycopg.errors import UndefinedTable

from application.event_metadata import with_event_metadata
from application.recover_sync import RecoverSync
from domain.errors import DomainError
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable, EventUnreadable
from infrastructure.postgres.lease import Lease
from infrastructure.queue.sync_queue import SyncQueue

RECOVERY_INTERVAL_SECONDS = 3.0
"""Seconds between two looks."""
RECOVERY_LEASE_POLL_SECONDS = 0.2
"""Seconds between two looks whether it is up to this process."""
RECOVERY_LEASE_SECONDS = 10.0
"""How long the lease of a process that recovers holds where it died."""

FindUnfinished = Callable[[], Awaitable[list[UUID]]]
ExecuteRecovery = Callable[[RecoverSync], Awaitable[None]]
logger = structlog.get_logger()


async def recover(
    queue: SyncQueue, find_unfinished: FindUnfinished, recover_sync: ExecuteRecovery
) -> None:
    """Free the lanes of dead workers, and decide each unfinished run that does not just wait."""
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
    """Recover, or say why it is put off: the database may come and go."""
    try:
        await recover(queue, find_unfinished, recover_sync)
    except UndefinedTable:
        logger.debug("recovery_tables_missing")
    except (psycopg.Error, ConnectorException, DatabaseBusy, DatabaseUnavailable) as error:
        logger.warning("recovery_postponed", reason=str(error.__cause__ or error))


async def run_recovery(
    queue: SyncQueue, lease: Lease, find_unfinished: FindUnfinished, recover_sync: ExecuteRecovery
) -> None:
    """Recover now and every few seconds, while no other process does, until cancelled."""
    async with lease.maintain():
        while True:
            if lease.is_held:
                await try_recover(queue, find_unfinished, recover_sync)
            await asyncio.sleep(
                RECOVERY_INTERVAL_SECONDS if lease.is_held else RECOVERY_LEASE_POLL_SECONDS
            )

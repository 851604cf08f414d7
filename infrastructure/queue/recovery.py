"""Finds the runs nobody works on any more, or yet, and has each decided."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from psycopg.errors import UndefinedTable

from application.event_metadata import acting
from application.recover_sync import InterruptSync
from domain.errors import Refusal
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable, EventUnreadable
from infrastructure.postgres.lease import Lease
from infrastructure.queue.sync_queue import SyncQueue

EVERY = 3.0
"""Seconds between two looks."""
GLANCE = 0.2
"""Seconds between two looks whether it is up to this process."""
SECONDS = 10.0
"""How long the lease of a process that recovers holds where it died."""

Unfinished = Callable[[], Awaitable[list[UUID]]]
Interrupt = Callable[[InterruptSync], Awaitable[None]]
log = structlog.get_logger()


async def recover(queue: SyncQueue, unfinished: Unfinished, interrupt: Interrupt) -> None:
    """Free the lanes of dead workers, and decide each unfinished run that does not just wait."""
    await queue.sweep()
    connections = await unfinished()
    waiting = await queue.waiting() if connections else set()
    for connection_id in connections:
        if connection_id in waiting:
            continue
        try:
            with acting("recovery"):
                await interrupt(InterruptSync(connection_id=connection_id))
        except (Refusal, EventUnreadable) as refusal:
            log.debug("not_recovered", connection_id=str(connection_id), reason=str(refusal))


async def recover_once(queue: SyncQueue, unfinished: Unfinished, interrupt: Interrupt) -> None:
    """Recover, or say why it is put off: the database may come and go."""
    try:
        await recover(queue, unfinished, interrupt)
    except UndefinedTable:
        log.debug("nothing_to_recover_yet")
    except (psycopg.Error, ConnectorException, DatabaseBusy, DatabaseUnavailable) as error:
        log.warning("recovery_put_off", reason=str(error.__cause__ or error))


async def keep_recovering(
    queue: SyncQueue, lease: Lease, unfinished: Unfinished, interrupt: Interrupt
) -> None:
    """Recover now and every few seconds, while no other process does, until cancelled."""
    async with lease.sought():
        while True:
            if lease.is_held:
                await recover_once(queue, unfinished, interrupt)
            await asyncio.sleep(EVERY if lease.is_held else GLANCE)

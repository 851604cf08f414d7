"""Asks for a sync of every connection that is due, minute by minute."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from psycopg.errors import UndefinedTable

from application.acting import acting
from application.request_sync import RequestSync
from domain.errors import Refusal
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable, EventUnreadable

EVERY = 60
"""Seconds between two scans."""
SPREAD = 10
"""Seconds by which scans of several processes drift apart at random."""
BATCH = 500
"""How many connections one scan asks for; the rest is still due a minute later."""

Due = Callable[[datetime, int], Awaitable[list[tuple[UUID, UUID]]]]
Request = Callable[[RequestSync], Awaitable[object]]
log = structlog.get_logger()


async def scan(due: Due, request: Request) -> int:
    """Ask for a sync of each (person, connection) due now; returns how many were queued."""
    queued = 0
    try:
        for person_id, connection_id in await due(datetime.now(UTC), BATCH):
            queued += await _ask(request, person_id, connection_id)
    except UndefinedTable:
        log.debug("nothing_due_yet")
    except (psycopg.Error, DatabaseBusy, DatabaseUnavailable) as error:
        log.warning("scan_put_off", reason=str(error))
    return queued


async def _ask(request: Request, person_id: UUID, connection_id: UUID) -> bool:
    command = RequestSync(person_id=person_id, connection_id=connection_id, trigger="schedule")
    try:
        with acting("scheduler"):
            await request(command)
    except (Refusal, EventUnreadable) as refusal:
        log.debug("not_due", connection_id=str(connection_id), reason=str(refusal))
        return False
    return True


def scheduler(due: Due, request: Request) -> AsyncIOScheduler:
    """The clock that scans from now on; start it inside the loop, shut it down without waiting.

    A scan the loop was too busy for is made up for once, never skipped and never doubled.
    """
    clock = AsyncIOScheduler(timezone=UTC)
    clock.add_job(
        _scan_unless_stopped,
        "interval",
        args=[due, request],
        seconds=EVERY,
        jitter=SPREAD,
        next_run_time=datetime.now(UTC),
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
    )
    return clock


async def _scan_unless_stopped(due: Due, request: Request) -> None:
    # APScheduler would log a scan that the end of the process cuts off as an error.
    with suppress(asyncio.CancelledError):
        await scan(due, request)

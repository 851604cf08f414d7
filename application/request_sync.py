"""The command that requests a run of a connection."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import NamedTuple
from uuid import UUID, uuid4

from application.clock import Clock, utc_now
from application.event_metadata import current_metadata
from application.person_budget import PersonBudget
from application.ports import Queue, Store
from application.requeue_sync import enqueue_queued_run
from domain.connection import Connection
from domain.errors import DailyLimitReached
from domain.events.sync import Requests, SyncRequested
from domain.full_sync_limit import require_full_run_allowed
from domain.next_sync import choose_mode, require_due
from domain.sync import Sync

NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)
"""The requests of a run that sent none to Canvas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSync:
    """A person or the scheduler requests a run."""

    person_id: UUID
    connection_id: UUID
    trigger: str = "manual"
    """`manual` or `schedule`; a scheduled run must be due."""
    mode: str = "auto"
    """`auto` or `full`; `auto` chooses `incremental` if a full run is not needed yet."""


class QueuedSync(NamedTuple):
    """A run that was queued; `mode` is `full` or `incremental`."""

    sync_id: UUID
    connection_id: UUID
    trigger: str
    mode: str


async def request_sync(
    command: RequestSync,
    *,
    store: Store,
    queue: Queue,
    interval: timedelta,
    clock: Clock = utc_now,
    budget: PersonBudget | None = None,
) -> QueuedSync:
    """Queue a run; first requeue or fail an active run whose worker died.

    `interval` is the time between scheduled runs. Runs that a person requests keep to their
    `budget`; the scheduler passes none.

    Raises:
        ConnectionNotFound: If the person has no such connection.
        ConnectionIsNotActive: If Canvas rejected its token.
        SyncNotDue: If the run is scheduled and not due.
        SyncAlreadyRunning: If a run has not ended, also if it was just requeued.
        SyncLimitReached: If the person requested too many full runs in the last hour.
        DailyLimitReached: If as much was recorded for the person today as may be.
    """
    if recorded := recorded_sync():
        queued, connection = recorded, await store.load(Connection, command.connection_id)
    else:
        if budget and (await budget.left_today(command.person_id)).is_used_up:
            raise DailyLimitReached(seconds_until_midnight(clock()))

        async def request() -> tuple[QueuedSync, Connection]:
            return await _request_run(command, store, queue, interval, clock)

        queued, connection = await store.in_turn(command.connection_id, request)
    urgent = command.trigger != "schedule"
    await queue.enqueue(
        connection.id, connection.canvas_url, person_id=connection.person_id, urgent=urgent
    )
    return queued


def recorded_sync() -> QueuedSync | None:
    """Return the run that this command has requested already, if its response was lost."""
    for event in current_metadata().recorded:
        if isinstance(event, SyncRequested):
            return QueuedSync(event.sync_id, event.connection_id, event.trigger, event.mode)
    return None


async def _request_run(
    command: RequestSync, store: Store, queue: Queue, interval: timedelta, clock: Clock
) -> tuple[QueuedSync, Connection]:
    connection = await store.load(Connection, command.connection_id)
    connection.require_owner(command.person_id)
    connection.require_active()
    sync = await store.load(Sync, Sync.id_for(connection.id))
    now = clock()
    if await resolve_dead_worker(sync, queue):
        await store.save(sync)
        await queue.release(connection.id)
        await enqueue_queued_run(sync, store, queue)
    if command.trigger == "schedule":
        require_due(connection, sync, now=now, interval=interval)
    elif command.mode == "full" and not sync.active_run:
        require_full_run_allowed(sync.full_run_costs, now)
    mode = choose_mode(sync, command.mode, now=now, interval=interval)
    queued = QueuedSync(uuid4(), connection.id, command.trigger, mode)
    sync.request(**queued._asdict(), person_id=command.person_id)
    await store.save(sync)
    return queued, connection


def seconds_until_midnight(now: datetime) -> int:
    """Return the seconds until the next day begins, in UTC."""
    begun = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return ceil((begun + timedelta(days=1) - now).total_seconds())


async def resolve_dead_worker(sync: Sync, queue: Queue) -> bool:
    """Requeue or fail the active run if its worker died; return whether it did.

    The run is requeued if another worker was alive when its worker died. Otherwise it fails, so
    that after a restart a new run can be requested at once (docs/decisions/0011).
    """
    attempt = sync.attempt
    status = await queue.worker_status(attempt.worker) if attempt else "alive"
    if attempt is None or status == "alive":
        return False
    if status == "lost":
        sync.requeue(attempt, "lost")
    else:
        sync.give_up(attempt, "lost")
    return True

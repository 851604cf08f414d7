"""Queue a run of a connection's synchronisation."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from application.clock import Clock, utc_now
from application.ports import Queue, Store
from application.requeue_sync import enqueue_queued_run
from domain.connection import Connection
from domain.events.sync import Requests
from domain.next_sync import require_due
from domain.sync import Sync

NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSync:
    """A person, or the clock, wants a connection synchronised; `mode` is `auto` or `full`."""

    person_id: UUID
    connection_id: UUID
    trigger: str = "manual"
    mode: str = "auto"


class QueuedSync(NamedTuple):
    """A run that waits for a worker, and how it will read: `full` or `incremental`."""

    sync_id: UUID
    mode: str


async def request_sync(
    command: RequestSync,
    *,
    store: Store,
    queue: Queue,
    interval: timedelta,
    clock: Clock = utc_now,
) -> QueuedSync:
    """Queue a run; what becomes of one whose worker died is decided first.

    Raises SyncAlreadyRunning, also where that one now waits for another worker.
    `interval` is the time until the next one.
    """
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
    queued = QueuedSync(uuid4(), sync.choose_mode(command.mode, now=now, interval=interval))
    sync.request(
        queued.sync_id,
        connection_id=connection.id,
        person_id=command.person_id,
        trigger=command.trigger,
        mode=queued.mode,
    )
    await store.save(sync)
    urgent = command.trigger != "schedule"
    await queue.enqueue(connection.id, connection.canvas_url, urgent=urgent)
    return queued


async def resolve_dead_worker(sync: Sync, queue: Queue) -> bool:
    """Decide what becomes of a run whose worker is no more; False where nothing is to decide.

    Where another worker lived all along the run waits for it; else it was interrupted.
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

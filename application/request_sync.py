"""Queue a run of a connection's synchronisation."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from application.clock import Clock, the_time
from application.ports import Queue, Store
from application.requeue_sync import enqueue_again
from domain.connection import Connection
from domain.events.sync import Requests
from domain.next_sync import must_be_due
from domain.sync import Sync

NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSync:
    """A person, or the clock, wants a connection synchronised; `mode` is `auto` or `full`."""

    person_id: UUID
    connection_id: UUID
    trigger: str = "manual"
    mode: str = "auto"


class Queued(NamedTuple):
    """A run that waits for a worker, and how it will read: `full` or `incremental`."""

    sync_id: UUID
    mode: str


async def request_sync(
    command: RequestSync,
    *,
    store: Store,
    queue: Queue,
    interval: timedelta,
    clock: Clock = the_time,
) -> Queued:
    """Queue a run; what becomes of one whose worker died is decided first.

    Raises SyncAlreadyRunning, also where that one now waits for another worker.
    `interval` is the time until the next one.
    """
    connection = await store.load(Connection, command.connection_id)
    connection.must_belong_to(command.person_id)
    connection.must_be_active()
    sync = await store.load(Sync, Sync.id_for(connection.id))
    now = clock()
    if await settle(sync, queue):
        await store.save(sync)
        await queue.forget(connection.id)
        await enqueue_again(sync, store, queue)
    if command.trigger == "schedule":
        must_be_due(connection, sync, now=now, interval=interval)
    queued = Queued(uuid4(), sync.mode(command.mode, now=now, interval=interval))
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


async def settle(sync: Sync, queue: Queue) -> bool:
    """Decide what becomes of a run whose worker is no more; False where nothing is to decide.

    Where another worker lived all along the run waits for it; else it was interrupted.
    """
    attempt = sync.attempt
    fate = await queue.fate(attempt.worker) if attempt else "alive"
    if attempt is None or fate == "alive":
        return False
    if fate == "lost":
        sync.requeue(attempt, "lost")
    else:
        sync.give_up(attempt, "lost")
    return True

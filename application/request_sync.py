"""Queue a run of a connection's synchronisation."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from application.ports import Queue, Store
from domain.connection import Connection
from domain.events.sync import Requests
from domain.next_run import must_be_due
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
    command: RequestSync, *, store: Store, queue: Queue, interval: timedelta
) -> Queued:
    """Queue a run; one whose worker died is first recorded as interrupted.

    `interval` is the time until the next one.
    """
    connection = await store.load(Connection, command.connection_id)
    connection.must_belong_to(command.person_id)
    connection.must_be_active()
    sync = await store.load(Sync, Sync.id_for(connection.id))
    await interrupt_if_dead(sync, queue)
    now = datetime.now(UTC)
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
    await queue.enqueue(connection.id, queued.sync_id)
    return queued


async def interrupt_if_dead(sync: Sync, queue: Queue) -> None:
    """Decide that a running run failed when the worker that took it on is no more."""
    if sync.attempt and await queue.is_dead(sync.attempt.worker):
        sync.give_up(sync.attempt, "lost")

"""Queue a run of a connection's synchronisation."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from application.ports import Queue, Store
from domain.connection import Connection
from domain.events.sync import Requests
from domain.sync import Sync

NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSync:
    """A person, or the clock, wants a connection synchronised."""

    person_id: UUID
    connection_id: UUID
    trigger: str = "manual"
    mode: str = "full"


async def request_sync(command: RequestSync, *, store: Store, queue: Queue) -> UUID:
    """Queue a run and return its id; a run whose worker died is first recorded as interrupted."""
    connection = await store.load(Connection, command.connection_id)
    connection.must_belong_to(command.person_id)
    connection.must_be_active()
    sync = await store.load(Sync, Sync.id_for(connection.id))
    await interrupt_if_dead(sync, queue)
    sync_id = uuid4()
    sync.request(
        sync_id,
        connection_id=connection.id,
        person_id=command.person_id,
        trigger=command.trigger,
        mode=command.mode,
    )
    await store.save(sync)
    await queue.enqueue(connection.id, sync_id)
    return sync_id


async def interrupt_if_dead(sync: Sync, queue: Queue) -> None:
    """Decide that a running run failed when the worker that took it on is no more."""
    if sync.attempt and await queue.is_dead(sync.attempt.worker):
        sync.give_up(sync.attempt, "lost")

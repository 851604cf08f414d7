"""The command that recovers a run: its worker died, or it is queued and has no job."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Queue, Store
from application.request_sync import resolve_dead_worker
from application.requeue_sync import enqueue_queued_run
from domain.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverSync:
    """A process found a run that has not ended and may be lost."""

    connection_id: UUID


async def recover_sync(command: RecoverSync, *, store: Store, queue: Queue) -> None:
    """Requeue or fail the run if its worker died; enqueue a job if the run is queued.

    It changes nothing if the worker is alive, so it can be executed at any time.
    """

    async def resolve() -> Sync:
        sync = await store.load(Sync, Sync.id_for(command.connection_id))
        if await resolve_dead_worker(sync, queue):
            await store.save(sync)
            await queue.release(command.connection_id)
        return sync

    sync = await store.in_turn(command.connection_id, resolve)
    await enqueue_queued_run(sync, store, queue)

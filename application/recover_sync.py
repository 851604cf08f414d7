"""Give up on a run whose worker is no more, or wake a run that no worker was told of."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Queue, Store
from application.request_sync import resolve_dead_worker
from application.requeue_sync import enqueue_queued_run
from domain.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverSync:
    """Somebody noticed a run that is not over."""

    connection_id: UUID


async def recover_sync(command: RecoverSync, *, store: Store, queue: Queue) -> None:
    """Decide what becomes of a run whose worker died; enqueue it again if it waits."""
    sync = await store.load(Sync, Sync.id_for(command.connection_id))
    if await resolve_dead_worker(sync, queue):
        await store.save(sync)
        await queue.release(command.connection_id)
    await enqueue_queued_run(sync, store, queue)

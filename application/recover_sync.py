"""Give up on a run whose worker is no more, or wake a run that no worker was told of."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Queue, Store
from application.request_sync import settle
from application.requeue_sync import enqueue_again
from domain.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptSync:
    """Somebody noticed a run that is not over."""

    connection_id: UUID


async def interrupt_sync(command: InterruptSync, *, store: Store, queue: Queue) -> None:
    """Decide what becomes of a run whose worker died; enqueue it again if it waits."""
    sync = await store.load(Sync, Sync.id_for(command.connection_id))
    if await settle(sync, queue):
        await store.save(sync)
        await queue.forget(command.connection_id)
    await enqueue_again(sync, store, queue)

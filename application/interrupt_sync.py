"""Give up on a run whose worker is no more, or wake a run that no worker was told of."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Queue, Store
from application.request_sync import interrupt_if_dead
from domain.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptSync:
    """Somebody noticed a run that is not over."""

    connection_id: UUID


async def interrupt_sync(command: InterruptSync, *, store: Store, queue: Queue) -> None:
    """Record the run as interrupted if its worker died; enqueue it again if it still waits."""
    sync = await store.load(Sync, Sync.id_for(command.connection_id))
    await interrupt_if_dead(sync, queue)
    await store.save(sync)
    if sync.live and sync.live["status"] == "queued":
        await queue.enqueue(command.connection_id, UUID(sync.live["id"]))

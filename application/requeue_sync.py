"""A worker gives back the run it took on and cannot end."""

import random
from dataclasses import dataclass
from uuid import UUID

from application.ports import Queue, Store
from domain.connection import Connection
from domain.sync import Sync
from domain.sync_attempt import pause_after


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveRunBack:
    """A worker was stopped, or met an error nobody expected; `reason` is as in GIVEN_UP."""

    connection_id: UUID
    worker: str
    reason: str


async def give_run_back(command: GiveRunBack, *, store: Store, queue: Queue) -> None:
    """Let another worker take the run on, after a pause where it broke off."""
    sync = await store.load(Sync, Sync.id_for(command.connection_id))
    attempt = sync.attempt
    if attempt is None or attempt.worker != command.worker:
        return
    sync.requeue(attempt, command.reason)
    await store.save(sync)
    broke_off = command.reason == "broke_off"
    await enqueue_again(sync, store, queue, after=_pause(sync) if broke_off else 0)


async def enqueue_again(sync: Sync, store: Store, queue: Queue, *, after: float = 0) -> None:
    """Tell the workers of a run that waits, `after` seconds; nothing where none does."""
    if sync.live and sync.live["status"] == "queued":
        connection = await store.load(Connection, sync.connection_id)
        urgent = sync.live["trigger"] != "schedule"
        await queue.enqueue(connection.id, connection.canvas_url, urgent=urgent, after=after)


def _pause(sync: Sync) -> float:
    attempts = sync.run["attempts"] if sync.run else 1
    return pause_after(attempts) * random.uniform(0.5, 1)  # noqa: S311  # spreads rivals

"""A worker gives back the run it took on and cannot end."""

import random
from dataclasses import dataclass
from uuid import UUID

from application.ports import Queue, Store
from domain.connection import Connection
from domain.sync import Sync
from domain.sync_attempt import max_retry_delay_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeueSync:
    """A worker was stopped, or met an error nobody expected; `reason` is as in GIVE_UP_REASONS."""

    connection_id: UUID
    worker: str
    reason: str


async def requeue_sync(command: RequeueSync, *, store: Store, queue: Queue) -> None:
    """Let another worker take the run on, after a pause where it broke off."""
    sync = await store.load(Sync, Sync.id_for(command.connection_id))
    attempt = sync.attempt
    if attempt is None or attempt.worker != command.worker:
        return
    sync.requeue(attempt, command.reason)
    await store.save(sync)
    crashed = command.reason == "broke_off"
    await enqueue_queued_run(
        sync, store, queue, delay_seconds=_retry_delay_seconds(sync) if crashed else 0
    )


async def enqueue_queued_run(
    sync: Sync, store: Store, queue: Queue, *, delay_seconds: float = 0
) -> None:
    """Tell the workers of a run that waits, after `delay_seconds`; nothing where none does."""
    if sync.active_run and sync.active_run["status"] == "queued":
        connection = await store.load(Connection, sync.connection_id)
        urgent = sync.active_run["trigger"] != "schedule"
        await queue.enqueue(
            connection.id, connection.canvas_url, urgent=urgent, delay_seconds=delay_seconds
        )


def _retry_delay_seconds(sync: Sync) -> float:
    attempts = sync.run["attempts"] if sync.run else 1
    return max_retry_delay_seconds(attempts) * random.uniform(0.5, 1)  # noqa: S311  # spreads rivals

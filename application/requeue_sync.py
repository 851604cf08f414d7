"""The command with which a worker gives up a run, so that another one can start it."""

import random
from dataclasses import dataclass
from uuid import UUID

from application.ports import Queue, Store
from domain.connection import Connection
from domain.sync import Sync
from domain.sync_attempt import max_retry_delay_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeueSync:
    """A worker is shut down, or had an unexpected error; `reason` is a key of GIVE_UP_REASONS."""

    connection_id: UUID
    worker: str
    reason: str


async def requeue_sync(command: RequeueSync, *, store: Store, queue: Queue) -> None:
    """Queue the run for another attempt, after a delay if it crashed; fail it after the last one.

    Nothing happens if the run is no longer assigned to this worker.
    """

    async def requeue() -> Sync | None:
        sync = await store.load(Sync, Sync.id_for(command.connection_id))
        attempt = sync.attempt
        if attempt is None or attempt.worker != command.worker:
            return None
        sync.requeue(attempt, command.reason)
        await store.save(sync)
        return sync

    sync = await store.in_turn(command.connection_id, requeue)
    if sync is None:
        return
    crashed = command.reason == "broke_off"
    await enqueue_queued_run(
        sync, store, queue, delay_seconds=_retry_delay_seconds(sync) if crashed else 0
    )


async def enqueue_queued_run(
    sync: Sync, store: Store, queue: Queue, *, delay_seconds: float = 0
) -> None:
    """Add a job for the run if it is queued; workers start it after `delay_seconds`."""
    if sync.active_run and sync.active_run["status"] == "queued":
        connection = await store.load(Connection, sync.connection_id)
        urgent = sync.active_run["trigger"] != "schedule"
        await queue.enqueue(
            connection.id,
            connection.canvas_url,
            person_id=connection.person_id,
            urgent=urgent,
            delay_seconds=delay_seconds,
        )


def _retry_delay_seconds(sync: Sync) -> float:
    return max_retry_delay_seconds(sync.attempts) * random.uniform(0.5, 1)  # noqa: S311  # jitter

"""A worker that runs during a test, and conditions to wait for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg

from application.requeue_sync import RequeueSync
from infrastructure.queue.sync_queue import SyncQueue
from infrastructure.queue.worker import ExecuteRunSync, SyncWorker
from tests.deadlines import scaled

CONNECTION = UUID("00000000-0000-4000-8000-000000000001")
ORIGIN = "https://canvas.example"
HAS_NO_JOBS = """
    SELECT NOT EXISTS (SELECT FROM procrastinate.procrastinate_jobs WHERE task_name = 'run_sync')
"""


@asynccontextmanager
async def running_worker(
    queue: SyncQueue, run_sync: ExecuteRunSync, grace_seconds: float = 5
) -> AsyncIterator[list[RequeueSync]]:
    """Run a worker during the context, and yield the list of runs that it requeued."""
    requeued: list[RequeueSync] = []

    async def requeue_sync(command: RequeueSync) -> None:
        requeued.append(command)

    worker = SyncWorker(queue, run_sync, requeue_sync, concurrency=4)
    task = asyncio.create_task(worker.run(grace_seconds=grace_seconds))
    try:
        yield requeued
    finally:
        task.cancel()
        await asyncio.wait({task})


async def wait_until(condition: str, url: str) -> None:
    """Wait until a query returns true."""
    async with (
        asyncio.timeout(scaled(10)),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
    ):
        while True:
            if await (await connection.execute(condition)).fetchone() == (True,):
                return
            await asyncio.sleep(0.01)

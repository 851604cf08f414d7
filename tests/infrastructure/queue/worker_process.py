"""A process with a worker that executes one run, which never ends."""

import asyncio
import sys

from application.requeue_sync import RequeueSync
from application.run_sync import RunSync
from infrastructure.queue.sync_queue import open_sync_queue
from infrastructure.queue.worker import SyncWorker


async def hang(command: RunSync) -> None:
    print(command.worker, flush=True)  # noqa: T201  # the test reads it
    await asyncio.Event().wait()


async def requeue_sync(_: RequeueSync) -> None:
    return


async def main(url: str) -> None:
    async with open_sync_queue(url) as queue:
        await queue.heartbeats.record_heartbeat()
        await SyncWorker(queue, hang, requeue_sync, concurrency=1).run()


asyncio.run(main(sys.argv[1]))

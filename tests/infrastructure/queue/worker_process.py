"""A worker in a process of its own that takes one run on and never ends it."""

import asyncio
import sys

from application.requeue_sync import GiveRunBack
from application.run_sync import RunSync
from infrastructure.queue.sync_queue import sync_queue
from infrastructure.queue.worker import Working


async def hang(command: RunSync) -> None:
    print(command.worker, flush=True)  # noqa: T201  # how the test hears of it
    await asyncio.Event().wait()


async def give_back(_: GiveRunBack) -> None:
    return


async def main(url: str) -> None:
    async with sync_queue(url) as queue:
        await queue.workers.beat()
        await Working(queue, hang, give_back, concurrency=1).work()


asyncio.run(main(sys.argv[1]))

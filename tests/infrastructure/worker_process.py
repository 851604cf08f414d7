"""A worker in a process of its own that takes one run on and never ends it."""

import asyncio
import sys

from application.run_sync import RunSync
from infrastructure.jobs import sync_queue


async def hang(command: RunSync) -> None:
    print(command.worker, flush=True)  # noqa: T201  # how the test hears of it
    await asyncio.Event().wait()


async def main(url: str) -> None:
    async with sync_queue(url) as queue:
        await queue.work(hang)


asyncio.run(main(sys.argv[1]))

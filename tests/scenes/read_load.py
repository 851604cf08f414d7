"""People who read while a scene is played; it measures the time of each response."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

from tests.end_to_end.conftest import Client

READ_PATHS = (
    "/api/v1/canvas/data",
    "/api/v1/canvas/connections",
    "/api/v1/canvas/grades",
    "/api/v1/sync/status",
    "/api/v1/dashboard/stats",
)
READER_COUNT = 4
PAUSE_SECONDS = 0.05
"""Between two requests of a reader."""


class ReadLoad:
    """The statuses and times of all reads; times are in seconds."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []

    async def read_forever(self, clients: Sequence[Client], rng: Random) -> None:
        """Send random reads of random people, one after another."""
        while True:
            client, path = rng.choice(clients), rng.choice(READ_PATHS)
            started = time.perf_counter()
            response = await client("GET", path)
            self.seconds.append(time.perf_counter() - started)
            self.statuses[response.status] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    def quantile(self, share: float) -> float:
        """Return the time that this share of the reads does not exceed; 0 without reads."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@asynccontextmanager
async def reading(clients: Sequence[Client]) -> AsyncIterator[ReadLoad]:
    """Let READER_COUNT readers read as these people during the block."""
    load = ReadLoad()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(load.read_forever(clients, Random(seed)))
            for seed in range(READER_COUNT)
        ]
        yield load
        for task in tasks:
            task.cancel()

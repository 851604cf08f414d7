"""Taking in what arrives while one is busy with what arrived before."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def take_together(
    source: AsyncIterator[T], take: Callable[[list[T]], Awaitable[None]], *, most: int
) -> None:
    """Hand over everything that has arrived by then, at most `most` at once, until it ends.

    The source is read ahead by as many while `take` is busy, so neither waits for the other.
    """
    room, arrived = asyncio.Semaphore(most), asyncio.Queue[T | None]()

    async def read_ahead() -> None:
        try:
            async for each in source:
                await room.acquire()
                arrived.put_nowait(each)
        finally:
            arrived.put_nowait(None)

    reading = asyncio.create_task(read_ahead())
    try:
        ended = False
        while not ended:
            waiting = [await arrived.get()]
            while not arrived.empty():
                waiting.append(arrived.get_nowait())
            batch = [each for each in waiting if each is not None]
            ended = len(batch) < len(waiting)
            if batch:
                await take(batch)
            for _ in batch:
                room.release()
        await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

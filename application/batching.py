"""Collects items that arrive while the consumer is busy, and consumes them in batches."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def consume_in_batches(
    source: AsyncIterator[T], consume: Callable[[list[T]], Awaitable[None]], *, max_size: int
) -> None:
    """Pass the items of `source` to `consume` in batches of at most `max_size`, until it ends.

    While `consume` is busy, up to `max_size` items are read ahead.

    Raises: what `source` raises, after the items before it are consumed; what `consume` raises.
    """
    slots, buffer = asyncio.Semaphore(max_size), asyncio.Queue[T | None]()

    async def read_ahead() -> None:
        try:
            async for item in source:
                await slots.acquire()
                buffer.put_nowait(item)
        finally:
            buffer.put_nowait(None)

    reader = asyncio.create_task(read_ahead())
    try:
        ended = False
        while not ended:
            items = [await buffer.get()]
            while not buffer.empty():
                items.append(buffer.get_nowait())
            batch = [item for item in items if item is not None]
            ended = len(batch) < len(items)
            if batch:
                await consume(batch)
            for _ in batch:
                slots.release()
        await reader
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)

"""How late the event loop comes: what a blocking call costs everybody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from infrastructure.observability.instruments import LOOP_LAG

EVERY = 0.5
"""Seconds between two looks."""


@asynccontextmanager
async def watching_the_loop() -> AsyncIterator[None]:
    """Measure the lag of the running event loop inside the context."""
    watching = asyncio.create_task(_watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait({watching})


async def _watch() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY
        await asyncio.sleep(EVERY)
        LOOP_LAG.observe(max(0.0, loop.time() - due))

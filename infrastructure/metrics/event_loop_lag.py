"""Measures how late the event loop runs tasks that are due, because another call blocks it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from infrastructure.observability.instruments import EVENT_LOOP_LAG_SECONDS

LAG_MEASUREMENT_INTERVAL_SECONDS = 0.5
"""Seconds between two measurements."""


@asynccontextmanager
async def measure_event_loop_lag() -> AsyncIterator[None]:
    """Measure the lag of the running event loop inside the context."""
    task = asyncio.create_task(_measure())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _measure() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_MEASUREMENT_INTERVAL_SECONDS
        await asyncio.sleep(LAG_MEASUREMENT_INTERVAL_SECONDS)
        EVENT_LOOP_LAG_SECONDS.observe(max(0.0, loop.time() - due))

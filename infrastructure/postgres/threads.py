"""Blocking calls made from asyncio: in a fixed number of threads, with bounded waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from infrastructure.event_store.errors import DatabaseBusy

P = ParamSpec("P")
R = TypeVar("R")

THREAD_WAIT_SECONDS = 1.5
"""Seconds to wait for a free thread; with the wait for a connection a full house says so in 3 s."""


class DatabaseThreads:
    """Threads for statements that block; as many as the pool has connections."""

    def __init__(self, count: int) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="event-store")
        self._free_threads = asyncio.Semaphore(count)

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a blocking call in a thread; raises DatabaseBusy when none becomes free."""
        try:
            async with asyncio.timeout(THREAD_WAIT_SECONDS):
                await self._free_threads.acquire()
        except TimeoutError as error:
            raise DatabaseBusy("Every database thread is taken.") from error
        try:
            # In the caller's context: what is logged there says for which request.
            call = partial(copy_context().run, function, *args, **kwargs)
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        finally:
            self._free_threads.release()

    def close(self) -> None:
        """Finish what runs and let the threads go."""
        self._executor.shutdown()

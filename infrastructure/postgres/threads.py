"""Runs blocking database calls from asyncio, in a fixed number of threads."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from infrastructure.postgres.errors import DatabaseBusy

P = ParamSpec("P")
R = TypeVar("R")

THREAD_WAIT_SECONDS = 1.5
"""Seconds to wait for a free thread; less than 3 s together with the wait for a connection."""


class DatabaseThreads:
    """Threads for blocking statements; there should be as many as the pool has connections."""

    def __init__(self, count: int) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="database")
        self._free_threads = asyncio.Semaphore(count)

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a blocking call in a thread; raises DatabaseBusy if none becomes free in time."""
        try:
            async with asyncio.timeout(THREAD_WAIT_SECONDS):
                await self._free_threads.acquire()
        except TimeoutError as error:
            raise DatabaseBusy(
                f"No database thread became free within {THREAD_WAIT_SECONDS} s; try again later."
            ) from error
        try:
            # The context of the caller has the request id for log messages.
            call = partial(copy_context().run, function, *args, **kwargs)
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        finally:
            self._free_threads.release()

    def running(self, function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
        """Return a function that runs a blocking one as `run` does."""

        async def run(*args: P.args, **kwargs: P.kwargs) -> R:
            return await self.run(function, *args, **kwargs)

        return run

    def close(self) -> None:
        """Wait for the calls that run, and stop the threads."""
        self._executor.shutdown()

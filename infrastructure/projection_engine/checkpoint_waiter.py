"""Lets reads wait until their read models have applied the log up to a position."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.errors import UNAVAILABLE_ERRORS

CHECKPOINT_POLL_SECONDS = 0.01


class CheckpointWaiter:
    """Polls the checkpoints while a read waits; one query serves all waiting reads."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._positions: dict[str, int] = {}
        self._waiters = 0
        self._polled = asyncio.Event()
        self._poll_task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._poll_task:
            self._poll_task.cancel()
            await asyncio.gather(self._poll_task, return_exceptions=True)

    async def wait_for(self, position: int, names: Iterable[str], timeout: float) -> bool:  # noqa: ASYNC109  # it returns False and is not cancelled
        """Wait until all these read models have reached a position; returns whether they have.

        `timeout` is in seconds. The checkpoints are read at least once, even if it is 0.
        """
        names = tuple(names)
        if self._have_reached(position, names):
            return True
        self._waiters += 1
        try:
            async with asyncio.timeout(max(timeout, 10 * CHECKPOINT_POLL_SECONDS)):
                while not self._have_reached(position, names):
                    await self._next_poll()
        except TimeoutError:
            return False
        finally:
            self._waiters -= 1
        return True

    def _have_reached(self, position: int, names: Iterable[str]) -> bool:
        return all(self._positions.get(name, -1) >= position for name in names)

    async def _next_poll(self) -> None:
        if self._poll_task is None or self._poll_task.done():
            self._poll_task = asyncio.create_task(self._poll())
        await self._polled.wait()

    async def _poll(self) -> None:
        while self._waiters:
            try:
                async with self._pool.connection() as connection:
                    cursor = await connection.execute(
                        "SELECT name, position FROM easeboard.projections"
                        " WHERE role = 'live' ORDER BY name"
                    )
                    self._positions = dict(await cursor.fetchall())
            except UNAVAILABLE_ERRORS:
                self._positions = {}
            self._polled.set()
            self._polled = asyncio.Event()
            await asyncio.sleep(CHECKPOINT_POLL_SECONDS)

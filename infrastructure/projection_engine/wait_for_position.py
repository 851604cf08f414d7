"""Lets reads wait until the read models they ask have heard of an event."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import psycopg
from psycopg_pool import AsyncConnectionPool

CHECKPOINT_POLL_SECONDS = 0.01


class CheckpointWaiter:
    """How far each read model is known to be; one question a tick serves all who wait."""

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

    async def wait_for(self, position: int, names: Iterable[str], timeout: float) -> bool:  # noqa: ASYNC109  # an answer, not a cancellation
        """Wait until all of these read models have taken in all events up to a position.

        `timeout` is in seconds; even 0 asks once. Returns whether they have.
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
            except psycopg.OperationalError:
                self._positions = {}
            self._polled.set()
            self._polled = asyncio.Event()
            await asyncio.sleep(CHECKPOINT_POLL_SECONDS)

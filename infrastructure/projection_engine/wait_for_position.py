"""Lets reads wait until the read models they ask have heard of an event."""

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import psycopg
from psycopg_pool import AsyncConnectionPool

TICK_SECONDS = 0.01


class Arrivals:
    """How far each read model is known to be; one question a tick serves all who wait."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._positions: dict[str, int] = {}
        self._waiting = 0
        self._tick = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._asking:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def wait_for(self, position: int, names: Iterable[str], timeout: float) -> bool:  # noqa: ASYNC109  # an answer, not a cancellation
        """Wait until all of these read models have taken in all events up to a position.

        `timeout` is in seconds; even 0 asks once. Returns whether they have.
        """
        names = tuple(names)
        if self._have_come(position, names):
            return True
        self._waiting += 1
        try:
            async with asyncio.timeout(max(timeout, 10 * TICK_SECONDS)):
                while not self._have_come(position, names):
                    await self._next_tick()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    def _have_come(self, position: int, names: Iterable[str]) -> bool:
        return all(self._positions.get(name, -1) >= position for name in names)

    async def _next_tick(self) -> None:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        await self._tick.wait()

    async def _ask(self) -> None:
        while self._waiting:
            try:
                async with self._pool.connection() as connection:
                    found = await connection.execute(
                        "SELECT name, position FROM easeboard.projections"
                        " WHERE role = 'live' ORDER BY name"
                    )
                    self._positions = dict(await found.fetchall())
            except psycopg.OperationalError:
                self._positions = {}
            self._tick.set()
            self._tick = asyncio.Event()
            await asyncio.sleep(TICK_SECONDS)

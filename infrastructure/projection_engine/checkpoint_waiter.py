"""Lets reads wait until their read models are at one position of the log."""

import asyncio
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.errors import DATABASE_ERRORS

CHECKPOINT_POLL_SECONDS = 0.01

SELECT_POSITIONS = (
    "SELECT name, position FROM easeboard.projections WHERE role = 'live' ORDER BY name"
)


class CheckpointWaiter:
    """Polls the checkpoints while a read waits; one query serves all waiting reads.

    It remembers no checkpoint: a failover or a restore can move them back.
    """

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._waiters = 0
        self._next_positions: asyncio.Future[Mapping[str, int]] | None = None
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
        """Wait until all these read models are at one position, and not before this one.

        `timeout` is in seconds. Returns whether they were at the last poll. The checkpoints can
        move after it, so the caller compares with the place of what it reads.
        """
        names = frozenset(names)
        self._waiters += 1
        try:
            async with asyncio.timeout(timeout):
                while not _are_together(await self._poll_next(), names, position):
                    pass
        except TimeoutError:
            return False
        finally:
            self._waiters -= 1
        return True

    async def _poll_next(self) -> Mapping[str, int]:
        """Return the checkpoints of the next poll, which is at most CHECKPOINT_POLL_SECONDS away.

        Without a database it returns none.
        """
        if self._next_positions is None:
            self._next_positions = asyncio.get_running_loop().create_future()
        if self._poll_task is None or self._poll_task.done():
            self._poll_task = asyncio.create_task(self._poll())
        return await asyncio.shield(self._next_positions)

    async def _poll(self) -> None:
        while self._waiters:
            # Who waits from now on gets the result of a poll that begins from now on.
            polled, self._next_positions = self._next_positions, None
            positions: Mapping[str, int] = {}
            try:
                async with self._pool.connection() as connection:
                    cursor = await connection.execute(SELECT_POSITIONS)
                    positions = dict(await cursor.fetchall())
            except DATABASE_ERRORS:
                pass
            finally:
                if polled:
                    polled.set_result(positions)
            await asyncio.sleep(CHECKPOINT_POLL_SECONDS)


def _are_together(positions: Mapping[str, int], names: frozenset[str], position: int) -> bool:
    reached = {positions.get(name, -1) for name in names}
    return len(reached) == 1 and min(reached) >= position

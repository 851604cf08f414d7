"""One process at a time: a lease row, taken and renewed by the database's clock.

No session lock: those die behind a pooler, and outlive the process where a host vanishes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

DEFAULT_LEASE_SECONDS = 15.0
"""How long a lease holds that nobody renews, where its user does not say."""

ACQUIRE_LEASE = """
INSERT INTO easeboard.leases AS existing (name, holder, epoch, until)
VALUES (%(name)s, %(holder)s, 1, clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (name) DO UPDATE
   SET holder = excluded.holder,
       epoch  = existing.epoch + (existing.holder <> excluded.holder)::int,
       until  = excluded.until
 WHERE existing.holder = excluded.holder
    OR existing.until < clock_timestamp()
RETURNING epoch
"""

logger = structlog.get_logger()


class Lease:
    """What one process at a time may do, and whether it is this one."""

    def __init__(
        self,
        name: str,
        holder: str,
        pool: AsyncConnectionPool[Any],
        *,
        seconds: float = DEFAULT_LEASE_SECONDS,
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._holder = holder
        self._pool = pool
        self._held_until = 0.0

    @property
    def is_held(self) -> bool:
        """Whether it is ours, by our own clock since before we asked for it."""
        return asyncio.get_running_loop().time() < self._held_until

    async def renew(self) -> bool:
        """Take or renew the lease, if nobody else holds it."""
        requested_at, was_held = asyncio.get_running_loop().time(), self.is_held
        row = await self._acquire()
        self._held_until = requested_at + self._seconds if row else 0.0
        if row and not was_held:
            logger.info("lease_taken", lease=self._name, holder=self._holder, epoch=row[0])
        elif was_held and not row:
            logger.warning("lease_lost", lease=self._name)
        return self.is_held

    async def _acquire(self) -> Any:
        parameters = {"name": self._name, "holder": self._holder, "seconds": self._seconds}
        async with self._pool.connection() as connection:
            return await (await connection.execute(ACQUIRE_LEASE, parameters)).fetchone()

    async def release(self) -> None:
        """Let somebody else take it at once."""
        self._held_until = 0.0
        async with self._pool.connection() as connection:
            await connection.execute(
                """
                UPDATE easeboard.leases
                   SET until = clock_timestamp() - INTERVAL '1 us'
                 WHERE name = %s
                   AND holder = %s
                """,
                [self._name, self._holder],
            )

    @asynccontextmanager
    async def maintain(self) -> AsyncIterator["Lease"]:
        """Keep trying for it inside the block; it is released at the end."""
        renewal = asyncio.create_task(self._renew_periodically())
        try:
            yield self
        finally:
            renewal.cancel()
            with suppress(psycopg.Error, TimeoutError):
                await asyncio.wait_for(self.release(), 2)

    async def _renew_periodically(self) -> None:
        while True:
            try:
                await self.renew()
            except psycopg.Error as error:
                logger.warning("lease_not_renewed", lease=self._name, reason=str(error))
            await asyncio.sleep(self._seconds / 3)


async def lease_holders(pool: AsyncConnectionPool[Any]) -> dict[str, str]:
    """Who holds each lease now."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            """
            SELECT name, holder
              FROM easeboard.leases
             WHERE until >= clock_timestamp()
             ORDER BY name
            """
        )
        return dict(await cursor.fetchall())

"""Leases: rows that let one process at a time do a task, by the clock of the database.

A session lock does not work behind a connection pooler, and remains when a host disappears.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import structlog
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.errors import DATABASE_ERRORS
from infrastructure.postgres.session_replacement import note_write

DEFAULT_LEASE_SECONDS = 15.0
"""Seconds after which a lease expires that is not renewed."""

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


class LeaseLost(Exception):
    """Another process has taken the lease since."""


class LeaseClaim(NamedTuple):
    """A holding of a lease: `epoch` counts its holders, so no other holding has the same."""

    name: str
    holder: str
    epoch: int


class Lease:
    """A named lease, as one process takes, renews and releases it.

    Each method raises the errors of psycopg if the database cannot be used.
    """

    def __init__(
        self,
        name: str,
        holder: str,
        pool: AsyncConnectionPool[Any],
        *,
        seconds: float = DEFAULT_LEASE_SECONDS,
    ) -> None:
        self.seconds = seconds
        self._name = name
        self._holder = holder
        self._pool = pool
        self._held_until = 0.0
        self._epoch = 0

    @property
    def is_held(self) -> bool:
        """Whether this process holds the lease; its own clock starts before the last renewal."""
        return asyncio.get_running_loop().time() < self._held_until

    @property
    def claim(self) -> "LeaseClaim":
        """What a transaction compares so that it writes nothing after the lease was lost."""
        return LeaseClaim(self._name, self._holder, self._epoch)

    async def renew(self) -> bool:
        """Take or renew the lease unless another process holds it; returns whether it is held."""
        requested_at, was_held = asyncio.get_running_loop().time(), self.is_held
        row = await self._acquire()
        self._held_until = requested_at + self.seconds if row else 0.0
        if row and row[0] != self._epoch:
            self._epoch = row[0]
            logger.info("lease_taken", lease=self._name, holder=self._holder, epoch=row[0])
        elif was_held and not row:
            logger.warning("lease_lost", lease=self._name)
        return self.is_held

    async def keep(self) -> bool:
        """Renew the lease if a third of its time is over; returns whether it is held."""
        left = self._held_until - asyncio.get_running_loop().time()
        return left > self.seconds * 2 / 3 or await self.renew()

    async def _acquire(self) -> Any:
        parameters = {"name": self._name, "holder": self._holder, "seconds": self.seconds}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(ACQUIRE_LEASE, parameters)).fetchone()
            note_write(connection)
            return row

    async def release(self) -> None:
        """Release the lease, so that another process can take it at once."""
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
        """Take and renew the lease in the background inside the block; release it at the end.

        Errors of the database are logged, and the lease is requested again.
        """
        renewal = asyncio.create_task(self._renew_periodically())
        try:
            yield self
        finally:
            renewal.cancel()
            with suppress(*DATABASE_ERRORS, TimeoutError):
                await asyncio.wait_for(self.release(), 2)

    async def _renew_periodically(self) -> None:
        while True:
            try:
                await self.renew()
            except DATABASE_ERRORS as error:
                logger.warning("lease_not_renewed", lease=self._name, reason=str(error))
            await asyncio.sleep(self.seconds / 3)


async def lease_holders(pool: AsyncConnectionPool[Any]) -> dict[str, str]:
    """Return the current holder of each lease, by its name."""
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

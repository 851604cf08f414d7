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

SECONDS = 15.0
"""How long a lease holds that nobody renews, where its user does not say."""

TAKE = """
INSERT INTO easeboard.leases AS kept (name, holder, epoch, until)
VALUES (%(name)s, %(holder)s, 1, clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (name) DO UPDATE
   SET holder = excluded.holder,
       epoch  = kept.epoch + (kept.holder <> excluded.holder)::int,
       until  = excluded.until
 WHERE kept.holder = excluded.holder
    OR kept.until < clock_timestamp()
RETURNING epoch
"""

log = structlog.get_logger()


class Lease:
    """What one process at a time may do, and whether it is this one."""

    def __init__(
        self,
        name: str,
        holder: str,
        pool: AsyncConnectionPool[Any],
        *,
        seconds: float = SECONDS,
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
        asked, was_held = asyncio.get_running_loop().time(), self.is_held
        row = await self._ask()
        self._held_until = asked + self._seconds if row else 0.0
        if row and not was_held:
            log.info("lease_taken", lease=self._name, holder=self._holder, epoch=row[0])
        elif was_held and not row:
            log.warning("lease_lost", lease=self._name)
        return self.is_held

    async def _ask(self) -> Any:
        asked = {"name": self._name, "holder": self._holder, "seconds": self._seconds}
        async with self._pool.connection() as connection:
            return await (await connection.execute(TAKE, asked)).fetchone()

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
    async def sought(self) -> AsyncIterator["Lease"]:
        """Keep trying for it inside the block; it is released at the end."""
        seeking = asyncio.create_task(self._seek())
        try:
            yield self
        finally:
            seeking.cancel()
            with suppress(psycopg.Error, TimeoutError):
                await asyncio.wait_for(self.release(), 2)

    async def _seek(self) -> None:
        while True:
            try:
                await self.renew()
            except psycopg.Error as error:
                log.warning("lease_not_renewed", lease=self._name, reason=str(error))
            await asyncio.sleep(self._seconds / 3)


async def holders(pool: AsyncConnectionPool[Any]) -> dict[str, str]:
    """Who holds each lease now."""
    async with pool.connection() as connection:
        found = await connection.execute(
            """
            SELECT name, holder
              FROM easeboard.leases
             WHERE until >= clock_timestamp()
             ORDER BY name
            """
        )
        return dict(await found.fetchall())

"""Keeps the circuit of each Canvas that did not answer of late, for every process alike."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from secrets import SystemRandom
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from application.clock import Clock, the_time
from domain.circuit_breaker import Circuit, State

FORGOTTEN = timedelta(days=1)
"""How long a failure counts that no other followed."""
LOOKS = timedelta(seconds=5)
"""How long a process goes by its last look which hosts are in doubt: every run asks."""

NOTE = """
INSERT INTO easeboard.canvas_hosts (origin, failures, openings, is_probed, failed_at)
VALUES (%s, 0, 0, false, %s)
    ON CONFLICT (origin) DO UPDATE
   SET failed_at = excluded.failed_at
RETURNING failures, openings, open_until, is_probed
"""

LOCK = """
SELECT failures, openings, open_until, is_probed
  FROM easeboard.canvas_hosts
 WHERE origin = %s
 ORDER BY origin
   FOR UPDATE
"""

CHANGE = """
UPDATE easeboard.canvas_hosts
   SET failures   = %s,
       openings   = %s,
       open_until = %s,
       is_probed  = %s
 WHERE origin = %s
"""

CHANCE = SystemRandom()
log = structlog.get_logger()


class Circuits:
    """`application.ports.Hosts`, and the right to send a probe."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        reads: AsyncConnectionPool[Any],
        *,
        now: Clock = the_time,
        chance: Callable[[], float] = CHANCE.random,
    ) -> None:
        self._pool = pool
        self._reads = reads
        self._now = now
        self._chance = chance
        self._in_doubt: set[str] = set()
        self._looked_at: datetime | None = None

    async def answers(self, origin: str) -> None:
        """A host answered: its circuit closes."""
        try:
            openings = await self._forget(origin)
        except psycopg.Error as error:
            log.warning("canvas_host_not_noted", origin=origin, reason=str(error))
        else:
            if openings:
                log.info("canvas_host_answers_again", origin=origin, openings=openings)

    async def is_silent(self, origin: str) -> None:
        """A whole run failed because a host could not be reached, or took too long."""
        now = self._now()
        try:
            before, after = await self._note(origin, now)
        except psycopg.Error as error:
            log.warning("canvas_host_not_noted", origin=origin, reason=str(error))
        else:
            if after.openings > before.openings:
                log.warning("canvas_host_silent", origin=origin, **_words(after))

    async def is_in_doubt(self, origin: str) -> bool:
        """Whether a host's circuit is not closed, or was not a moment ago."""
        now = self._now()
        if self._looked_at is None or abs(now - self._looked_at) > LOOKS:
            self._looked_at = now
            try:
                known = await circuits(self._reads)
            except psycopg.Error as error:
                log.warning("canvas_hosts_not_read", reason=str(error))
            else:
                self._in_doubt = {origin for origin, one in known.items() if not one.is_closed}
        return origin in self._in_doubt

    async def probe(self, origin: str) -> bool:
        """Take it upon oneself to send one run to a silent host; False where that is not wanted."""
        async with self._pool.connection() as connection, connection.transaction():
            found = await connection.execute(LOCK, [origin])
            row = await found.fetchone()
            now = self._now()
            circuit = Circuit(*row) if row else Circuit()
            if not circuit.wants_probe(now):
                return False
            after = circuit.probed(now, self._chance())
            await connection.execute(CHANGE, [*after, origin])
        log.info("canvas_host_probed", origin=origin, **_words(after))
        return True

    async def _note(self, origin: str, now: datetime) -> tuple[Circuit, Circuit]:
        async with self._pool.connection() as connection, connection.transaction():
            await _forget_old(connection, now)
            row = await (await connection.execute(NOTE, [origin, now])).fetchone()
            before = Circuit(*row) if row else Circuit()
            after = before.failed(now, self._chance())
            await connection.execute(CHANGE, [*after, origin])
        return before, after

    async def _forget(self, origin: str) -> int:
        """Delete what was noted of a host; mostly there is nothing, and to look costs less."""
        if not await self._is_noted(origin):
            return 0
        async with self._pool.connection() as connection:
            found = await connection.execute(
                "DELETE FROM easeboard.canvas_hosts WHERE origin = %s RETURNING openings", [origin]
            )
            row = await found.fetchone()
        return int(row[0]) if row else 0

    async def _is_noted(self, origin: str) -> bool:
        async with self._reads.connection() as connection:
            found = await connection.execute(
                "SELECT FROM easeboard.canvas_hosts WHERE origin = %s ORDER BY origin", [origin]
            )
            return await found.fetchone() is not None


async def circuits(pool: AsyncConnectionPool[Any]) -> dict[str, Circuit]:
    """The circuit of every host with a failure; all others are closed."""
    async with pool.connection() as connection:
        found = await connection.execute(
            """
            SELECT origin, failures, openings, open_until, is_probed
              FROM easeboard.canvas_hosts
             ORDER BY origin
            """
        )
        return {origin: Circuit(*facts) for origin, *facts in await found.fetchall()}


async def counts_now(pool: AsyncConnectionPool[Any]) -> dict[State, int]:
    """How many hosts are left alone now, and how many are being tried again."""
    return counts(await circuits(pool), the_time())


def counts(of: Mapping[str, Circuit], now: datetime) -> dict[State, int]:
    """How many hosts are left alone, and how many are being tried again."""
    states = [circuit.state(now) for circuit in of.values()]
    return {"open": states.count("open"), "half_open": states.count("half_open")}


async def _forget_old(connection: AsyncConnection[Any], now: datetime) -> None:
    await connection.execute(
        "DELETE FROM easeboard.canvas_hosts WHERE failed_at < %s", [now - FORGOTTEN]
    )


def _words(circuit: Circuit) -> dict[str, Any]:
    until = circuit.open_until.isoformat() if circuit.open_until else None
    return {"failures": circuit.failures, "openings": circuit.openings, "until": until}

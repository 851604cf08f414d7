"""Stores the circuit breaker of each Canvas host with recent failures, shared by all processes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from secrets import SystemRandom
from typing import Any

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from application.clock import Clock, utc_now
from domain.circuit_breaker import CircuitBreaker, CircuitState
from infrastructure.postgres.batched_calls import BatchedCalls
from infrastructure.postgres.errors import DATABASE_ERRORS

FAILURE_RETENTION = timedelta(days=1)
"""A failure is deleted after this time if no other failure of the host follows."""
DEGRADED_HOSTS_MAX_AGE = timedelta(seconds=5)
"""How long a process uses its last query of degraded hosts, because every run needs it."""

MAX_TRY_TIME = timedelta(seconds=90)
"""How long a run that reports nothing counts as waiting for a host; a request takes up to 65 s."""
SLOW_TRY_TIME = timedelta(seconds=5)
"""After a run that waited longer than this, a degraded host gets no other for as long again.

Otherwise the next run in the same lane would wait too, and all that are queued there after it.
"""
REJECTIONS_OF_DEGRADED_HOST = 5
"""Runs in a row whose tokens a host rejected, after which it counts as degraded.

Its administrators may have revoked all tokens. A run then begins with one request instead of three.
"""

UPSERT_FAILURE = """
INSERT INTO easeboard.canvas_hosts (
    origin, failures, openings, is_probed, failed_at, failing_since
)
VALUES (%(origin)s, 0, 0, false, %(now)s, %(now)s)
    ON CONFLICT (origin) DO UPDATE
   SET failed_at = excluded.failed_at
RETURNING failures, openings, open_until, is_probed
"""

SELECT_FOR_UPDATE = """
SELECT failures, openings, open_until, is_probed
  FROM easeboard.canvas_hosts
 WHERE origin = %s
 ORDER BY origin
   FOR UPDATE
"""

UPDATE_CIRCUIT_BREAKER = """
UPDATE easeboard.canvas_hosts
   SET failures   = %s,
       openings   = %s,
       open_until = %s,
       is_probed  = %s
 WHERE origin = %s
"""

PROBE_RNG = SystemRandom()
logger = structlog.get_logger()


class CircuitBreakers:
    """Records the results of runs, and decides which run is the probe of a host.

    Implements `application.ports.HostHealth`. If the database is not available, a warning is
    logged and the run does not fail.
    """

    def __init__(
        self,
        write_pool: AsyncConnectionPool[Any],
        read_pool: AsyncConnectionPool[Any],
        *,
        clock: Clock = utc_now,
        random_value: Callable[[], float] = PROBE_RNG.random,
    ) -> None:
        self._write_pool = write_pool
        self._read_pool = read_pool
        self._clock = clock
        self._random_value = random_value
        self._degraded_origins: set[str] = set()
        self._rejections: Counter[str] = Counter()
        self._busy_until: dict[str, datetime] = {}
        self._refreshed_at: datetime | None = None
        self._failure_calls = BatchedCalls(self._have_failures)

    async def record_success(self, origin: str) -> None:
        """Close the circuit of a host that responded."""
        del self._rejections[origin]
        await self._close_circuit(origin)

    async def record_rejection(self, origin: str) -> None:
        """Close the circuit of a host that responded, and count the token that it rejected."""
        self._rejections[origin] += 1
        await self._close_circuit(origin)

    async def _close_circuit(self, origin: str) -> None:
        self._busy_until.pop(origin, None)
        try:
            openings = await self._delete_failures(origin)
        except DATABASE_ERRORS as error:
            logger.warning("canvas_host_not_saved", origin=origin, reason=str(error))
        else:
            self._degraded_origins.discard(origin)
            if openings:
                logger.info("canvas_host_recovered", origin=origin, openings=openings)

    async def record_failure(self, origin: str) -> None:
        """Count a run that failed because its host could not be reached or timed out.

        The circuit opens after `FAILURE_THRESHOLD` failures in a row.
        """
        now = self._clock()
        self._end_try(origin, now)
        try:
            before, after = await self._save_failure(origin, now)
        except DATABASE_ERRORS as error:
            logger.warning("canvas_host_not_saved", origin=origin, reason=str(error))
        else:
            if not after.is_closed:
                self._degraded_origins.add(origin)
            if after.openings > before.openings:
                logger.warning("canvas_host_unreachable", origin=origin, **_log_fields(after))

    async def is_degraded(self, origin: str) -> bool:
        """Whether the circuit of a host was open or half open at the last query.

        What this process itself has recorded since then counts too, and so do the rejected tokens
        that it has seen.
        """
        now = self._clock()
        if self._refreshed_at is None or abs(now - self._refreshed_at) > DEGRADED_HOSTS_MAX_AGE:
            self._refreshed_at = now
            try:
                breakers = await load_circuit_breakers(self._read_pool)
            except DATABASE_ERRORS as error:
                logger.warning("canvas_hosts_not_loaded", reason=str(error))
            else:
                self._degraded_origins = {
                    origin for origin, breaker in breakers.items() if not breaker.is_closed
                }
        has_rejected_all = self._rejections[origin] >= REJECTIONS_OF_DEGRADED_HOST
        return has_rejected_all or origin in self._degraded_origins

    async def admits_scheduled_run(self, origin: str) -> bool:
        """Whether a scheduled run may send requests: the circuit is closed, or it is the probe.

        While the circuit is not closed, the first run after each open time is the probe. Without
        the database no run may.
        """
        try:
            before, after = await self._claim_probe(origin)
        except DATABASE_ERRORS as error:
            logger.warning("canvas_hosts_not_loaded", reason=str(error))
            return False
        if after is None:
            return before.is_closed
        self._busy_until[origin] = self._clock() + MAX_TRY_TIME
        logger.info("canvas_host_probed", origin=origin, **_log_fields(after))
        return True

    def admits_requested_run(self, origin: str) -> bool:
        """Whether a run that a person requested may send requests to a host that is degraded.

        It may not while another run of this process waits for the host: if the host hangs, people
        would wait in its lanes for each other.
        """
        if origin not in self._degraded_origins:
            return True
        now, busy_until = self._clock(), self._busy_until.get(origin)
        if busy_until and now < busy_until:
            return False
        self._busy_until[origin] = now + MAX_TRY_TIME
        return True

    def _end_try(self, origin: str, now: datetime) -> None:
        busy_until = self._busy_until.pop(origin, None)
        if busy_until and now - (busy_until - MAX_TRY_TIME) > SLOW_TRY_TIME:
            self._busy_until[origin] = now + SLOW_TRY_TIME

    async def _claim_probe(self, origin: str) -> tuple[CircuitBreaker, CircuitBreaker | None]:
        """Return the state of a host before and after; without a state after, no probe is due."""
        async with self._write_pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(SELECT_FOR_UPDATE, [origin])).fetchone()
            now = self._clock()
            before = CircuitBreaker(*row) if row else CircuitBreaker()
            if not before.is_probe_due(now):
                return before, None
            after = before.record_probe(now, self._random_value())
            await connection.execute(UPDATE_CIRCUIT_BREAKER, [*after, origin])
        return before, after

    async def _save_failure(
        self, origin: str, now: datetime
    ) -> tuple[CircuitBreaker, CircuitBreaker]:
        async with self._write_pool.connection() as connection, connection.transaction():
            await _delete_expired(connection, now)
            parameters = {"origin": origin, "now": now}
            row = await (await connection.execute(UPSERT_FAILURE, parameters)).fetchone()
            before = CircuitBreaker(*row) if row else CircuitBreaker()
            after = before.record_failure(now, self._random_value())
            await connection.execute(UPDATE_CIRCUIT_BREAKER, [*after, origin])
        return before, after

    async def _delete_failures(self, origin: str) -> int:
        """Delete the failures of a host; return how often its circuit opened.

        Most hosts have none, so a read comes first: it costs less than a DELETE.
        """
        if not await self._failure_calls.ask(origin):
            return 0
        async with self._write_pool.connection() as connection:
            cursor = await connection.execute(
                "DELETE FROM easeboard.canvas_hosts WHERE origin = %s RETURNING openings", [origin]
            )
            row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def _have_failures(self, origins: Sequence[str]) -> list[bool]:
        """Return whether each host has failures, with one statement for all runs that end now."""
        async with self._read_pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT origin FROM easeboard.canvas_hosts WHERE origin = ANY(%s) ORDER BY origin",
                [list({*origins})],
            )
            noted = {origin for (origin,) in await cursor.fetchall()}
        return [origin in noted for origin in origins]


async def load_circuit_breakers(pool: AsyncConnectionPool[Any]) -> dict[str, CircuitBreaker]:
    """Read the circuit breakers of all hosts with failures, by origin; all others are closed."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            """
            SELECT origin, failures, openings, open_until, is_probed
              FROM easeboard.canvas_hosts
             ORDER BY origin
            """
        )
        return {origin: CircuitBreaker(*fields) for origin, *fields in await cursor.fetchall()}


async def load_state_counts(pool: AsyncConnectionPool[Any]) -> dict[CircuitState, int]:
    """Count the hosts whose circuit is open or half open now."""
    return count_states(await load_circuit_breakers(pool), utc_now())


def count_states(breakers: Mapping[str, CircuitBreaker], now: datetime) -> dict[CircuitState, int]:
    """Count the circuit breakers that are open or half open at `now`."""
    states = [breaker.state(now) for breaker in breakers.values()]
    return {"open": states.count("open"), "half_open": states.count("half_open")}


async def _delete_expired(connection: AsyncConnection[Any], now: datetime) -> None:
    await connection.execute(
        "DELETE FROM easeboard.canvas_hosts WHERE failed_at < %s", [now - FAILURE_RETENTION]
    )


def _log_fields(breaker: CircuitBreaker) -> dict[str, Any]:
    until = breaker.open_until.isoformat() if breaker.open_until else None
    return {"failures": breaker.failures, "openings": breaker.openings, "until": until}

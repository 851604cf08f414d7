"""Counts what is recorded for a person on a day, and the connections of a person.

What a process records is counted in memory and added to the database every second, so that an
append needs no statement more. A process that is killed loses the count of its last second.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from threading import Lock
from time import monotonic
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import structlog
from psycopg_pool import AsyncConnectionPool

from application.person_budget import DayBudget
from infrastructure.postgres.errors import DATABASE_ERRORS
from infrastructure.postgres.execute import SecretStatement

EVENTS_PER_DAY = 50_000
"""A first sync of 40 courses with 120 assignments each records about 10,000."""
BYTES_PER_DAY = 100_000_000
CONNECTIONS_PER_PERSON = 10

FLUSH_INTERVAL_SECONDS = 1.0
MAX_AGE_SECONDS = 5.0
"""How long the count of a person in the database is used, to which other processes add."""
MAX_REMEMBERED = 10_000
FLUSHES_PER_CLEANUP = 3600

ADD_USAGE: LiteralString = """
INSERT INTO easeboard.person_usage AS usage (person_id, day, events, bytes)
SELECT new.person_id, (now() AT TIME ZONE 'UTC')::date, new.events, new.bytes
  FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS new (person_id, events, bytes)
 ORDER BY new.person_id
    ON CONFLICT (person_id, day) DO UPDATE
   SET events = usage.events + excluded.events,
       bytes  = usage.bytes + excluded.bytes
"""
SELECT_USAGE: LiteralString = """
SELECT events, bytes
  FROM easeboard.person_usage
 WHERE person_id = %s
   AND day = (now() AT TIME ZONE 'UTC')::date
"""
DELETE_OLD_DAYS: LiteralString = """
DELETE FROM easeboard.person_usage WHERE day < (now() AT TIME ZONE 'UTC')::date - 1
"""
COUNT_CONNECTIONS: LiteralString = """
SELECT count(DISTINCT connection_id) FROM easeboard.canvas_tokens WHERE person_id = %s
"""
REQUIRE_PLACE: LiteralString = "SELECT easeboard.require_connection_place(%s, %s, %s)"

logger = structlog.get_logger()


class Amount(NamedTuple):
    """A number of events and of stored bytes."""

    events: int = 0
    bytes: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """Return the sum."""
        return Amount(self.events + other.events, self.bytes + other.bytes)


class PersonUsage:
    """Implements `application.person_budget.PersonBudget`; counts while `running` is open.

    `count` may be called in any thread. Without the database the limit of the day is not applied.
    """

    max_connections = CONNECTIONS_PER_PERSON

    def __init__(self, write_pool: AsyncConnectionPool[Any]) -> None:
        self._pool = write_pool
        self._lock = Lock()
        self._unsaved: dict[UUID, Amount] = {}
        self._read: dict[UUID, tuple[float, Amount]] = {}

    def count(self, person_id: UUID, events: int, stored_bytes: int) -> None:
        """Count an append; it neither blocks nor raises."""
        added = Amount(events, stored_bytes)
        with self._lock:
            self._unsaved[person_id] = self._unsaved.get(person_id, Amount()).plus(added)
            if person_id in self._read:
                at, amount = self._read[person_id]
                self._read[person_id] = at, amount.plus(added)

    async def left_today(self, person_id: UUID) -> DayBudget:
        """Return what may still be recorded for a person today; negative beyond the limit."""
        used = self._remembered(person_id)
        if used is None:
            used = await self._read_usage(person_id)
        return DayBudget(EVENTS_PER_DAY - used.events, BYTES_PER_DAY - used.bytes)

    def place_for(self, person_id: UUID, connection_id: UUID) -> SecretStatement:
        """Return the change that refuses a connection beyond the most that a person may have."""
        return SecretStatement(REQUIRE_PLACE, [person_id, connection_id, CONNECTIONS_PER_PERSON])

    async def has_place(self, person_id: UUID) -> bool:
        """Return whether the person may open another connection now."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(COUNT_CONNECTIONS, [person_id])).fetchone()
        return row is None or row[0] < CONNECTIONS_PER_PERSON

    @asynccontextmanager
    async def running(self) -> AsyncIterator["PersonUsage"]:
        """Add the counts to the database every second, and once more at the end."""
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait({task})
            with suppress(*DATABASE_ERRORS):
                await self.flush()

    async def flush(self) -> None:
        """Add what is counted to the database; it stays counted if that fails.

        Raises: errors of psycopg and its pool.
        """
        with self._lock:
            unsaved, self._unsaved = self._unsaved, {}
        if not unsaved:
            return
        columns = (
            [*unsaved],
            [a.events for a in unsaved.values()],
            [a.bytes for a in unsaved.values()],
        )
        try:
            async with self._pool.connection() as connection:
                await connection.execute(ADD_USAGE, columns)
        except BaseException:
            with self._lock:
                for person_id, amount in unsaved.items():
                    kept = self._unsaved.get(person_id, Amount())
                    self._unsaved[person_id] = kept.plus(amount)
            raise

    async def _run(self) -> None:
        flushes = 0
        while True:
            await asyncio.sleep(FLUSH_INTERVAL_SECONDS)
            try:
                await self.flush()
                if flushes % FLUSHES_PER_CLEANUP == 0:
                    async with self._pool.connection() as connection:
                        await connection.execute(DELETE_OLD_DAYS)
            except DATABASE_ERRORS as error:
                logger.warning("person_usage_not_saved", reason=str(error))
            flushes += 1

    def _remembered(self, person_id: UUID) -> Amount | None:
        with self._lock:
            at, amount = self._read.get(person_id, (0.0, None))
        return amount if monotonic() - at <= MAX_AGE_SECONDS else None

    async def _read_usage(self, person_id: UUID) -> Amount:
        """Read the count of a person; what this process has not saved yet is added."""
        try:
            await self.flush()
            async with self._pool.connection() as connection:
                row = await (await connection.execute(SELECT_USAGE, [person_id])).fetchone()
        except DATABASE_ERRORS as error:
            logger.warning("person_usage_not_read", reason=str(error))
            return Amount()
        used = Amount(*row) if row else Amount()
        with self._lock:
            if len(self._read) >= MAX_REMEMBERED:
                self._read.clear()
            used = used.plus(self._unsaved.get(person_id, Amount()))
            self._read[person_id] = monotonic(), used
        return used

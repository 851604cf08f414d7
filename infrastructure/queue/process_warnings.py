"""Warnings of processes about their surroundings, kept so that `doctor` can show them."""

import asyncio
from typing import Any, LiteralString, NamedTuple

import structlog
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.errors import DATABASE_ERRORS

UPSERT_WARNING: LiteralString = """
INSERT INTO easeboard.process_warnings (process, code, detail)
SELECT name, %s, %s
  FROM easeboard.workers
 WHERE name = %s
    ON CONFLICT (process, code) DO UPDATE
   SET detail     = excluded.detail,
       noticed_at = clock_timestamp()
"""
SELECT_WARNINGS: LiteralString = """
SELECT process, code, detail
  FROM easeboard.process_warnings
  JOIN easeboard.workers ON name = process
 WHERE heartbeat_at >= clock_timestamp() - INTERVAL '10 s'
 ORDER BY noticed_at, process
"""


logger = structlog.get_logger()


class ProcessWarning(NamedTuple):
    """What one process has found: `detail` names the thing, and what to do."""

    process: str
    code: str
    detail: str


class ProcessWarnings:
    """The warnings of one process; they last as long as its heartbeat."""

    def __init__(self, pool: AsyncConnectionPool[Any], process: str) -> None:
        self._pool, self._process = pool, process
        self._tasks: set[asyncio.Task[None]] = set()

    def report(self, code: str, detail: str) -> None:
        """Record a warning soon, for callers that cannot wait; a failure is logged."""
        task = asyncio.create_task(self._record_or_log(code, detail))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def record(self, code: str, detail: str) -> None:
        """Record a warning, in place of an earlier one with the same code.

        Raises: errors of psycopg and its pool.
        """
        async with self._pool.connection() as connection:
            await connection.execute(UPSERT_WARNING, [code, detail, self._process])

    async def _record_or_log(self, code: str, detail: str) -> None:
        try:
            await self.record(code, detail)
        except DATABASE_ERRORS as error:
            logger.warning("process_warning_not_recorded", code=code, reason=str(error))


async def load_warnings(pool: AsyncConnectionPool[Any]) -> list[ProcessWarning]:
    """Return the warnings of all processes that are alive, oldest first.

    Raises: errors of psycopg and its pool.
    """
    async with (
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(ProcessWarning)) as cursor,
    ):
        await cursor.execute(SELECT_WARNINGS, [])
        warnings: list[ProcessWarning] = await cursor.fetchall()
    return warnings

"""The processes with a heartbeat, their read models and their warnings: for administrators."""

from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

SELECT_PROCESSES: LiteralString = """
SELECT name, roles, since, heartbeat_at,
       heartbeat_at >= clock_timestamp() - INTERVAL '10 s' AS is_alive,
       extract(epoch FROM clock_timestamp() - heartbeat_at)::float8 AS silent_seconds,
       ARRAY(
           SELECT model.name
             FROM easeboard.projection_owners AS model
            WHERE model.owner = process.name
              AND model.until >= clock_timestamp()
            ORDER BY model.name
       ) AS read_models,
       (
           SELECT coalesce(
                      jsonb_agg(
                          jsonb_build_object(
                              'code', code,
                              'detail', detail,
                              'noticed_at',
                              to_char(
                                  noticed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
                              )
                          )
                          ORDER BY noticed_at, code
                      ),
                      '[]'
                  )
             FROM easeboard.process_warnings
            WHERE process = process.name
       ) AS warnings
  FROM easeboard.workers AS process
 ORDER BY name
"""


class ProcessStatus(NamedTuple):
    """A process, its last heartbeat, and since when it wrote heartbeats without a pause."""

    name: str
    roles: list[str]
    since: datetime
    heartbeat_at: datetime
    is_alive: bool
    silent_seconds: float
    read_models: list[str]
    """The read models to which it applies events."""
    warnings: list[dict[str, str]]
    """Each with `code`, `detail` and `noticed_at`, a time of RFC 3339."""


async def list_processes(pool: AsyncConnectionPool[Any]) -> list[ProcessStatus]:
    """Return every process that wrote a heartbeat within a day and did not stop in order."""
    async with (
        pool.connection() as connection,
        connection.cursor(row_factory=class_row(ProcessStatus)) as cursor,
    ):
        await cursor.execute(SELECT_PROCESSES)
        processes: list[ProcessStatus] = await cursor.fetchall()
    return processes

"""What the database knows: the queue, the read models, the workers and the keys.

Every process that is scraped tells the same: take the `max`, never the `sum`.
"""

from typing import Any, NamedTuple

from psycopg_pool import AsyncConnectionPool

from domain.circuit_breaker import State
from infrastructure.canvas.circuit_breakers import counts_now
from infrastructure.projection_engine.status import status
from infrastructure.queue.sync_queue import TASK

QUEUE = """
SELECT count(*) FILTER (WHERE job.status = 'todo') AS waiting,
       count(*) FILTER (WHERE job.status = 'doing') AS doing,
       coalesce(
           extract(epoch FROM clock_timestamp() - min(greatest(event.at, job.scheduled_at))
               FILTER (WHERE job.status = 'todo')),
           0
       )::float8 AS oldest
  FROM procrastinate.procrastinate_jobs AS job
  LEFT JOIN procrastinate.procrastinate_events AS event
    ON event.job_id = job.id
   AND event.type = 'deferred'
 WHERE job.task_name = %s
   AND (job.scheduled_at IS NULL OR job.scheduled_at <= clock_timestamp())
"""

WORKERS = """
SELECT count(*)
  FROM easeboard.workers
 WHERE heartbeat_at >= clock_timestamp() - INTERVAL '10 s'
   AND 'worker' = ANY (roles)
"""

KEYS = """
SELECT 'canvas_token' AS kind, key_id, count(*) AS many
  FROM easeboard.canvas_tokens
 GROUP BY key_id
 UNION ALL
SELECT 'person_key', key_id, count(*)
  FROM easeboard.people_keys
 WHERE key_id IS NOT NULL
 GROUP BY key_id
 UNION ALL
SELECT 'idempotency_key', key_id, count(*)
  FROM easeboard.idempotency_keys
 GROUP BY key_id
 ORDER BY kind, key_id
"""


class Queue(NamedTuple):
    """Runs that wait, runs that workers hold, and the age of the oldest that waits, in seconds."""

    waiting: int
    doing: int
    oldest: float


class Told(NamedTuple):
    """Everything the database was asked, as it answered."""

    queue: Queue
    workers: int
    read_models: list[dict[str, Any]]
    keys: list[tuple[str, str, int]]
    hosts: dict[State, int]


async def ask_database(pool: AsyncConnectionPool[Any]) -> Told:
    """Ask everything once; raises what psycopg and its pool raise."""
    read_models = await status(pool)
    async with pool.connection() as connection:
        queue = await (await connection.execute(QUEUE, [TASK])).fetchone()
        workers = await (await connection.execute(WORKERS)).fetchone()
        keys = await (await connection.execute(KEYS)).fetchall()
    return Told(Queue(*queue), workers[0], read_models, keys, await counts_now(pool))

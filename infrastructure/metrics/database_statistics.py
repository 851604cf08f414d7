"""Statistics from the database: queue, read models, workers, keys, Canvas hosts and sizes.

Every process publishes the same values: aggregate them with `max`, never with `sum`.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from psycopg_pool import AsyncConnectionPool

from domain.circuit_breaker import CircuitState
from infrastructure.canvas.circuit_breakers import load_state_counts
from infrastructure.event_store.lost_events import read_log_state
from infrastructure.projection_engine.status import (
    OwnershipStatus,
    ownership_status,
    projection_status,
)
from infrastructure.queue.sync_queue import SYNC_TASK
from infrastructure.queue.syncing_switch import SyncingSwitch
from infrastructure.seals.seal_lag import SealLag, read_seal_lag
from infrastructure.seals.witness_client.witness_status import (
    WitnessProblems,
    count_witness_problems,
)

SELECT_QUEUE_COUNTS = """
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

COUNT_LIVE_WORKERS = """
SELECT count(*)
  FROM easeboard.workers
 WHERE heartbeat_at >= clock_timestamp() - INTERVAL '10 s'
   AND 'worker' = ANY (roles)
"""

COUNT_RECORDS_BY_KEY = """
SELECT 'canvas_token' AS kind, key_id, count(*) AS many
  FROM easeboard.canvas_tokens
 GROUP BY key_id
 UNION ALL
SELECT 'person_key', key_id, count(*)
  FROM easeboard.people_keys
 WHERE key_id IS NOT NULL
 GROUP BY key_id
 UNION ALL
SELECT 'seal_key', key_id, count(*)
  FROM easeboard.seal_keys
 GROUP BY key_id
 UNION ALL
SELECT 'idempotency_key', key_id, count(*)
  FROM easeboard.idempotency_keys
 GROUP BY key_id
 ORDER BY kind, key_id
"""


SELECT_SIZES = """
SELECT CASE
           WHEN relation.oid = to_regclass('easeboard.events') THEN 'log'
           WHEN namespace.nspname = 'procrastinate' THEN 'queue'
           WHEN namespace.nspname = 'easeboard' THEN 'service'
           ELSE 'read_models'
       END AS part,
       sum(pg_total_relation_size(relation.oid))::float8 AS bytes,
       sum(coalesce(pg_stat_get_dead_tuples(relation.oid), 0))::float8 AS dead_rows
  FROM pg_class AS relation
  JOIN pg_namespace AS namespace
    ON namespace.oid = relation.relnamespace
 WHERE relation.relkind = 'r'
   AND (
           namespace.nspname IN ('easeboard', 'procrastinate')
        OR namespace.nspname IN (
               SELECT format('%%s_v%%s', name, version) FROM easeboard.projections
           )
       )
 GROUP BY part
 ORDER BY part
"""
"""The bytes of each part of the database, with indexes and long values, and its dead rows."""


CountExact = Callable[[], Awaitable[dict[str, int]]]
"""Counts courses by whether their totals are exact: `exact`, `different` or `unknown`."""


class QueueCounts(NamedTuple):
    """Runs that wait, runs assigned to workers, and the seconds that the oldest run has waited."""

    waiting: int
    running: int
    oldest_seconds: float


class PartSize(NamedTuple):
    """A part of the database, its bytes, and its rows that are deleted or replaced."""

    part: str
    total_bytes: float
    dead_rows: float


class DatabaseStatistics(NamedTuple):
    """The results of all queries; `keys` are (kind of record, id of the master key, count)."""

    queue: QueueCounts
    workers: int
    read_models: list[dict[str, Any]]
    keys: list[tuple[str, str, int]]
    hosts: dict[CircuitState, int]
    exact: dict[str, int]
    sizes: list[PartSize]
    is_syncing: bool
    losses: int
    seals: SealLag
    witnesses: WitnessProblems
    ownership: list[OwnershipStatus]


async def load_database_statistics(
    pool: AsyncConnectionPool[Any], count_exact: CountExact
) -> DatabaseStatistics:
    """Execute every query once; raises the errors of psycopg and its pool."""
    read_models = await projection_status(pool)
    async with pool.connection() as connection:
        queue = await (await connection.execute(SELECT_QUEUE_COUNTS, [SYNC_TASK])).fetchone()
        workers = await (await connection.execute(COUNT_LIVE_WORKERS)).fetchone()
        keys = await (await connection.execute(COUNT_RECORDS_BY_KEY)).fetchall()
        sizes = await (await connection.execute(SELECT_SIZES, [])).fetchall()
    return DatabaseStatistics(
        QueueCounts(*queue),
        workers[0],
        read_models,
        keys,
        await load_state_counts(pool),
        await count_exact(),
        [PartSize(*row) for row in sizes],
        await SyncingSwitch(pool).state() == "on",
        len((await read_log_state(pool)).losses()),
        await read_seal_lag(pool),
        await count_witness_problems(pool),
        await ownership_status(pool),
    )

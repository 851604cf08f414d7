"""The query of the runs that are queued or running, with the worker that executes each."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import sql

from infrastructure.queue.sync_queue import STALLED_WORKER_TIMEOUT_SECONDS
from interfaces.queries.admin.host_names import host_of
from projections.support.page import (
    Page,
    build_page,
    decode_cursor,
    parse_position_key,
    parse_text_key,
    rows_to_fetch,
)
from projections.support.query import Query

SLOW_RUN_SECONDS = 15 * 60
"""Seconds after which a run that its worker still executes counts as stuck."""
JOB_GRACE_SECONDS = 30
"""Seconds that a run may lack its job in the queue: the job is added after the request."""

BRANCH = """
(
    SELECT *
      FROM read.syncs
     WHERE status = {status}
       AND requested > {after}
     ORDER BY requested
     LIMIT %(limit)s
)
"""
RUNS = """
WITH doing AS MATERIALIZED (
    SELECT job.args ->> 'connection_id' AS connection_id, worker.last_heartbeat
      FROM procrastinate.procrastinate_jobs AS job
      LEFT JOIN procrastinate.procrastinate_workers AS worker
        ON worker.id = job.worker_id
     WHERE job.status = 'doing'
)
SELECT run.status, run.requested, run.sync_id, run.connection_id, run.person_id, run.document,
       standing.origin, standing.rested_at, doing.connection_id IS NOT NULL,
       doing.last_heartbeat, waiting.id IS NOT NULL,
       (SELECT max(last_heartbeat) FROM procrastinate.procrastinate_workers)
  FROM ({branches}) AS run
  JOIN read.sync_standings AS standing
    ON standing.connection_id = run.connection_id
  LEFT JOIN doing
    ON doing.connection_id = run.connection_id::text
  LEFT JOIN LATERAL (
           SELECT id
             FROM procrastinate.procrastinate_jobs
            WHERE status = 'todo'
              AND queueing_lock = ANY(
                      ARRAY[
                          run.connection_id || '/' || run.person_id,
                          run.connection_id || '/' || run.person_id || '/later'
                      ]
                  )
            LIMIT 1
       ) AS waiting
    ON TRUE
 ORDER BY run.status DESC, run.requested
 LIMIT %(limit)s
"""
"""The ids of a connection and of its person are the lock of its job: see `fair_fetch.py`."""


def _statement(*statuses: str) -> sql.Composed:
    branches = sql.SQL(" UNION ALL ").join(
        sql.SQL(BRANCH).format(status=sql.Literal(status), after=sql.Placeholder(f"after_{status}"))
        for status in statuses
    )
    return sql.SQL(RUNS).format(branches=branches)


STATEMENTS = {
    None: _statement("running", "queued"),
    "running": _statement("running"),
    "queued": _statement("queued"),
}
"""The statement by the status that it selects."""


class ActiveRunRow(NamedTuple):
    """A row of the statement; `newest_heartbeat` is that of any worker."""

    status: str
    requested_position: int
    id: UUID
    connection_id: UUID
    person_id: UUID
    document: bytes
    origin: str
    requested_at: datetime
    is_executed: bool
    worker_heartbeat_at: datetime | None
    is_waiting: bool
    newest_heartbeat: datetime | None

    def encode(self, now: datetime) -> bytes:
        """Return the JSON of an item of `GET /api/v1/admin/runs`."""
        run = orjson.loads(self.document)
        document = {
            "id": self.id,
            "connection_id": self.connection_id,
            "user_id": self.person_id,
            "canvas_url": self.origin,
            "host": host_of(self.origin),
            "trigger": run["trigger"],
            "mode": run["mode"],
            "status": self.status,
            "requested_at": self.requested_at,
            "started_at": run["started_at"],
            "courses": run["courses"],
            "worker_heartbeat_at": self.worker_heartbeat_at,
            "stuck": self._why_stuck(run["started_at"], now),
        }
        return orjson.dumps(document, option=orjson.OPT_UTC_Z)

    def _why_stuck(self, started_at: str | None, now: datetime) -> str | None:
        if self.is_executed:
            silent_seconds = _age(self.worker_heartbeat_at, now)
            if silent_seconds is None or silent_seconds > STALLED_WORKER_TIMEOUT_SECONDS:
                return (
                    "The worker writes no heartbeat any longer; another one continues the sync"
                    " when the recovery has noticed."
                )
            running_seconds = _age(datetime.fromisoformat(started_at), now) if started_at else 0
            if running_seconds and running_seconds > SLOW_RUN_SECONDS:
                return (
                    f"The sync has been running for {running_seconds / 60:.0f} minutes: Canvas is"
                    " slow, or it throttles; the user can cancel it."
                )
            return None
        if self.is_waiting:
            return self._why_waiting(now)
        if (_age(self.requested_at, now) or 0) > JOB_GRACE_SECONDS:
            return "The queue has no job for the sync; the recovery of a worker adds one."
        return None

    def _why_waiting(self, now: datetime) -> str | None:
        silent_seconds = _age(self.newest_heartbeat, now)
        if silent_seconds is None or silent_seconds > STALLED_WORKER_TIMEOUT_SECONDS:
            return "No worker is alive: start one with `easeboard serve --roles worker`."
        return None


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else (now - at).total_seconds()


def active_runs(*, status: str | None = None, cursor: str | None = None, limit: int) -> Query[Page]:
    """Query a page of the runs of all people that are queued or running.

    Running ones come first, and of each the one that was requested first. A cursor contains the
    status and the position of the request in the event log.

    Raises: BadCursor if the cursor does not belong to this list.
    """
    after_status, after = decode_cursor(cursor, parse_text_key, parse_position_key)
    is_past_running = after_status == "queued"

    def build(rows: Sequence[tuple[Any, ...]]) -> Page:
        now = datetime.now(UTC)
        return build_page(
            rows, limit, lambda row: ActiveRunRow(*row).encode(now), lambda row: row[:2]
        )

    return Query(
        "sync_log",
        STATEMENTS[status],
        {
            "after_running": 2**63 - 1 if is_past_running else after or 0,
            "after_queued": after if is_past_running else 0,
            "limit": rows_to_fetch(limit),
        },
        build,
    )

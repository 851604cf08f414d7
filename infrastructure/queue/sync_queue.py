"""The queue that brings runs to workers on any machine: procrastinate in our own database.

A job names a connection; the worker executes the queued run of that connection. The lock of the
job is a lane of the Canvas host, so that a host that hangs occupies only its own lanes.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast
from uuid import UUID

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job, Status
from psycopg_pool import AsyncConnectionPool

from application.ports import WorkerStatus
from infrastructure.crypto.master_key import KeyRing
from infrastructure.observability.tracing import current_traceparent
from infrastructure.postgres.connection_budget import MAX_IDLE_SECONDS, ROLE_BUDGETS
from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.pools import POOL_WAIT_SECONDS
from infrastructure.postgres.reporting_pools import AsyncReportingPool
from infrastructure.postgres.session_replacement import check_session
from infrastructure.postgres.session_settings import SessionSettings
from infrastructure.postgres.timeouts import AsyncTimedConnection
from infrastructure.queue.fair_fetch import queueing_lock
from infrastructure.queue.heartbeats import Heartbeats
from infrastructure.queue.job_manager import SyncJobManager, error_reason
from infrastructure.queue.procrastinate_schema import QUEUE_SCHEMA

SYNC_TASK = SYNC_QUEUE = "run_sync"
DELAYED_SYNC_TASK = "run_sync_later"
"""The task that enqueues a run after a delay; it has no lane, which it would block."""
URGENT_PRIORITY = 1
"""The priority of a run that a person is waiting for."""
STALLED_WORKER_TIMEOUT_SECONDS = 10.0
"""Seconds without a heartbeat in the queue after which the jobs of a worker are deleted."""
DEFAULT_LANES_PER_HOST = 8
"""Runs in progress at one Canvas host at most, unless a setting changes it."""
QUEUE_RESPONSE_TIMEOUT_SECONDS = 5.0
"""Seconds the database has to respond before its connection counts as lost."""

Pool = AsyncConnectionPool[Any]
logger = structlog.get_logger()


class SyncJob(NamedTuple):
    """A connection whose queued run waits for a worker, and the origin of its Canvas."""

    connection_id: UUID
    origin: str
    urgent: bool
    person_id: UUID | None = None
    """Whose run it is; None if it is not known, so that only lanes limit it."""


class SyncQueue:
    """The port `application.ports.Queue`, implemented with procrastinate."""

    def __init__(
        self, connector: PsycopgConnector, heartbeats: Heartbeats, lanes: int, pool: Pool
    ) -> None:
        self.heartbeats = heartbeats
        self.connector = connector
        self.job_manager = SyncJobManager(connector, pool, lanes)
        self._lanes = lanes
        self.pool = pool
        self._app = self.new_app()

    def new_app(self) -> App:
        """Return an App of procrastinate that uses our connector and job manager."""
        app = App(connector=self.connector)
        app.job_manager = self.job_manager
        return app

    async def enqueue(
        self,
        connection_id: UUID,
        origin: str,
        *,
        person_id: UUID | None = None,
        urgent: bool = False,
        delay_seconds: float = 0,
    ) -> None:
        """Add a job for the queued run of a connection; does nothing if one is waiting.

        An error of the database is logged and not raised: the recovery adds the job later.
        """
        job = SyncJob(connection_id, origin, urgent, person_id)
        if not delay_seconds:
            return await self.enqueue_many([job])
        deferrer = self._app.configure_task(
            DELAYED_SYNC_TASK,
            queue=SYNC_QUEUE,
            queueing_lock=f"{queueing_lock(connection_id, person_id)}/later",
            schedule_in={"seconds": round(delay_seconds)},
        )
        try:
            await deferrer.defer_async(connection_id=str(connection_id), origin=origin)
        except AlreadyEnqueued:
            return None
        except ConnectorException as error:
            _log_enqueue_failure([job], error)

    async def enqueue_many(self, jobs: Sequence[SyncJob]) -> None:
        """Add jobs for several runs with one statement.

        The requests are in the log already, so the recovery adds the jobs that are lost here.
        """
        try:
            await self.job_manager.batch_defer_jobs_async(
                [self._to_procrastinate_job(job) for job in jobs]
            )
        except AlreadyEnqueued:
            if len(jobs) > 1:
                for job in jobs:
                    await self.enqueue_many([job])
        except ConnectorException as error:
            _log_enqueue_failure(jobs, error)

    def _to_procrastinate_job(self, job: SyncJob) -> Job:
        return Job(
            queue=SYNC_QUEUE,
            task_name=SYNC_TASK,
            priority=URGENT_PRIORITY if job.urgent else 0,
            lock=lane_name(job.origin, job.connection_id, self._lanes),
            queueing_lock=queueing_lock(job.connection_id, job.person_id),
            task_kwargs={
                "connection_id": str(job.connection_id),
                "traceparent": current_traceparent(),
            },
        )

    async def worker_status(self, worker: str) -> WorkerStatus:
        """Return whether the worker of an attempt is alive."""
        return await self.heartbeats.worker_status(worker)

    async def release(self, connection_id: UUID) -> None:
        """Free the lane that a dead worker occupies for a connection."""
        async with self.pool.connection() as connection:
            await connection.execute(
                """
                DELETE FROM procrastinate_jobs
                 WHERE status = 'doing'
                   AND task_name = %s
                   AND args ->> 'connection_id' = %s
                """,
                [SYNC_TASK, str(connection_id)],
            )

    async def waiting_connections(self) -> set[UUID]:
        """Return the connections whose run waits for a worker, delayed ones included."""
        jobs = [
            job
            for task in (SYNC_TASK, DELAYED_SYNC_TASK)
            for job in await self.job_manager.list_jobs_async(task=task, status=Status.TODO.value)
        ]
        return {UUID(str(job.task_kwargs["connection_id"])) for job in jobs}

    async def waiting_count(self) -> int:
        """Return the number of runs that wait for a worker, delayed ones excluded."""
        return sum((await self.waiting_by_origin()).values())

    async def waiting_by_origin(self) -> dict[str, int]:
        """Return the number of runs that wait for a worker, by Canvas origin."""
        async with self.pool.connection() as connection:
            cursor = await connection.execute(
                """
                SELECT regexp_replace(lock, '/[0-9]+$', '') AS origin, count(*)
                  FROM procrastinate_jobs
                 WHERE status = 'todo'
                   AND task_name = %s
                 GROUP BY origin
                 ORDER BY origin
                """,
                [SYNC_TASK],
            )
            return dict(await cursor.fetchall())

    async def delete_stalled(self) -> None:
        """Delete the jobs of dead workers; the log has the state of their runs."""
        for job in await self.job_manager.get_stalled_jobs(
            queue=SYNC_QUEUE, seconds_since_heartbeat=STALLED_WORKER_TIMEOUT_SECONDS
        ):
            await self.job_manager.finish_job(job, Status.FAILED, delete_job=True)


class BufferedQueue:
    """The port `application.ports.Queue`; collects jobs until `flush` adds them together."""

    def __init__(self, queue: SyncQueue) -> None:
        self._queue = queue
        self._jobs: list[SyncJob] = []

    async def enqueue(
        self,
        connection_id: UUID,
        origin: str,
        *,
        person_id: UUID | None = None,
        urgent: bool = False,
        delay_seconds: float = 0,
    ) -> None:
        """Collect a job; one with a delay is added at once."""
        if delay_seconds:
            await self._queue.enqueue(
                connection_id, origin, person_id=person_id, delay_seconds=delay_seconds
            )
        else:
            self._jobs.append(SyncJob(connection_id, origin, urgent, person_id))

    async def worker_status(self, worker: str) -> WorkerStatus:
        """Return whether the worker of an attempt is alive."""
        return await self._queue.worker_status(worker)

    async def release(self, connection_id: UUID) -> None:
        """Free the lane that a dead worker occupies for a connection."""
        await self._queue.release(connection_id)

    async def flush(self) -> int:
        """Add the collected jobs with one statement, and return their number."""
        jobs, self._jobs = self._jobs, []
        if jobs:
            await self._queue.enqueue_many(jobs)
        return len(jobs)


def lane_name(origin: str, connection_id: UUID, lanes: int) -> str:
    """Return the lane, one of `lanes` at its host, in which the runs of a connection execute."""
    return f"{origin}/{connection_id.int % lanes}"


def _log_enqueue_failure(jobs: Sequence[SyncJob], error: ConnectorException) -> None:
    logger.warning("runs_wait_for_recovery", runs=len(jobs), reason=error_reason(error))


@asynccontextmanager
async def open_sync_queue(
    url: str,
    *,
    roles: Sequence[str] = ("worker",),
    lanes: int = DEFAULT_LANES_PER_HOST,
    max_size: int = ROLE_BUDGETS["worker"].queue_pool,
    ring: KeyRing | None = None,
) -> AsyncIterator[SyncQueue]:
    """Open the queue in the database at `url`, with a connection pool of its own."""
    settings = SessionSettings(url, {"search_path": QUEUE_SCHEMA})

    async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
        timed = cast("AsyncTimedConnection", connection)
        timed.response_timeout_seconds = QUEUE_RESPONSE_TIMEOUT_SECONDS
        # Each statement is a transaction of its own: one round trip instead of three.
        await connection.set_autocommit(True)
        await settings.apply_async(connection)

    async def check(connection: psycopg.AsyncConnection[Any]) -> None:
        await check_session(pool, connection)

    pool = AsyncReportingPool(
        build_conninfo(url, name="queue"),
        min_size=1,
        max_size=max_size,
        open=False,
        name="queue",
        timeout=POOL_WAIT_SECONDS,
        max_waiting=64,
        max_idle=MAX_IDLE_SECONDS,
        check=check,
        reconnect_timeout=30,
        configure=configure,
    )
    connector = PsycopgConnector()
    async with pool, App(connector=connector).open_async(pool):
        yield SyncQueue(connector, Heartbeats(pool, roles, ring=ring), lanes, pool)

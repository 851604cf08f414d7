"""Carries runs to workers on any machine, through procrastinate on our own database.

A job names the connection; the worker takes on whichever of its runs is queued. Its lock is a
lane of the Canvas host: a host that hangs holds its lanes and nobody else's.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job, Status
from psycopg.sql import SQL, Identifier
from psycopg_pool import AsyncConnectionPool

from application.ports import Fate
from infrastructure.observability.tracing import traceparent
from infrastructure.postgres.connection_budget import BUDGETS, MAX_IDLE
from infrastructure.postgres.conninfo import conninfo
from infrastructure.postgres.pools import WAIT_SECONDS
from infrastructure.postgres.timeouts import AsyncConnection
from infrastructure.queue.heartbeats import Workers
from infrastructure.queue.job_manager import JobTable, reason
from infrastructure.queue.schema import SCHEMA

TASK = QUEUE = "run_sync"
LATER = "run_sync_later"
"""The task that enqueues a run once its pause is over: a paused job would block its lane."""
URGENT = 1
"""The priority of a run that a person waits for."""
STALLED = 10.0
"""Seconds without a heartbeat after which a worker's jobs are given up."""
LANES = 8
"""Runs under way at one Canvas host, where no setting says otherwise."""
ANSWER_WITHIN = 5.0
"""Seconds the database has to answer before its connection counts as lost."""

Pool = AsyncConnectionPool[Any]
log = structlog.get_logger()


class Wish(NamedTuple):
    """A connection whose queued run waits for a worker, and the Canvas it is at."""

    connection_id: UUID
    origin: str
    urgent: bool


class SyncQueue:
    """`application.ports.Queue`."""

    def __init__(
        self, connector: PsycopgConnector, workers: Workers, lanes: int, pool: Pool
    ) -> None:
        self.workers = workers
        self.connector = connector
        self.table = JobTable(connector)
        self._lanes = lanes
        self.pool = pool
        self._app = self.new_app()

    def new_app(self) -> App:
        """An App of procrastinate over our table of jobs."""
        app = App(connector=self.connector)
        app.job_manager = self.table
        return app

    async def enqueue(
        self, connection_id: UUID, origin: str, *, urgent: bool = False, after: float = 0
    ) -> None:
        """Let a worker take the connection's queued run on, `after` seconds; twice is once."""
        wish = Wish(connection_id, origin, urgent)
        if not after:
            return await self.enqueue_many([wish])
        job = self._app.configure_task(
            LATER,
            queue=QUEUE,
            queueing_lock=f"{connection_id}/later",
            schedule_in={"seconds": round(after)},
        )
        try:
            await job.defer_async(connection_id=str(connection_id), origin=origin)
        except AlreadyEnqueued:
            return None
        except ConnectorException as error:
            _told_later([wish], error)

    async def enqueue_many(self, wishes: Sequence[Wish]) -> None:
        """Enqueue several runs in one statement.

        The log already holds the requests: jobs lost here are found again by the recovery.
        """
        try:
            await self.table.batch_defer_jobs_async([self._job(wish) for wish in wishes])
        except AlreadyEnqueued:
            if len(wishes) > 1:
                for wish in wishes:
                    await self.enqueue_many([wish])
        except ConnectorException as error:
            _told_later(wishes, error)

    def _job(self, wish: Wish) -> Job:
        return Job(
            queue=QUEUE,
            task_name=TASK,
            priority=URGENT if wish.urgent else 0,
            lock=lane(wish.origin, wish.connection_id, self._lanes),
            queueing_lock=str(wish.connection_id),
            task_kwargs={"connection_id": str(wish.connection_id), "traceparent": traceparent()},
        )

    async def fate(self, worker: str) -> Fate:
        """What became of a worker that took a run on."""
        return await self.workers.fate(worker)

    async def forget(self, connection_id: UUID) -> None:
        """Free the lane that a worker which is no more held for a connection."""
        async with self.pool.connection() as connection:
            await connection.execute(
                """
                DELETE FROM procrastinate_jobs
                 WHERE status = 'doing'
                   AND task_name = %s
                   AND args ->> 'connection_id' = %s
                """,
                [TASK, str(connection_id)],
            )

    async def waiting(self) -> set[UUID]:
        """The connections whose run no worker has taken on yet."""
        jobs = [
            job
            for task in (TASK, LATER)
            for job in await self.table.list_jobs_async(task=task, status=Status.TODO.value)
        ]
        return {UUID(str(job.task_kwargs["connection_id"])) for job in jobs}

    async def length(self) -> int:
        """How many runs wait for a worker."""
        return sum((await self.waiting_at()).values())

    async def waiting_at(self) -> dict[str, int]:
        """How many runs wait for a worker at each Canvas."""
        async with self.pool.connection() as connection:
            found = await connection.execute(
                """
                SELECT regexp_replace(lock, '/[0-9]+$', '') AS origin, count(*)
                  FROM procrastinate_jobs
                 WHERE status = 'todo'
                   AND task_name = %s
                 GROUP BY origin
                 ORDER BY origin
                """,
                [TASK],
            )
            return dict(await found.fetchall())

    async def sweep(self) -> None:
        """Delete the jobs of dead workers; what became of their runs is in the log."""
        for job in await self.table.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED):
            await self.table.finish_job(job, Status.FAILED, delete_job=True)


class Batch:
    """`application.ports.Queue` that lets runs gather until they are enqueued together."""

    def __init__(self, queue: SyncQueue) -> None:
        self._queue = queue
        self._wishes: list[Wish] = []

    async def enqueue(
        self, connection_id: UUID, origin: str, *, urgent: bool = False, after: float = 0
    ) -> None:
        """Keep a run for the batch; one that shall wait goes by itself."""
        if after:
            await self._queue.enqueue(connection_id, origin, after=after)
        else:
            self._wishes.append(Wish(connection_id, origin, urgent))

    async def fate(self, worker: str) -> Fate:
        """What became of a worker that took a run on."""
        return await self._queue.fate(worker)

    async def forget(self, connection_id: UUID) -> None:
        """Free the lane that a worker which is no more held for a connection."""
        await self._queue.forget(connection_id)

    async def flush(self) -> int:
        """Enqueue what has gathered; returns how many they are."""
        wishes, self._wishes = self._wishes, []
        if wishes:
            await self._queue.enqueue_many(wishes)
        return len(wishes)


def lane(origin: str, connection_id: UUID, lanes: int) -> str:
    """The lane of its host, of so many, in which a connection's runs go one after the other."""
    return f"{origin}/{connection_id.int % lanes}"


def _told_later(wishes: Sequence[Wish], error: ConnectorException) -> None:
    log.warning("runs_wait_for_recovery", runs=len(wishes), reason=reason(error))


@asynccontextmanager
async def sync_queue(
    url: str,
    *,
    roles: Sequence[str] = ("worker",),
    lanes: int = LANES,
    size: int = BUDGETS["worker"].queue,
) -> AsyncIterator[SyncQueue]:
    """The queue in the database at `url`, with connections of its own."""
    pool = AsyncConnectionPool(
        conninfo(url, name="queue"),
        min_size=1,
        max_size=size,
        open=False,
        name="queue",
        timeout=WAIT_SECONDS,
        max_waiting=64,
        max_idle=MAX_IDLE,
        check=AsyncConnectionPool.check_connection,
        reconnect_timeout=30,
        connection_class=AsyncConnection,
        configure=_at_home,
    )
    connector = PsycopgConnector()
    async with pool, App(connector=connector).open_async(pool):
        yield SyncQueue(connector, Workers(pool, roles), lanes, pool)


async def _at_home(connection: AsyncConnection) -> None:
    """Let procrastinate find its tables, whatever search path the address asks for."""
    connection.answers_within = ANSWER_WITHIN
    await connection.execute(SQL("SET search_path TO {}").format(Identifier(SCHEMA)))
    await connection.commit()

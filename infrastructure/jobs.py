"""Carries runs to workers on any machine, through procrastinate on our own database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import UUID

import psycopg
import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import DeleteJobCondition, Status
from procrastinate.worker import Worker
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier
from psycopg_pool import AsyncConnectionPool

from application.acting import acting
from application.run_sync import RunSync
from infrastructure.postgres.connecting import conninfo
from infrastructure.postgres.pools import WAIT_SECONDS
from infrastructure.queue_schema import SCHEMA
from infrastructure.workers import BEAT, Workers

TASK = QUEUE = "run_sync"
STALLED = 10.0
"""Seconds without a heartbeat after which a worker's jobs are given up."""
POLL = 0.5
"""Seconds until a worker looks for a run that no notification told it of."""
PATIENCE = 2.0
"""Seconds until a worker tries an unreachable database again."""

RunsSync = Callable[[RunSync], Awaitable[None]]
log = structlog.get_logger()


class SyncQueue:
    """`application.ports.Queue`, and the worker that empties it."""

    def __init__(self, pool: AsyncConnectionPool[Any], connector: PsycopgConnector) -> None:
        self.workers = Workers(pool)
        self._connector = connector
        self._app = App(connector=connector)
        self._under_way: set[asyncio.Task[Any]] = set()

    async def enqueue(self, connection_id: UUID, sync_id: UUID) -> None:
        """Let a worker take the run on; the same run twice is once.

        The log already holds the request: a job lost here is found again by the recovery.
        """
        job = self._app.configure_task(TASK, queue=QUEUE, queueing_lock=str(sync_id))
        try:
            await job.defer_async(connection_id=str(connection_id), sync_id=str(sync_id))
        except AlreadyEnqueued:
            return
        except ConnectorException as error:
            log.warning("run_waits_for_recovery", sync_id=str(sync_id), reason=_reason(error))

    async def is_dead(self, worker: str) -> bool:
        """Whether a worker that took a run on is no more."""
        return await self.workers.is_dead(worker)

    async def waiting(self) -> set[UUID]:
        """The connections whose run no worker has taken on yet."""
        jobs = await self._app.job_manager.list_jobs_async(task=TASK, status=Status.TODO.value)
        return {UUID(str(job.task_kwargs["connection_id"])) for job in jobs}

    async def work(self, run_sync: RunsSync, *, concurrency: int = 4, grace: float = 10.0) -> None:
        """Take runs on until cancelled; those under way then have `grace` seconds to end."""
        app = self._with_tasks(run_sync)
        with suppress(psycopg.Error):
            await self.workers.beat()
        beating = asyncio.create_task(self.workers.keep_beating())
        try:
            while True:
                await self._work(app, concurrency, grace)
                await asyncio.sleep(PATIENCE)
        finally:
            beating.cancel()
            with suppress(psycopg.Error):
                await self.workers.leave()

    async def _work(self, app: App, concurrency: int, grace: float) -> None:
        worker = Worker(
            app,
            queues=[QUEUE],
            name=None,
            concurrency=concurrency,
            delete_jobs=DeleteJobCondition.ALWAYS,
            install_signal_handlers=False,
            fetch_job_polling_interval=POLL,
            update_heartbeat_interval=BEAT,
            stalled_worker_timeout=STALLED,
        )
        running = asyncio.create_task(
            worker.run()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        )
        try:
            await asyncio.shield(running)
        except ConnectorException as error:
            if not isinstance(error.__cause__, psycopg.OperationalError):
                raise
            log.warning("queue_unreachable", reason=_reason(error))
        except asyncio.CancelledError:
            await self._stop(worker, running, grace)
            raise

    async def _stop(self, worker: Worker, running: asyncio.Task[None], grace: float) -> None:
        worker.stop()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        await asyncio.wait({running}, timeout=grace)
        for job in self._under_way:
            job.cancel()
        with suppress(ConnectorException):
            await running

    def _with_tasks(self, run_sync: RunsSync) -> App:
        app = App(connector=self._connector)

        @app.task(name=TASK, queue=QUEUE)
        async def take_on(connection_id: str, sync_id: str) -> None:
            await self._take_on(run_sync, UUID(connection_id), UUID(sync_id))

        @app.periodic(cron="* * * * *")
        @app.task(name="sweep", queue=QUEUE, queueing_lock="sweep", pass_context=True)
        async def sweep(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate hands it over
            await self.sweep()

        return app

    async def _take_on(self, run_sync: RunsSync, connection_id: UUID, sync_id: UUID) -> None:
        ids = {"connection_id": str(connection_id), "sync_id": str(sync_id)}
        with (
            self._counted(),
            self.workers.taking_on() as worker,
            acting("worker", correlation_id=str(sync_id)),
            structlog.contextvars.bound_contextvars(**ids),
        ):
            command = RunSync(connection_id=connection_id, worker=worker)
            try:
                await run_sync(command)
            except Exception:  # one run's end is not the worker's; the recovery records it
                log.exception("run_broke_off")

    @contextmanager
    def _counted(self) -> Iterator[None]:
        job = asyncio.current_task()
        if job:
            self._under_way.add(job)
            job.add_done_callback(self._under_way.discard)
        yield

    async def sweep(self) -> None:
        """Delete the jobs of dead workers; what became of their runs is in the log."""
        manager = self._app.job_manager
        for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED):
            # Another worker may sweep at the same time.
            with suppress(ConnectorException):
                await manager.finish_job_by_id_async(job.id or 0, Status.FAILED, delete_job=True)


@asynccontextmanager
async def sync_queue(url: str) -> AsyncIterator[SyncQueue]:
    """The queue in the database at `url`, with connections of its own."""
    pool = AsyncConnectionPool(
        conninfo(url, name="queue"),
        min_size=1,
        max_size=4,
        open=False,
        name="queue",
        timeout=WAIT_SECONDS,
        max_waiting=64,
        check=AsyncConnectionPool.check_connection,
        reconnect_timeout=30,
        configure=_at_home,
    )
    connector = PsycopgConnector()
    async with pool, App(connector=connector).open_async(pool):
        yield SyncQueue(pool, connector)


async def _at_home(connection: AsyncConnection[Any]) -> None:
    """Let procrastinate find its tables, whatever search path the address asks for."""
    await connection.execute(SQL("SET search_path TO {}").format(Identifier(SCHEMA)))
    await connection.commit()


def _reason(error: ConnectorException) -> str:
    return str(error.__cause__ or error)

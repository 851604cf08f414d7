"""A worker: takes queued runs on, and gives back what it cannot end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal
from uuid import UUID

import psycopg
import structlog
from procrastinate import App, JobContext
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition
from procrastinate.worker import Worker

from application.event_metadata import with_event_metadata
from application.requeue_sync import RequeueSync
from application.run_sync import RunSync
from domain.errors import DomainError
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable, EventUnreadable
from infrastructure.observability.instruments import SYNCS_RUNNING
from infrastructure.observability.tracing import continue_trace
from infrastructure.queue.heartbeats import UPDATE_HEARTBEAT_INTERVAL_SECONDS
from infrastructure.queue.job_manager import error_reason
from infrastructure.queue.sync_queue import (
    DELAYED_SYNC_TASK,
    STALLED_WORKER_TIMEOUT_SECONDS,
    SYNC_QUEUE,
    SYNC_TASK,
    SyncQueue,
)

FETCH_JOB_POLLING_INTERVAL_SECONDS = 0.5
"""Seconds until a worker looks for a run that no notification told it of."""
WORKER_RETRY_SECONDS = 2.0
"""Seconds until a worker tries an unreachable database again."""
REQUEUE_TIMEOUT_SECONDS = 3.0
"""Seconds that a stopping worker has to give back what did not end."""

ExecuteRunSync = Callable[[RunSync], Awaitable[None]]
ExecuteRequeueSync = Callable[[RequeueSync], Awaitable[None]]
logger = structlog.get_logger()


class SyncWorker:
    """One process's worker."""

    def __init__(
        self,
        queue: SyncQueue,
        run_sync: ExecuteRunSync,
        requeue_sync: ExecuteRequeueSync,
        *,
        concurrency: int,
    ) -> None:
        self._queue = queue
        self._run_sync = run_sync
        self._requeue_sync = requeue_sync
        self._concurrency = concurrency
        self._running_jobs: set[asyncio.Task[Any]] = set()

    async def run(self, *, grace_seconds: float = 12.0) -> None:
        """Take runs on until cancelled.

        Those under way then have `grace` seconds to end; the others are given back.
        """
        app = self._new_app_with_tasks()
        while True:
            await self._run_worker(app, grace_seconds)
            await asyncio.sleep(WORKER_RETRY_SECONDS)

    async def _run_worker(self, app: App, grace_seconds: float) -> None:
        worker = Worker(
            app,
            queues=[SYNC_QUEUE],
            name=self._queue.heartbeats.process_name,
            concurrency=self._concurrency,
            delete_jobs=DeleteJobCondition.ALWAYS,
            install_signal_handlers=False,
            fetch_job_polling_interval=FETCH_JOB_POLLING_INTERVAL_SECONDS,
            update_heartbeat_interval=UPDATE_HEARTBEAT_INTERVAL_SECONDS,
            stalled_worker_timeout=STALLED_WORKER_TIMEOUT_SECONDS,
        )
        # A lane that is free again has perhaps a next job, of which nobody tells.
        self._queue.job_manager.on_finish = worker._new_job_event.set  # noqa: SLF001  # its only bell
        running = asyncio.create_task(
            worker.run()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        )
        try:
            await asyncio.shield(running)
        except ConnectorException as error:
            logger.warning("worker_restarted", reason=error_reason(error))
        except asyncio.CancelledError:
            await self._stop(worker, running, grace_seconds)
            raise

    async def _stop(
        self, worker: Worker, running: asyncio.Task[None], grace_seconds: float
    ) -> None:
        worker.stop()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        await asyncio.wait({running}, timeout=grace_seconds)
        for job in self._running_jobs:
            job.cancel()
        await asyncio.wait({running}, timeout=REQUEUE_TIMEOUT_SECONDS + 1)
        running.cancel()
        with suppress(ConnectorException, asyncio.CancelledError):
            await running

    def _new_app_with_tasks(self) -> App:
        app = self._queue.new_app()

        @app.task(name=SYNC_TASK, queue=SYNC_QUEUE, pass_context=True)
        async def run_sync(
            context: JobContext, connection_id: str, traceparent: str | None = None
        ) -> None:
            with (
                continue_trace("run_sync", traceparent, kind="consumer"),
                SYNCS_RUNNING.track_inprogress(),
            ):
                await self._execute(UUID(connection_id), context.job.id)

        @app.task(name=DELAYED_SYNC_TASK, queue=SYNC_QUEUE)
        async def enqueue(connection_id: str, origin: str) -> None:
            await self._queue.enqueue(UUID(connection_id), origin)

        return app

    async def _execute(self, connection_id: UUID, job: int | None) -> None:
        log_context = {"connection_id": str(connection_id), "job_id": job}
        with (
            self._track_job(),
            self._queue.heartbeats.register_attempt() as worker,
            with_event_metadata("worker"),
            structlog.contextvars.bound_contextvars(**log_context),
        ):
            try:
                await self._run_sync(RunSync(connection_id=connection_id, worker=worker))
            except asyncio.CancelledError:
                with suppress(TimeoutError):
                    async with asyncio.timeout(REQUEUE_TIMEOUT_SECONDS):
                        await self._requeue(connection_id, worker, "stopped")
                raise
            except Exception:  # one run's end is not the worker's
                logger.exception("run_crashed")
                await self._requeue(connection_id, worker, "broke_off")

    async def _requeue(
        self, connection_id: UUID, worker: str, reason: Literal["stopped", "broke_off"]
    ) -> None:
        """Give a run back, however long the database is away: it must not be left running."""
        while True:
            try:
                command = RequeueSync(connection_id=connection_id, worker=worker, reason=reason)
                return await self._requeue_sync(command)
            except (psycopg.Error, DatabaseBusy, DatabaseUnavailable, ConnectorException) as error:
                logger.warning("requeue_postponed", reason=str(error.__cause__ or error))
            except (DomainError, EventUnreadable) as refusal:
                logger.debug("requeue_refused", reason=str(refusal))
                return None
            await asyncio.sleep(WORKER_RETRY_SECONDS)

    @contextmanager
    def _track_job(self) -> Iterator[None]:
        job = asyncio.current_task()
        if job:
            self._running_jobs.add(job)
            job.add_done_callback(self._running_jobs.discard)
        yield

"""The worker: executes queued runs, and requeues those it cannot finish."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal
from uuid import UUID

import structlog
from procrastinate import App, JobContext
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition
from procrastinate.worker import Worker

from application.event_metadata import with_event_metadata
from application.requeue_sync import RequeueSync
from application.run_sync import RunSync
from domain.errors import DomainError
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.observability.instruments import SYNCS_RUNNING
from infrastructure.observability.tracing import continue_trace
from infrastructure.queue.fair_fetch import person_of_job
from infrastructure.queue.job_manager import QUEUE_ERRORS, error_reason
from infrastructure.queue.sync_queue import (
    DELAYED_SYNC_TASK,
    STALLED_WORKER_TIMEOUT_SECONDS,
    SYNC_QUEUE,
    SYNC_TASK,
    SyncQueue,
)

FETCH_JOB_POLLING_INTERVAL_SECONDS = 0.5
"""Seconds between two polls for jobs, in case a notification was missed."""
WORKER_RETRY_SECONDS = 2.0
"""Seconds until the next attempt at a database that is not available."""
REQUEUE_TIMEOUT_SECONDS = 3.0
"""Seconds that a stopping worker has to requeue a run."""

ExecuteRunSync = Callable[[RunSync], Awaitable[None]]
ExecuteRequeueSync = Callable[[RequeueSync], Awaitable[None]]
logger = structlog.get_logger()


class SyncWorker:
    """Executes runs in this process, `concurrency` of them at a time."""

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
        """Execute runs until cancelled; the worker is restarted after errors of the database.

        When cancelled, the current runs have `grace_seconds` to end; the others are requeued.
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
            update_heartbeat_interval=STALLED_WORKER_TIMEOUT_SECONDS / 3,
            stalled_worker_timeout=STALLED_WORKER_TIMEOUT_SECONDS,
        )
        self._queue.job_manager.places = self._concurrency
        # Another job may wait for the lane that is free now; no notification is sent for it.
        self._queue.job_manager.on_finish = worker._new_job_event.set  # noqa: SLF001  # no public method wakes it
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
        finally:
            with suppress(ConnectorException):
                await self._queue.job_manager.return_unstarted()

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

        @app.task(name=DELAYED_SYNC_TASK, queue=SYNC_QUEUE, pass_context=True)
        async def enqueue(context: JobContext, connection_id: str, origin: str) -> None:
            person_id = person_of_job(context.job)
            await self._queue.enqueue(UUID(connection_id), origin, person_id=person_id)

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
            except Exception:  # a run that crashes does not stop the worker
                logger.exception("run_crashed")
                await self._requeue(connection_id, worker, "broke_off")

    async def _requeue(
        self, connection_id: UUID, worker: str, reason: Literal["stopped", "broke_off"]
    ) -> None:
        """Requeue a run, which must not stay `running`; retry until the database is available."""
        while True:
            try:
                command = RequeueSync(connection_id=connection_id, worker=worker, reason=reason)
                return await self._requeue_sync(command)
            except QUEUE_ERRORS as error:
                logger.warning("requeue_postponed", reason=error_reason(error))
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

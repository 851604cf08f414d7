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

from application.event_metadata import acting
from application.requeue_sync import GiveRunBack
from application.run_sync import RunSync
from domain.errors import Refusal
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable, EventUnreadable
from infrastructure.observability.instruments import SYNCS_RUNNING
from infrastructure.observability.tracing import traced
from infrastructure.queue.heartbeats import BEAT
from infrastructure.queue.job_manager import reason
from infrastructure.queue.sync_queue import LATER, QUEUE, STALLED, TASK, SyncQueue

POLL = 0.5
"""Seconds until a worker looks for a run that no notification told it of."""
PATIENCE = 2.0
"""Seconds until a worker tries an unreachable database again."""
PARTING = 3.0
"""Seconds that a stopping worker has to give back what did not end."""

RunsSync = Callable[[RunSync], Awaitable[None]]
GivesBack = Callable[[GiveRunBack], Awaitable[None]]
log = structlog.get_logger()


class Working:
    """One process's worker."""

    def __init__(
        self, queue: SyncQueue, run_sync: RunsSync, give_back: GivesBack, *, concurrency: int
    ) -> None:
        self._queue = queue
        self._run_sync = run_sync
        self._give_back = give_back
        self._concurrency = concurrency
        self._under_way: set[asyncio.Task[Any]] = set()

    async def work(self, *, grace: float = 12.0) -> None:
        """Take runs on until cancelled.

        Those under way then have `grace` seconds to end; the others are given back.
        """
        app = self._with_tasks()
        while True:
            await self._work(app, grace)
            await asyncio.sleep(PATIENCE)

    async def _work(self, app: App, grace: float) -> None:
        worker = Worker(
            app,
            queues=[QUEUE],
            name=self._queue.workers.process,
            concurrency=self._concurrency,
            delete_jobs=DeleteJobCondition.ALWAYS,
            install_signal_handlers=False,
            fetch_job_polling_interval=POLL,
            update_heartbeat_interval=BEAT,
            stalled_worker_timeout=STALLED,
        )
        # A lane that is free again has perhaps a next job, of which nobody tells.
        self._queue.table.on_finish = worker._new_job_event.set  # noqa: SLF001  # its only bell
        running = asyncio.create_task(
            worker.run()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        )
        try:
            await asyncio.shield(running)
        except ConnectorException as error:
            log.warning("worker_starts_over", reason=reason(error))
        except asyncio.CancelledError:
            await self._stop(worker, running, grace)
            raise

    async def _stop(self, worker: Worker, running: asyncio.Task[None], grace: float) -> None:
        worker.stop()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        await asyncio.wait({running}, timeout=grace)
        for job in self._under_way:
            job.cancel()
        await asyncio.wait({running}, timeout=PARTING + 1)
        running.cancel()
        with suppress(ConnectorException, asyncio.CancelledError):
            await running

    def _with_tasks(self) -> App:
        app = self._queue.new_app()

        @app.task(name=TASK, queue=QUEUE, pass_context=True)
        async def take_on(
            context: JobContext, connection_id: str, traceparent: str | None = None
        ) -> None:
            with traced("run_sync", traceparent, kind="consumer"), SYNCS_RUNNING.track_inprogress():
                await self._take_on(UUID(connection_id), context.job.id)

        @app.task(name=LATER, queue=QUEUE)
        async def enqueue(connection_id: str, origin: str) -> None:
            await self._queue.enqueue(UUID(connection_id), origin)

        return app

    async def _take_on(self, connection_id: UUID, job: int | None) -> None:
        bound = {"connection_id": str(connection_id), "job_id": job}
        with (
            self._counted(),
            self._queue.workers.taking_on() as worker,
            acting("worker"),
            structlog.contextvars.bound_contextvars(**bound),
        ):
            try:
                await self._run_sync(RunSync(connection_id=connection_id, worker=worker))
            except asyncio.CancelledError:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PARTING):
                        await self._hand_over(connection_id, worker, "stopped")
                raise
            except Exception:  # one run's end is not the worker's
                log.exception("run_broke_off")
                await self._hand_over(connection_id, worker, "broke_off")

    async def _hand_over(
        self, connection_id: UUID, worker: str, why: Literal["stopped", "broke_off"]
    ) -> None:
        """Give a run back, however long the database is away: it must not be left running."""
        while True:
            try:
                command = GiveRunBack(connection_id=connection_id, worker=worker, reason=why)
                return await self._give_back(command)
            except (psycopg.Error, DatabaseBusy, DatabaseUnavailable, ConnectorException) as error:
                log.warning("run_not_given_back_yet", reason=str(error.__cause__ or error))
            except (Refusal, EventUnreadable) as refusal:
                log.debug("run_not_given_back", reason=str(refusal))
                return None
            await asyncio.sleep(PATIENCE)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        job = asyncio.current_task()
        if job:
            self._under_way.add(job)
            job.add_done_callback(self._under_way.discard)
        yield

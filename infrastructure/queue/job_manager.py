"""The job manager of procrastinate, extended so that it survives outages of the database."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, LiteralString

import structlog
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Notification, Status
from procrastinate.manager import JobManager, NotificationCallback
from procrastinate.psycopg_connector import wrap_exceptions
from psycopg_pool import AsyncConnectionPool

from domain.sync_admission import RunningSync, hosts_without_place
from infrastructure.postgres.batched_calls import BatchedCalls
from infrastructure.postgres.errors import BUSY_ERRORS, DATABASE_ERRORS, is_unavailable
from infrastructure.queue.fair_fetch import fetch_fairly, origin_of_lane

QUEUE_RETRY_SECONDS = 1.0
"""Seconds until the next attempt at a database that is not available."""
ORPHAN_CHECK_SECONDS = 60.0
"""Seconds after a lost fetch response in which orphan jobs are released.

An orphan job is assigned to this worker, which never received it.
"""

MAX_BREAK_SECONDS = 1.0
"""Seconds in which a broken connection is noticed; later the database does not respond at all."""

QUEUE_ERRORS = (ConnectorException, *DATABASE_ERRORS)
"""Every error that a use of the queue or of the database can raise.

procrastinate raises ConnectorException instead of an error of the driver, which is its cause.
"""

DELETE_JOBS: LiteralString = """
DELETE FROM procrastinate_jobs
 WHERE id = ANY(%s)
   AND status IN ('todo', 'doing')
"""

RETURN_JOBS: LiteralString = """
UPDATE procrastinate_jobs AS jobs
   SET status = 'todo',
       worker_id = NULL
 WHERE id = ANY(%s)
   AND status = 'doing'
   AND NOT EXISTS (
           SELECT
             FROM procrastinate_jobs AS newer
            WHERE newer.queueing_lock = jobs.queueing_lock
              AND newer.status = 'todo'
       )
"""
"""A connection has at most one waiting job, so one that was added meanwhile stays instead."""

DELETE_REPLACED_JOBS: LiteralString = """
DELETE FROM procrastinate_jobs
 WHERE id = ANY(%s)
   AND status = 'doing'
"""

IDLE_POLL_SECONDS = 1.8
"""Seconds for which no job is looked for if none waited and no notification of one has arrived."""

HAS_WAITING_JOBS: LiteralString = """
SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'todo')
"""

logger = structlog.get_logger()


class SyncJobManager(JobManager):
    """Fetches, finishes and listens for jobs; waits and continues when the database is back.

    `on_finish` is called after each job that was finished. `places` is the number of runs that the
    worker of this process executes at a time, of which `places_per_host` may be at one host; None
    without a worker.
    """

    def __init__(
        self, connector: BaseConnector, pool: AsyncConnectionPool[Any], places_per_host: int
    ) -> None:
        super().__init__(connector)
        self.on_finish: Callable[[], None] = lambda: None
        self.places: int | None = None
        self._places_per_host = places_per_host
        self._pool = pool
        self._running: dict[int | None, tuple[str, float]] = {}
        self._received_job_ids: set[int | None] = set()
        self._unstarted: deque[Job] = deque()
        self._deletions = BatchedCalls(self._delete)
        self._check_orphans_until = 0.0
        self._is_listening = False
        self._idle_until = 0.0

    async def batch_defer_jobs_async(
        self, jobs: list[Job], connection: Any | None = None
    ) -> list[Job]:
        """Add jobs, and again if the connection broke: a session is not checked before each use.

        A repetition does no harm: a connection has at most one waiting job.

        Raises: AlreadyEnqueued; ConnectorException if the database is not available.
        """
        started = _now()
        try:
            return await super().batch_defer_jobs_async(jobs, connection)
        except ConnectorException as error:
            cause = error.__cause__
            is_broken = is_unavailable(cause) and not isinstance(cause, BUSY_ERRORS)
            if not is_broken or _now() > started + MAX_BREAK_SECONDS:
                raise
        return await super().batch_defer_jobs_async(jobs, connection)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Return the next job that may start; None if there is none, or without a database.

        Jobs for all free places are fetched at once, and handed out one by one.
        """
        if not self._unstarted:
            self._unstarted += await self._fetch_jobs(queues, worker_id)
        return self._unstarted.popleft() if self._unstarted else None

    async def _fetch_jobs(self, queues: Iterable[str] | None, worker_id: int) -> list[Job]:
        try:
            if _now() < self._check_orphans_until:
                await self._release_orphan_jobs(worker_id)
            if not self._received_job_ids and await self._is_idle():
                return []
            jobs = await fetch_fairly(
                self._pool,
                None if queues is None else list(queues),
                worker_id,
                places=max((self.places or 1) - len(self._received_job_ids), 1),
                skipped_origins=self._hosts_without_place,
            )
        except UniqueViolation:
            # Another worker took the same free lane first.
            return []
        except ConnectorException as error:
            self._check_orphans_until = _now() + ORPHAN_CHECK_SECONDS
            await _wait_for_database(error)
            return []
        self._received_job_ids |= {job.id for job in jobs}
        for job in jobs:
            if job.lock:
                self._running[job.id] = origin_of_lane(job.lock), _now()
        return jobs

    async def _is_idle(self) -> bool:
        """Return whether no job waits at all, which a worker without a run asks again and again."""
        if self._is_listening and _now() < self._idle_until:
            return True
        async with wrap_exceptions(), self._pool.connection() as connection:
            cursor = await connection.execute(HAS_WAITING_JOBS)
            is_idle = bool(await cursor.fetchone() == (False,))
        self._idle_until = _now() + IDLE_POLL_SECONDS if is_idle else 0.0
        return is_idle

    def _hosts_without_place(self, starting: Sequence[str]) -> set[str]:
        if self.places is None:
            return set()
        running = [RunningSync(origin, _now() - at) for origin, at in self._running.values()]
        running += [RunningSync(origin, 0) for origin in starting]
        return hosts_without_place(running, self.places, self._places_per_host)

    async def return_unstarted(self) -> None:
        """Return the jobs that were fetched and not started to the queue, for other workers.

        Raises: ConnectorException if the database is not available; they are then recovered.
        """
        jobs, self._unstarted = [job.id for job in self._unstarted], deque()
        self._forget(jobs)
        if jobs:
            async with wrap_exceptions(), self._pool.connection() as connection:
                await connection.execute(RETURN_JOBS, [jobs])
                await connection.execute(DELETE_REPLACED_JOBS, [jobs])

    async def _release_orphan_jobs(self, worker_id: int) -> None:
        """Delete jobs that are assigned to this worker, which never received them.

        As this worker is alive, nothing else frees their lanes. The recovery finds their runs.
        """
        assigned = await self.list_jobs_async(worker_id=worker_id, status=Status.DOING.value)
        for job in assigned:
            if job.id not in self._received_job_ids:
                logger.warning("orphan_job_released", job=job.id)
                await self.finish_job(job, Status.FAILED, delete_job=True)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: ARG002, FBT001  # the signature of procrastinate
        """Delete the job, which frees its lane; it may have been deleted already as stalled.

        Jobs that end at the same moment are deleted together.
        """
        if job.id is None or not delete_job:
            raise NotImplementedError("a job that is over is deleted")
        while True:
            try:
                await self._deletions.ask(job.id)
            except ConnectorException as error:
                await _wait_for_database(error)
            else:
                self._forget([job.id])
                return self.on_finish()

    async def _delete(self, ids: Sequence[int]) -> list[None]:
        async with wrap_exceptions(), self._pool.connection() as connection:
            await connection.execute(DELETE_JOBS, [list(ids)])
        return [None] * len(ids)

    def _forget(self, ids: Iterable[int | None]) -> None:
        for id_ in ids:
            self._received_job_ids.discard(id_)
            self._running.pop(id_, None)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Record in the table of procrastinate that the worker is alive."""
        try:
            await super().update_heartbeat(worker_id)
        except ConnectorException as error:
            await _wait_for_database(error)

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Receive notifications of new jobs until cancelled."""

        async def notice(*, channel: str, notification: Notification) -> None:
            self._idle_until = 0.0
            await on_notification(channel=channel, notification=notification)

        while True:
            self._is_listening, self._idle_until = True, 0.0
            try:
                await super().listen_for_jobs(on_notification=notice, queues=queues)
            except ConnectorException as error:
                await _wait_for_database(error)
            finally:
                self._is_listening = False


def _now() -> float:
    return asyncio.get_running_loop().time()


def error_reason(error: Exception) -> str:
    """Return the text of the error that the driver raised, or of this one without a cause."""
    return str(error.__cause__ or error)


async def _wait_for_database(error: ConnectorException) -> None:
    """Log the outage and wait a second; raises the error if it is not an outage."""
    if not is_unavailable(error.__cause__):
        raise error
    logger.warning("queue_unreachable", reason=error_reason(error))
    await asyncio.sleep(QUEUE_RETRY_SECONDS)

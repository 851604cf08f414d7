"""procrastinate's jobs over a database that comes and goes."""

import asyncio
from collections.abc import Callable, Iterable

import psycopg
import structlog
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

QUEUE_RETRY_SECONDS = 1.0
"""Seconds until an unreachable database is tried again."""
ORPHAN_CHECK_SECONDS = 60.0
"""Seconds after a lost answer in which a job may turn out to be ours that we never heard of."""

logger = structlog.get_logger()


class SyncJobManager(JobManager):
    """Where jobs are kept: a worker outlives its connections, and rivals for one lane."""

    def __init__(self, connector: BaseConnector) -> None:
        super().__init__(connector)
        self.on_finish: Callable[[], None] = lambda: None
        self._received_job_ids: set[int | None] = set()
        self._check_orphans_until = 0.0

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Take the next job whose lane is free, if any."""
        try:
            if asyncio.get_running_loop().time() < self._check_orphans_until:
                await self._release_orphan_jobs(worker_id)
            job = await super().fetch_job(queues, worker_id)
        except UniqueViolation:
            # Two workers found the same lane free; the other one was faster.
            return None
        except ConnectorException as error:
            self._check_orphans_until = asyncio.get_running_loop().time() + ORPHAN_CHECK_SECONDS
            await _wait_for_database(error)
            return None
        if job:
            self._received_job_ids.add(job.id)
        return job

    async def _release_orphan_jobs(self, worker_id: int) -> None:
        """Free the lanes of jobs that we were given in an answer that never came.

        Nobody else would: this worker lives. The recovery finds their runs.
        """
        assigned = await self.list_jobs_async(worker_id=worker_id, status=Status.DOING.value)
        for job in assigned:
            if job.id not in self._received_job_ids:
                logger.warning("orphan_job_released", job=job.id)
                await self.finish_job(job, Status.FAILED, delete_job=True)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: FBT001  # procrastinate's own signature
        """Free the lane; a job that was presumed lost is gone already."""
        while True:
            try:
                await super().finish_job(job, status, delete_job)
            except ConnectorException as error:
                if is_unreachable(error):
                    await _wait_for_database(error)
                    continue
                logger.debug("job_already_deleted", job=job.id)
            self._received_job_ids.discard(job.id)
            return self.on_finish()

    async def update_heartbeat(self, worker_id: int) -> None:
        """Say that the worker lives."""
        try:
            await super().update_heartbeat(worker_id)
        except ConnectorException as error:
            await _wait_for_database(error)

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Hear of new jobs until cancelled."""
        while True:
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except ConnectorException as error:
                await _wait_for_database(error)


def is_unreachable(error: ConnectorException) -> bool:
    """Whether the database could not be reached, rather than say no."""
    return isinstance(error.__cause__, psycopg.OperationalError | psycopg.InterfaceError)


def error_reason(error: ConnectorException) -> str:
    """What the database, or its absence, said."""
    return str(error.__cause__ or error)


async def _wait_for_database(error: ConnectorException) -> None:
    """Wait a moment for the database to come back; raises what is no absence."""
    if not is_unreachable(error):
        raise error
    logger.warning("queue_unreachable", reason=error_reason(error))
    await asyncio.sleep(QUEUE_RETRY_SECONDS)

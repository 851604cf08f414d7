"""The job manager of procrastinate, extended so that it survives outages of the database."""

import asyncio
from collections.abc import Callable, Iterable

import structlog
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

from infrastructure.postgres.errors import DATABASE_ERRORS, is_unavailable

QUEUE_RETRY_SECONDS = 1.0
"""Seconds until the next attempt at a database that is not available."""
ORPHAN_CHECK_SECONDS = 60.0
"""Seconds after a lost fetch response in which orphan jobs are released.

An orphan job is assigned to this worker, which never received it.
"""

QUEUE_ERRORS = (ConnectorException, *DATABASE_ERRORS)
"""Every error that a use of the queue or of the database can raise.

procrastinate raises ConnectorException instead of an error of the driver, which is its cause.
"""

logger = structlog.get_logger()


class SyncJobManager(JobManager):
    """Fetches, finishes and listens for jobs; waits and continues when the database is back.

    `on_finish` is called after each job that was finished.
    """

    def __init__(self, connector: BaseConnector) -> None:
        super().__init__(connector)
        self.on_finish: Callable[[], None] = lambda: None
        self._received_job_ids: set[int | None] = set()
        self._check_orphans_until = 0.0

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Return the next job whose lane is free; None if there is none, or without a database."""
        try:
            if asyncio.get_running_loop().time() < self._check_orphans_until:
                await self._release_orphan_jobs(worker_id)
            job = await super().fetch_job(queues, worker_id)
        except UniqueViolation:
            # Another worker took the same free lane first.
            return None
        except ConnectorException as error:
            self._check_orphans_until = asyncio.get_running_loop().time() + ORPHAN_CHECK_SECONDS
            await _wait_for_database(error)
            return None
        if job:
            self._received_job_ids.add(job.id)
        return job

    async def _release_orphan_jobs(self, worker_id: int) -> None:
        """Delete jobs that are assigned to this worker, which never received them.

        As this worker is alive, nothing else frees their lanes. The recovery finds their runs.
        """
        assigned = await self.list_jobs_async(worker_id=worker_id, status=Status.DOING.value)
        for job in assigned:
            if job.id not in self._received_job_ids:
                logger.warning("orphan_job_released", job=job.id)
                await self.finish_job(job, Status.FAILED, delete_job=True)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: FBT001  # the signature of procrastinate
        """Delete the job, which frees its lane; it may have been deleted already as stalled."""
        while True:
            try:
                await super().finish_job(job, status, delete_job)
            except ConnectorException as error:
                if is_unavailable(error.__cause__):
                    await _wait_for_database(error)
                    continue
                logger.debug("job_already_deleted", job=job.id)
            self._received_job_ids.discard(job.id)
            return self.on_finish()

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
        while True:
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except ConnectorException as error:
                await _wait_for_database(error)


def error_reason(error: Exception) -> str:
    """Return the text of the error that the driver raised, or of this one without a cause."""
    return str(error.__cause__ or error)


async def _wait_for_database(error: ConnectorException) -> None:
    """Log the outage and wait a second; raises the error if it is not an outage."""
    if not is_unavailable(error.__cause__):
        raise error
    logger.warning("queue_unreachable", reason=error_reason(error))
    await asyncio.sleep(QUEUE_RETRY_SECONDS)

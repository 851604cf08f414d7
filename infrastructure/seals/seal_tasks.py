"""Seals and publishes in the background, in one process at a time, and reports what stops it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from domain.backoff import Backoff
from infrastructure.event_store.errors import describe_error
from infrastructure.event_store.log_reader import LogReader
from infrastructure.observability.instruments import SEAL_FAILURES, SEALED_EVENTS
from infrastructure.postgres.errors import DATABASE_ERRORS
from infrastructure.postgres.lease import Lease, LeaseClaim, LeaseLost
from infrastructure.postgres.retry import RetryDelays
from infrastructure.seals.log_entries import WrongEncoding
from infrastructure.seals.recent_entries import RecentEntries
from infrastructure.seals.seal_agreement import SealsDisagree
from infrastructure.seals.seal_directory import SealFileUnreadable
from infrastructure.seals.seal_keys import SealKeyUnreadable
from infrastructure.seals.seal_publisher import SealPublisher
from infrastructure.seals.seal_store import TilesMissing
from infrastructure.seals.seal_writer import LogWentBackwards, SealedByAnother
from infrastructure.seals.sealer import SealedBatch, Sealer

LEASE_SECONDS = 10.0
"""Seconds until another process seals after one died; it is only renewed when there is work."""
POLL_SECONDS = 0.2
MARK_AGE_SECONDS = 1.5
"""How old a mark may be: the projection daemon of the process reads it once a second at least."""
BUSY_MARK_AGE_SECONDS = 0.25
"""The same after something was sealed; under load, the daemon reads the mark more often still."""
CHECKPOINT_SECONDS = 1.0
"""Minimum time between two checkpoints, unless there is more to seal than one batch."""
PUBLICATION_PAUSE_FACTOR, MAX_PUBLICATION_PAUSE_SECONDS = 10, 2.0
"""The pause after a publication, as a multiple of its duration: it takes a tenth of the time."""
STOPPED_SECONDS = 30.0
"""Seconds between two attempts while something must be repaired first."""
THINNING_SECONDS = 600.0
"""Seconds between two deletions of old checkpoints."""
PROGRESS_SECONDS = 10.0
"""Seconds between two messages while old events are sealed."""
BACKOFF = Backoff(first_seconds=0.5, max_seconds=8, min_jitter=0.5)

STOPPING_ERRORS = (
    LogWentBackwards,
    SealFileUnreadable,
    SealKeyUnreadable,
    SealsDisagree,
    TilesMissing,
    WrongEncoding,
)
"""Errors that an operator has to resolve; the message of each has how."""

logger = structlog.get_logger()


class SealTasks:
    """The tasks of a process that seal the log and publish the seals.

    Any number of processes may run them: the lease decides which one seals.
    """

    def __init__(
        self,
        sealer: Sealer,
        lease: Lease,
        reader: LogReader,
        recent: RecentEntries,
        publisher: SealPublisher | None = None,
    ) -> None:
        self._sealer = sealer
        self._lease = lease
        self._reader = reader
        self._recent = recent
        self._publisher = publisher
        self._timeline = 0
        self._mark_age = MARK_AGE_SECONDS
        self._claim: LeaseClaim | None = None
        self._sealed_up_to = -1
        self._is_compared = False
        self._publication = asyncio.Event()
        self._next_thinning = self._next_message = 0.0

    async def run(self) -> None:
        """Seal and publish until the task is cancelled; every error is logged, and tried again."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_repeat("seal", self._seal))
                if self._publisher:
                    group.create_task(_repeat("publish", self._publish))
        finally:
            if self._publisher:
                self._publisher.stop()
            with suppress(*DATABASE_ERRORS, TimeoutError):
                await asyncio.wait_for(self._lease.release(), 2)

    def request_publication(self) -> None:
        """Publish the newest checkpoint soon, because it has more cosignatures than before."""
        self._publication.set()

    async def _seal(self) -> float:
        """Seal one batch if there is something to seal; return the seconds until the next look."""
        place = await asyncio.to_thread(self._reader.recent_place, self._mark_age)
        if place.timeline != self._timeline:
            self._forget()
            self._timeline = place.timeline
        if place.position <= self._sealed_up_to and self._is_compared:
            self._mark_age = MARK_AGE_SECONDS
            return POLL_SECONDS
        if not await self._lease.keep():
            return self._lease.seconds / 3
        if self._claim != self._lease.claim:
            self._forget()
            self._claim = self._lease.claim
        try:
            return await self._seal_batch(self._claim, place.position)
        except (LeaseLost, SealedByAnother):
            self._forget()
            return self._lease.seconds / 3

    async def _seal_batch(self, claim: LeaseClaim, up_to: int) -> float:
        await self._compare_with_directory()
        batch = await asyncio.to_thread(self._sealer.seal_batch, claim, up_to)
        self._mark_age = BUSY_MARK_AGE_SECONDS
        self._recent.add(batch.start, batch.entries)
        SEALED_EVENTS.inc(len(batch.entries))
        self._publication.set()
        if batch.is_full:
            self._sealed_up_to = batch.last_position
            self._report_progress(batch, up_to)
            return 0
        self._sealed_up_to = up_to
        await self._delete_old_checkpoints()
        return CHECKPOINT_SECONDS

    async def _compare_with_directory(self) -> None:
        """Require that the database continues what is published, before anything is signed.

        A directory that cannot be read stops nothing: it is not published to either.
        """
        if self._publisher and not self._is_compared:
            try:
                await asyncio.to_thread(self._publisher.require_agreement)
            except OSError as error:
                logger.warning("seals_not_compared", reason=str(error))
            self._publication.set()
        self._is_compared = True

    async def _publish(self) -> float:
        """Publish when there is something to publish; return the seconds until the next look."""
        await self._publication.wait()
        self._publication.clear()
        started = asyncio.get_running_loop().time()
        try:
            if self._publisher:
                await asyncio.to_thread(self._publisher.publish)
        except Exception as error:
            self._publication.set()
            self._is_compared &= not isinstance(error, SealsDisagree)
            raise
        seconds = asyncio.get_running_loop().time() - started
        return min(MAX_PUBLICATION_PAUSE_SECONDS, PUBLICATION_PAUSE_FACTOR * seconds)

    def _forget(self) -> None:
        """Read everything again, because another process or another database may have gone on."""
        self._sealer.forget()
        self._sealed_up_to = -1
        self._is_compared = False

    async def _delete_old_checkpoints(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._next_thinning:
            self._next_thinning = now + THINNING_SECONDS
            await asyncio.to_thread(self._sealer.delete_old_checkpoints)

    def _report_progress(self, batch: SealedBatch, up_to: int) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._next_message:
            self._next_message = now + PROGRESS_SECONDS
            sealed = batch.start + len(batch.entries)
            left = up_to - batch.last_position
            logger.info("sealing_old_events", sealed=sealed, left_at_most=left)


async def _repeat(kind: str, step: Callable[[], Awaitable[float]]) -> None:
    """Take a step again and again; each returns the seconds until the next one."""
    delays = RetryDelays(BACKOFF)
    while True:
        try:
            pause = await step()
            delays.reset()
        except Exception as error:  # noqa: BLE001  # supervised: any error is retried later
            pause = _report_failure(kind, error, delays)
        await asyncio.sleep(pause)


def _report_failure(kind: str, error: Exception, delays: RetryDelays) -> float:
    """Log and count a failure; return the seconds until the next attempt."""
    SEAL_FAILURES.labels(kind).inc()
    if isinstance(error, DATABASE_ERRORS):
        logger.warning("sealing_interrupted", kind=kind, reason=describe_error(error))
        return delays.next_delay()
    if isinstance(error, OSError):
        logger.warning("seals_not_published", reason=str(error))
    elif isinstance(error, STOPPING_ERRORS):
        logger.error("sealing_stopped", kind=kind, reason=str(error))
    else:
        logger.error("sealing_failed", kind=kind, exc_info=error)
    return STOPPED_SECONDS

"""Builds a new version of a read model beside the live one, and cuts over to it."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
import structlog
from psycopg import Connection
from psycopg.errors import LockNotAvailable

from domain.backoff import Backoff
from infrastructure.event_store.errors import describe_error
from infrastructure.postgres.errors import is_transient
from infrastructure.postgres.retry import retry_transient_errors
from infrastructure.projection_engine.batch_size import AdaptiveBatchSize
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.gc_pause import pause_gc
from infrastructure.projection_engine.live_lag import LagThrottle
from infrastructure.projection_engine.prefetch import Prefetcher
from infrastructure.projection_engine.read_model import ReadModelDefinition, subscribed_topics
from infrastructure.projection_engine.rebuild_heartbeat import rebuild_heartbeat
from infrastructure.projection_engine.rebuild_steps import (
    Rebuild,
    abandon_rebuild,
    apply_rebuild_batch,
    cut_over,
    start_rebuild,
)
from infrastructure.projection_engine.retirement import retire
from infrastructure.projection_engine.slice_batches import complete_slices
from infrastructure.projection_engine.switch_check import (
    ReportCheck,
    check_switch,
    ignore_check,
    log_check,
)
from infrastructure.projection_engine.versions import connect

MAX_REBUILD_ATTEMPTS = 8
MAX_IDLE_SECONDS = 10
"""Seconds after which the locks of a builder that is suspended are released."""
PROJECTION_BACKOFF = Backoff(first_seconds=1, max_seconds=60, min_jitter=0.5)
"""The delays between attempts of a projection or a rebuild that failed."""

logger = structlog.get_logger()


class RebuildStopped(Exception):
    """Ends a rebuild because its process stops; another process continues it at once."""


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild is: `done` and `total` are positions, `rate` is positions per second."""

    done: int
    total: int
    rate: float
    eta_seconds: float | None


ReportProgress = Callable[[RebuildProgress], None]


class _Reports(NamedTuple):
    """What gets the progress of a rebuild, and the result of the comparison before its cut-over."""

    progress: ReportProgress
    check: ReportCheck | None


def ignore_progress(_: RebuildProgress) -> None:
    """Report nothing."""


def rebuild_read_model(
    url: str,
    source: EventSource,
    model: ReadModelDefinition,
    report_progress: ReportProgress = ignore_progress,
    report_check: ReportCheck | None = ignore_check,
    *,
    builder: UUID | None = None,
) -> int:
    """Build a new version, catch up with the log and cut over; returns its number.

    Clients read the live version meanwhile. A rebuild whose process died, or that this `builder`
    has begun, is continued where it stopped. It is slow while live read models lag. Transient
    errors are retried; errors of projectors and `report_progress` are raised. Before the cut-over
    the new version is compared with the live one; `report_check` gets the result. None: it is not
    compared.

    Raises:
        RebuildRefused: If the read model does not exist, or another rebuild of it is running.
        RebuildLost: If another process took this rebuild over.
    """
    builder = builder or uuid4()

    def build() -> int:
        with (
            connect(url, idle_seconds=MAX_IDLE_SECONDS) as connection,
            _release_on_failure(connection, builder),
            rebuild_heartbeat(url, builder),
        ):
            while True:
                rebuild, start = start_rebuild(connection, model, builder)
                start = complete_slices(
                    connection,
                    rebuild,
                    start,
                    source,
                    lambda done: report_progress(RebuildProgress(done, done, 0.0, None)),
                )
                reports = _Reports(report_progress, report_check)
                if _build_version(connection, rebuild, start, source, reports):
                    return rebuild.version

    return retry_transient_errors(build, attempts=MAX_REBUILD_ATTEMPTS, backoff=PROJECTION_BACKOFF)


def request_rebuild(url: str, model: ReadModelDefinition, builder: UUID) -> None:
    """Create the new version for a builder; when this returns, a crash of the server keeps it.

    From then on a projector continues the rebuild if that builder does not.

    Raises: RebuildRefused if the read model does not exist; RebuildRunning.
    """
    with connect(url) as connection:
        connection.execute("SET synchronous_commit = on")
        start_rebuild(connection, model, builder)


@contextmanager
def _release_on_failure(connection: Connection[Any], builder: UUID) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if not is_transient(error):
            is_stopped = isinstance(error, RebuildStopped)
            abandon_rebuild(connection, builder, None if is_stopped else describe_error(error))
        raise


def _build_version(
    connection: Connection[Any],
    rebuild: Rebuild,
    start: int,
    source: EventSource,
    reports: _Reports,
) -> bool:
    """Catch up with the log and cut over; return False if the log went to another timeline."""
    started, first_position, batch_size = time.monotonic(), start, AdaptiveBatchSize(initial=1_000)
    report_check = reports.check
    first_timeline, throttle = source.safe_place().timeline, LagThrottle(connection)
    with closing(Prefetcher(source)) as prefetcher:
        while True:
            timeline, high_water_mark = source.safe_place()
            if timeline != first_timeline:
                return False
            while start < high_water_mark:
                with batch_size as limit, pause_gc():
                    batch = prefetcher.read(
                        start, high_water_mark, subscribed_topics([rebuild.model]), limit
                    )
                    apply_rebuild_batch(connection, rebuild, start, batch)
                start = batch.up_to
                throttle.wait()
                reports.progress(
                    measure_progress(
                        start, high_water_mark, start - first_position, time.monotonic() - started
                    )
                )
            if report_check:
                start, check = check_switch(connection, rebuild, start, source)
                if check:
                    log_check(check)
                    report_check(check)
                report_check = None
            if _try_cut_over(connection, rebuild, start, source):
                return True


def _try_cut_over(
    connection: Connection[Any], rebuild: Rebuild, start: int, source: EventSource
) -> bool:
    """Cut over unless readers hold the views or the version is too far behind.

    The caller catches up with the log before it tries again, so this is not a retry of one call.
    """
    try:
        is_done = cut_over(connection, rebuild, start, source)
    except LockNotAvailable:
        time.sleep(random.uniform(0.02, 0.1))  # noqa: S311  # jitter, not security
        return False
    if is_done:
        _try_retire(connection, rebuild.model)
    return is_done


def _try_retire(connection: Connection[Any], model: ReadModelDefinition) -> None:
    try:
        retire(connection, model)
    except psycopg.Error as error:
        logger.warning(
            "projection.retired_not_dropped", projection=model.name, error=describe_error(error)
        )


def measure_progress(done: int, total: int, applied: int, seconds: float) -> RebuildProgress:
    """Return how far a fold is that has applied so many positions in so many seconds."""
    rate = applied / seconds if seconds else 0.0
    return RebuildProgress(done, total, rate, (total - done) / rate if rate else None)

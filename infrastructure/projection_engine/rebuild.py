"""Builds a new version of a read model beside the live one, and cuts over to it."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import structlog
from psycopg import Connection
from psycopg.errors import LockNotAvailable

from domain.backoff import Backoff
from infrastructure.event_store.errors import describe_error
from infrastructure.postgres.errors import is_transient
from infrastructure.postgres.retry import RetryDelays, retry_transient_errors
from infrastructure.projection_engine.batch_size import AdaptiveBatchSize
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.gc_pause import pause_gc
from infrastructure.projection_engine.prefetch import Prefetcher
from infrastructure.projection_engine.read_model import ReadModelDefinition, subscribed_topics
from infrastructure.projection_engine.rebuild_steps import (
    Rebuild,
    abandon_rebuild,
    apply_rebuild_batch,
    cut_over,
    drop_retired,
    start_rebuild,
)
from infrastructure.projection_engine.versions import connect

MAX_REBUILD_ATTEMPTS = 8
PROJECTION_BACKOFF = Backoff(first_seconds=1, max_seconds=60, min_jitter=0.5)
"""The delays between attempts of a projection or a rebuild that failed."""

logger = structlog.get_logger()


class _Stopped(Exception):
    """Ends a rebuild because this process stops; another process continues it."""


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild is: `done` and `total` are positions, `rate` is positions per second."""

    done: int
    total: int
    rate: float
    eta_seconds: float | None


ReportProgress = Callable[[RebuildProgress], None]


def _ignore_progress(_: RebuildProgress) -> None:
    return


def rebuild_read_model(
    url: str,
    source: EventSource,
    model: ReadModelDefinition,
    report_progress: ReportProgress = _ignore_progress,
) -> int:
    """Build a new version, catch up with the log and cut over; returns its number.

    Clients read the live version meanwhile. A rebuild whose process died is continued where it
    stopped. Transient errors are retried; errors of projectors and `report_progress` are raised.

    Raises:
        RebuildRefused: If the read model does not exist, or another rebuild of it is running.
        RebuildLost: If another process took this rebuild over.
    """
    builder = uuid4()

    def build() -> int:
        with connect(url) as connection, _release_on_failure(connection, builder):
            while True:
                rebuild, start = start_rebuild(connection, model, builder)
                if _build_version(connection, rebuild, start, source, report_progress):
                    return rebuild.version

    return retry_transient_errors(build, attempts=MAX_REBUILD_ATTEMPTS, backoff=PROJECTION_BACKOFF)


@contextmanager
def _release_on_failure(connection: Connection[Any], builder: UUID) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if not is_transient(error):
            abandon_rebuild(connection, builder, describe_error(error))
        raise


def _build_version(
    connection: Connection[Any],
    rebuild: Rebuild,
    start: int,
    source: EventSource,
    report_progress: ReportProgress,
) -> bool:
    """Catch up with the log and cut over; return False if the log went to another timeline."""
    started, first_position, batch_size = time.monotonic(), start, AdaptiveBatchSize(initial=1_000)
    first_timeline = source.safe_place().timeline
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
                report_progress(
                    _measure_progress(
                        start, high_water_mark, start - first_position, time.monotonic() - started
                    )
                )
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
        _try_drop_retired(connection, rebuild.model.name)
    return is_done


def _try_drop_retired(connection: Connection[Any], name: str) -> None:
    try:
        drop_retired(connection, name)
    except psycopg.Error as error:
        logger.warning(
            "projection.retired_not_dropped", projection=name, error=describe_error(error)
        )


def _measure_progress(done: int, total: int, applied: int, seconds: float) -> RebuildProgress:
    rate = applied / seconds if seconds else 0.0
    return RebuildProgress(done, total, rate, (total - done) / rate if rate else None)


def rebuild_outdated(
    url: str, source: EventSource, models: Sequence[ReadModelDefinition], stopping: threading.Event
) -> None:
    """Rebuild the outdated read models one after the other, until none is left.

    Every error is logged and retried with back-off. Ends early when `stopping` is set.
    """

    def stop_if_requested(_: RebuildProgress) -> None:
        if stopping.is_set():
            raise _Stopped

    delays = RetryDelays(PROJECTION_BACKOFF)
    while not stopping.is_set():
        try:
            outdated = ensure_read_models(url, models)
            if not outdated:
                return
            model = next(model for model in models if model.name in outdated)
            version = rebuild_read_model(url, source, model, stop_if_requested)
            logger.info("projection.rebuilt", projection=model.name, version=version)
        except _Stopped:
            return
        except Exception as error:  # noqa: BLE001  # supervised: any error is retried later
            logger.warning("projection.rebuild_failed", error=describe_error(error))
            stopping.wait(delays.next_delay())

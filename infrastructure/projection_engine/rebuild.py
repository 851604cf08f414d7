"""Builds a new version of a read model beside the live one, and lets it take over."""

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

from infrastructure.projection_engine.batch_size import Pace
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.event_source import Log
from infrastructure.projection_engine.failure_policy import Backoff, described, passes
from infrastructure.projection_engine.gc_pause import uncollected
from infrastructure.projection_engine.prefetch import ReadAhead
from infrastructure.projection_engine.read_model import ReadModel, topics
from infrastructure.projection_engine.rebuild_steps import (
    Site,
    abandon,
    break_ground,
    clear_away,
    extend,
    take_over,
)
from infrastructure.projection_engine.versions import connect

ATTEMPTS = 8

logger = structlog.get_logger()


class _Stopped(Exception):
    """The program ends; another goes on."""


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild is, in positions of the log; `rate` is positions a second."""

    done: int
    total: int
    rate: float
    eta_seconds: float | None


Tell = Callable[[RebuildProgress], None]


def _nobody(_: RebuildProgress) -> None:
    return


def rebuild(url: str, log: Log, model: ReadModel, progress: Tell = _nobody) -> int:
    """Build, catch up, take over; returns the version that answers now.

    Reads go on all the while. A rebuild that died is gone on with where it stopped.
    Raises RebuildRefused, RebuildLost, and what a projector, `progress` or a lasting fault raises.
    """
    builder, backoff, failures = uuid4(), Backoff(), 0
    while True:
        try:
            with connect(url) as connection, _abandoning(connection, builder):
                site, start = break_ground(connection, model, builder)
                return _construct(connection, site, start, log, progress)
        except Exception as error:
            failures += 1
            if not passes(error) or failures == ATTEMPTS:
                raise
            time.sleep(backoff.seconds())


@contextmanager
def _abandoning(connection: Connection[Any], builder: UUID) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if not passes(error):
            abandon(connection, builder, described(error))
        raise


def _construct(
    connection: Connection[Any], site: Site, start: int, log: Log, progress: Tell
) -> int:
    begun, origin, pace = time.monotonic(), start, Pace(first=1_000)
    with closing(ReadAhead(log)) as ahead:
        while True:
            safe = log.safe()
            while start < safe:
                with pace as limit, uncollected():
                    batch = ahead.read(start, safe, topics([site.model]), limit)
                    extend(connection, site, start, batch)
                start = batch.upto
                progress(_progress(start, safe, start - origin, time.monotonic() - begun))
            if _took_over(connection, site, start, log):
                return site.version


def _took_over(connection: Connection[Any], site: Site, start: int, log: Log) -> bool:
    try:
        taken = take_over(connection, site, start, log)
    except LockNotAvailable:
        time.sleep(random.uniform(0.02, 0.1))  # noqa: S311  # lets the readers pass
        return False
    if taken:
        _clear_away(connection, site.model.name)
    return taken


def _clear_away(connection: Connection[Any], name: str) -> None:
    try:
        clear_away(connection, name)
    except psycopg.Error as error:
        logger.warning("projection.not_cleared_away", projection=name, error=described(error))


def _progress(done: int, total: int, gained: int, seconds: float) -> RebuildProgress:
    rate = gained / seconds if seconds else 0.0
    return RebuildProgress(done, total, rate, (total - done) / rate if rate else None)


def rebuild_outdated(
    url: str, log: Log, models: Sequence[ReadModel], stopping: threading.Event
) -> None:
    """Rebuild what an older program left, one after the other, however often it takes."""

    def go_on(_: RebuildProgress) -> None:
        if stopping.is_set():
            raise _Stopped

    backoff = Backoff()
    while not stopping.is_set():
        try:
            outdated = ensure_read_models(url, models)
            if not outdated:
                return
            model = next(model for model in models if model.name in outdated)
            version = rebuild(url, log, model, go_on)
            logger.info("projection.rebuilt", projection=model.name, version=version)
        except _Stopped:
            return
        except Exception as error:  # noqa: BLE001  # supervised: whatever it is, go on later
            logger.warning("projection.rebuild_failed", error=described(error))
            stopping.wait(backoff.seconds())

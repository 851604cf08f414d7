"""Fills new versions of read models in several processes, before they are rebuilt to the end.

The people are divided into as many slices as there are processes. Each process applies the events
of one slice to all versions that are filled together. What goes wrong in one is only logged:
the rebuild that follows continues at the checkpoints, and raises the error if it persists.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Any
from uuid import UUID, uuid4

import structlog
from psycopg import Connection

from infrastructure.event_store.errors import describe_error
from infrastructure.event_store.people_slice import MAX_SLICES
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.people_slices import (
    Checkpoints,
    begin_slices,
    load_slices,
    show_progress,
)
from infrastructure.projection_engine.read_model import ReadModelDefinition
from infrastructure.projection_engine.rebuild_steps import (
    Rebuild,
    RebuildRefused,
    abandon_rebuild,
    start_rebuild,
)
from infrastructure.projection_engine.slice_worker import (
    FillJob,
    OpenSource,
    fill,
    join,
    prepare_worker,
)
from infrastructure.projection_engine.version_locks import REBUILD_LEASE_SECONDS
from infrastructure.projection_engine.versions import connect, schema_of, set_search_path

MIN_POSITIONS = 20_000
"""Positions for which it is worth to start processes."""
HEARTBEAT_SECONDS = 1.0
SILENCE_POLL_SECONDS = 0.2

SELECT_BUILDING = """
SELECT name, version
  FROM easeboard.projections
 WHERE name = ANY(%s)
   AND role = 'building'
   AND retired_at IS NULL
"""
SELECT_SILENT = """
SELECT 1
  FROM easeboard.projections
 WHERE name = ANY(%s)
   AND role = 'building'
   AND builder_seen_at > clock_timestamp() - make_interval(secs => %s)
   AND builder_seen_at < %s
"""
"""The builders that may have died, because they have shown nothing since a time."""

ReportFilled = Callable[[str, int, int], None]
"""Gets the name of a read model, its position and the position up to which it is filled."""

logger = structlog.get_logger()


class _JobFailed(Exception):
    """A job in a worker process has failed."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


def ignore_filled(_name: str, _done: int, _total: int) -> None:
    """Report nothing."""


def fill_together(
    url: str,
    source: EventSource,
    models: Sequence[ReadModelDefinition],
    open_source: OpenSource,
    report: ReportFilled = ignore_filled,
    *,
    processes: int | None = None,
    min_positions: int = MIN_POSITIONS,
) -> dict[str, int]:
    """Fill new versions of read models with the events that the log has now.

    `open_source` opens the log in each of the `processes` (None: as many as there are cores). A
    rebuild of which little is left, or that another process has begun, is left alone. A version
    that a dead builder left is continued. Afterwards any builder can go on at once. Returns the
    versions that are being built, also by other processes, by the names of the read models.

    Raises:
        psycopg.Error: If this process cannot use the database; errors of `report`.
    """
    count = min(processes or os.cpu_count() or 1, MAX_SLICES)
    target = source.safe_place().position
    with connect(url) as connection:
        _wait_for_dead_builders(connection, models)
        filling = _begin(connection, models, target - min_positions, count)
        try:
            names = [model.name for model in models]
            building = dict(connection.execute(SELECT_BUILDING, [names]).fetchall())
            with _worker_pool(count) as pool:
                watch = partial(_watch, connection, _builders(filling), report, target)
                for rebuilds, checkpoints in _group(filling):
                    jobs = [
                        FillJob(url, open_source, rebuilds, people, (position, target))
                        for people, position in checkpoints.items()
                    ]
                    _try_to_fill(pool, jobs, watch)
        finally:
            for builder in _builders(filling):
                abandon_rebuild(connection, builder, None)
    return building


def _wait_for_dead_builders(
    connection: Connection[Any], models: Sequence[ReadModelDefinition]
) -> None:
    """Wait until the builders of read models have shown that they live, or their leases end.

    Otherwise a rebuild that is repeated right after a crash would be filled by one process.
    """
    [(began_at,)] = connection.execute("SELECT clock_timestamp()").fetchall()
    names = [model.name for model in models]
    while connection.execute(SELECT_SILENT, [names, REBUILD_LEASE_SECONDS, began_at]).fetchall():
        time.sleep(SILENCE_POLL_SECONDS)


def _try_to_fill(
    pool: ProcessPoolExecutor, jobs: list[FillJob], watch: Callable[[list[Future[None]]], None]
) -> None:
    """Fill the slices of versions that are filled together, and join them."""
    url, rebuilds = jobs[0].url, jobs[0].rebuilds
    try:
        watch([pool.submit(fill, job) for job in jobs])
        watch([pool.submit(join, url, rebuild) for rebuild in rebuilds])
    except _JobFailed as failure:
        logger.warning(
            "projection.fill_interrupted",
            projections=[rebuild.model.name for rebuild in rebuilds],
            error=describe_error(failure.error),
        )


def _begin(
    connection: Connection[Any], models: Sequence[ReadModelDefinition], max_start: int, count: int
) -> list[tuple[Rebuild, Checkpoints]]:
    """Create or continue the versions that are at `max_start` at most; return their checkpoints."""
    filling: list[tuple[Rebuild, Checkpoints]] = []
    for model in models:
        try:
            rebuild, start = start_rebuild(connection, model, uuid4())
        except RebuildRefused:
            continue
        with connection.transaction(), connection.cursor() as cursor:
            checkpoints = load_slices(cursor, model.name, rebuild.version)
            if not checkpoints and start <= max_start:
                set_search_path(cursor, schema_of(model.name, rebuild.version))
                checkpoints = begin_slices(
                    cursor, model.name, rebuild.version, rebuild.builder, count
                )
        if checkpoints:
            filling.append((rebuild, checkpoints))
        else:
            abandon_rebuild(connection, rebuild.builder, None)
    return filling


def _group(
    filling: list[tuple[Rebuild, Checkpoints]],
) -> list[tuple[list[Rebuild], Checkpoints]]:
    """Group versions whose slices are at the same positions, so that the log is read once."""
    groups: defaultdict[tuple[Any, ...], list[Rebuild]] = defaultdict(list)
    for rebuild, checkpoints in filling:
        groups[tuple(checkpoints.items())].append(rebuild)
    return [(rebuilds, dict(checkpoints)) for checkpoints, rebuilds in groups.items()]


@contextmanager
def _worker_pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """Start processes when they are needed; at the end they stop after their batch."""
    context = get_context("spawn")
    stopping = context.Event()
    pool = ProcessPoolExecutor(
        count, mp_context=context, initializer=prepare_worker, initargs=(stopping,)
    )
    try:
        yield pool
    finally:
        stopping.set()
        pool.shutdown(cancel_futures=True)


def _builders(filling: list[tuple[Rebuild, Checkpoints]]) -> list[UUID]:
    return [rebuild.builder for rebuild, _ in filling]


def _watch(
    connection: Connection[Any],
    builders: list[UUID],
    report: ReportFilled,
    target: int,
    jobs: Sequence[Future[None]],
) -> None:
    """Write heartbeats and report the progress until all jobs have ended; raises _JobFailed."""
    pending = set(jobs)
    while pending:
        _, pending = wait(pending, timeout=HEARTBEAT_SECONDS, return_when="FIRST_EXCEPTION")
        with connection.transaction(), connection.cursor() as cursor:
            show_progress(cursor, builders)
            cursor.execute(
                "SELECT name, position FROM easeboard.projections WHERE builder = ANY(%s)",
                [builders],
            )
            for name, position in cursor.fetchall():
                report(name, position, target)
        for job in jobs:
            if job.done() and (error := job.exception()):
                raise _JobFailed(error)

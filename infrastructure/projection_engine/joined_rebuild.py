"""Rebuilds a read model, or follows the rebuild of it that another process has begun."""

import time
from typing import Any, NamedTuple

from psycopg import Connection

from infrastructure.postgres.retry import retry_transient_errors
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.read_model import ReadModelDefinition
from infrastructure.projection_engine.rebuild import (
    MAX_REBUILD_ATTEMPTS,
    PROJECTION_BACKOFF,
    ReportProgress,
    ignore_progress,
    measure_progress,
    rebuild_read_model,
)
from infrastructure.projection_engine.rebuild_steps import (
    RebuildLost,
    RebuildRunning,
)
from infrastructure.projection_engine.switch_check import ReportCheck, ignore_check
from infrastructure.projection_engine.version_locks import REBUILD_LEASE_SECONDS
from infrastructure.projection_engine.versions import connect

FOLLOW_POLL_SECONDS = 0.5
"""Seconds between two looks at a rebuild of another process."""

SELECT_BUILDING = """
SELECT building.version, building.position, building.began_from,
       extract(epoch FROM clock_timestamp() - building.began_at)::float8,
       (SELECT coalesce(max(position), 0) FROM easeboard.events)
  FROM easeboard.projections AS building
 WHERE building.name = %s
   AND building.role = 'building'
   AND building.builder_seen_at > clock_timestamp() - make_interval(secs => %s)
"""
SELECT_LIVE = "SELECT version FROM easeboard.projections WHERE name = %s AND role = 'live'"


class _Building(NamedTuple):
    """A version that another process is building: its progress, and for how long it is built."""

    version: int
    position: int
    began_from: int
    seconds: float
    head: int


def rebuild_or_join(
    url: str,
    source: EventSource,
    model: ReadModelDefinition,
    report_progress: ReportProgress = ignore_progress,
    report_check: ReportCheck = ignore_check,
    *,
    building: int | None = None,
) -> int:
    """Rebuild a read model; returns the number of the version that is live then.

    If the version `building`, which the caller saw being built, is live, nothing is left to do. If
    another process is rebuilding it, its progress is reported until it ends; if that process
    dies, the rebuild is continued here, unless a projector is faster.

    Raises: what `rebuild_read_model` raises, except RebuildRunning and RebuildLost.
    """
    while True:
        # Again after each wait: it can have become live between two looks at it.
        if building and _is_live(url, model.name, building):
            return building
        try:
            return rebuild_read_model(url, source, model, report_progress, report_check)
        except (RebuildRunning, RebuildLost):
            version = retry_transient_errors(
                lambda: _follow(url, model.name, report_progress),
                attempts=MAX_REBUILD_ATTEMPTS,
                backoff=PROJECTION_BACKOFF,
            )
        if version:
            return version


def _follow(url: str, name: str, report_progress: ReportProgress) -> int | None:
    """Report the progress of another process; return the version if it has become live."""
    version = None
    with connect(url) as connection:
        while building := _building(connection, name):
            version = building.version
            applied = building.position - building.began_from
            head = max(building.head, building.position)
            report_progress(measure_progress(building.position, head, applied, building.seconds))
            time.sleep(FOLLOW_POLL_SECONDS)
    return version if version and _is_live(url, name, version) else None


def _is_live(url: str, name: str, version: int) -> bool:
    with connect(url) as connection:
        return connection.execute(SELECT_LIVE, [name]).fetchall() == [(version,)]


def _building(connection: Connection[Any], name: str) -> _Building | None:
    rows = connection.execute(SELECT_BUILDING, [name, REBUILD_LEASE_SECONDS]).fetchall()
    return _Building(*rows[0]) if rows else None

"""Shows that a builder is alive, also in steps that take longer than its lease."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import structlog

from infrastructure.event_store.errors import describe_error
from infrastructure.projection_engine.versions import connect

REBUILD_HEARTBEAT_SECONDS = 3.0
"""Seconds between two heartbeats of a builder."""

BEAT = """
UPDATE easeboard.projections
   SET builder_seen_at = clock_timestamp()
 WHERE (name, version) IN (
           SELECT name, version
             FROM easeboard.projections
            WHERE builder = %s
              AND builder_seen_at > '-infinity'
              FOR UPDATE SKIP LOCKED
       )
"""
"""A row that is locked is in a batch, which shows the same."""

logger = structlog.get_logger()


@contextmanager
def rebuild_heartbeat(url: str, builder: UUID) -> Iterator[None]:
    """Write a heartbeat of a builder every 3 s, in a thread.

    Its connection is closed after each, because the connections of a process are limited.
    """
    ended = threading.Event()
    thread = threading.Thread(
        target=_beat, args=(url, builder, ended), name="rebuild-heartbeat", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _beat(url: str, builder: UUID, ended: threading.Event) -> None:
    while not ended.wait(REBUILD_HEARTBEAT_SECONDS):
        try:
            with connect(url) as connection:
                connection.execute(BEAT, [builder])
        except psycopg.Error as error:
            logger.warning("projection.heartbeat_missed", error=describe_error(error))

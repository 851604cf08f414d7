"""Slows a rebuild down while live read models lag behind the log."""

import time
from typing import Any

from psycopg import Connection

MAX_LIVE_LAG_SECONDS = 1.0
"""Lag of a live read model, in seconds, above which a rebuild waits."""
LAG_CHECK_SECONDS = 0.5
"""Seconds of work between two checks of the lag."""
LAG_POLL_SECONDS = 0.2
MAX_PAUSE_SECONDS = 2.0
"""Longest pause between two batches, so that a rebuild ends even if live read models never do."""

SELECT_LIVE_LAG = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - next_event.recorded_at)), 0)::float8
  FROM easeboard.projections AS live
  JOIN easeboard.projection_owners AS owners
    ON owners.name = live.name
   AND owners.until >= clock_timestamp()
  JOIN easeboard.projectors AS projector
    ON projector.name = owners.owner
   AND live.name || ':' || live.fingerprint = ANY (projector.models)
 CROSS JOIN LATERAL (
           SELECT recorded_at
             FROM easeboard.events
            WHERE position > live.position
            ORDER BY position
            LIMIT 1
       ) AS next_event
 WHERE live.role = 'live'
   AND live.paused_at IS NULL
   AND live.error IS NULL
"""
"""The largest lag of the read models that a process is applying events to now."""


class LagThrottle:
    """Waits between the batches of a rebuild while live read models lag.

    The lag is that of read models which an owner can move: what is paused, failing or without an
    owner does not become faster if the rebuild waits.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._next_check = 0.0

    def wait(self) -> None:
        """Wait while a live read model lags, 2 s at most; raises errors of psycopg."""
        started = time.monotonic()
        if started < self._next_check:
            return
        while time.monotonic() < started + MAX_PAUSE_SECONDS and self._is_lagging():
            time.sleep(LAG_POLL_SECONDS)
        self._next_check = time.monotonic() + LAG_CHECK_SECONDS

    def _is_lagging(self) -> bool:
        [(lag,)] = self._connection.execute(SELECT_LIVE_LAG).fetchall()
        return float(lag) > MAX_LIVE_LAG_SECONDS

"""When the next sync of a connection is due, read from a row of a read model."""

from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg import sql

from domain.circuit_breaker import postpone
from domain.sync_schedule import Schedule

OPEN_CIRCUITS_SQL = sql.SQL(
    "(SELECT hashtextextended(coalesce(string_agg("
    "origin || ' ' || date_part('epoch', open_until), ' ' ORDER BY origin), ''), 0)"
    " FROM easeboard.canvas_hosts WHERE open_until IS NOT NULL)"
)
"""A digest of all open circuits: what shows some of them is current while it is the same.

It is selected in the snapshot of the document. What a process knows of it is in
`infrastructure/subscriptions/log_follower.py`; a test compares the two.
"""
SCHEDULE_COLUMNS = sql.SQL("active, rested_at, failures, wait, open_until")
"""The columns of a `ScheduleRow`, in the order of its fields."""

JOIN_OPEN_UNTIL = sql.SQL(
    "LEFT JOIN (SELECT origin, open_until FROM easeboard.canvas_hosts) AS host USING (origin)"
)
"""Adds `open_until` to a row with `origin`: until when the circuit of its Canvas host is open.

This is the only table that read models query and that belongs to no read model, but to
`infrastructure/canvas/circuit_breakers.py`. It is joined because it changes without an event, so
no projector can copy it, and because a second query would cost a round trip for each request.
"""


class ScheduleRow(NamedTuple):
    """What decides when the next run of a connection is due; `domain/sync_schedule.Schedule`.

    `active` is false if Canvas rejected the token. `open_until` is the end of the pause of a host
    whose circuit is open.
    """

    active: bool
    idle_since: datetime
    failures: int
    delay_index: int
    open_until: datetime | None

    def next_sync_at(self, interval: timedelta) -> datetime | None:
        """Return when the next run is due; None if Canvas rejected the token.

        `interval` is the time between two syncs.
        """
        if not self.active:
            return None
        schedule = Schedule(self.idle_since, self.failures, self.delay_index)
        return postpone(schedule.due_at(interval), self.open_until)

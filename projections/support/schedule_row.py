"""When the connection of a row is due: its wait is one of those in domain/sync_schedule.py."""

from datetime import datetime, timedelta
from typing import NamedTuple

from domain.circuit_breaker import postpone
from domain.sync_schedule import next_due_at


class ScheduleRow(NamedTuple):
    """What a row says of a connection's rest, and until when its Canvas is left alone."""

    active: bool
    idle_since: datetime
    delay_index: int
    open_until: datetime | None

    def next_sync_at(self, interval: timedelta) -> datetime | None:
        """When the next run is due; None where there is no token that works."""
        if not self.active:
            return None
        return postpone(next_due_at(self.idle_since, self.delay_index, interval), self.open_until)

"""When the connection of a row is due: its wait is one of those in domain/sync_schedule.py."""

from datetime import datetime, timedelta
from typing import NamedTuple

from domain.circuit_breaker import not_before
from domain.sync_schedule import due_at


class Rest(NamedTuple):
    """What a row says of a connection's rest, and until when its Canvas is left alone."""

    active: bool
    rested_at: datetime
    wait: int
    open_until: datetime | None

    def next_sync_at(self, interval: timedelta) -> datetime | None:
        """When the next run is due; None where there is no token that works."""
        if not self.active:
            return None
        return not_before(due_at(self.rested_at, self.wait, interval), self.open_until)

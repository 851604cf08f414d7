"""When the connection of a row is due: its wait is one of those in domain/due.py."""

from datetime import datetime, timedelta
from typing import NamedTuple

from domain.due import due_at


class Rest(NamedTuple):
    """What a row says of a connection's rest; only an active one is ever due."""

    active: bool
    rested_at: datetime
    wait: int

    def next_sync_at(self, interval: timedelta) -> datetime | None:
        """When the next run is due; None where there is no token that works."""
        return due_at(self.rested_at, self.wait, interval) if self.active else None

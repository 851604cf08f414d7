"""The source of events for the engine: the event log, directly or through a prefetcher."""

from collections.abc import Sequence
from typing import Protocol

from infrastructure.event_store.log_reader import EventPage


class EventSource(Protocol):
    """Reads events in the order of their positions; LogReader and Prefetcher implement it."""

    def high_water_mark(self) -> int:
        """Return the position at or below which no further event can appear."""

    def read(self, after: int, up_to: int, topics: Sequence[str], limit: int) -> EventPage:
        """Return events of these topics with after < position <= up_to, at most `limit`."""

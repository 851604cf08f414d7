"""The source of events for the engine: the event log, directly or through a prefetcher."""

from collections.abc import Sequence
from typing import Protocol

from domain.log_position import LogPosition
from infrastructure.event_store.log_reader import EventPage


class EventSource(Protocol):
    """Reads events in the order of their positions; LogReader and Prefetcher implement it."""

    @property
    def timeline(self) -> int:
        """The id of the timeline of the newest safe place that was read; 0 before the first one."""

    def safe_place(self) -> LogPosition:
        """Return the place at or before which no further event can appear.

        It goes back when the log has lost events, on a new timeline.
        """

    def read(self, after: int, up_to: int, topics: Sequence[str], limit: int) -> EventPage:
        """Return events of these topics with after < position <= up_to, at most `limit`."""

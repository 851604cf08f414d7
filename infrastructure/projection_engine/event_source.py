"""The source of events for the engine: the event log, directly or through a prefetcher."""

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol
from uuid import UUID

from domain.log_position import LogPosition
from infrastructure.event_store.log_reader import EventPage
from infrastructure.event_store.people_slice import PeopleSlice


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

    def of_slice(self, people: PeopleSlice) -> "EventSource":
        """Return a source whose `read` returns the events of a slice of people only."""


class PeopleSource(EventSource, Protocol):
    """Also reads the events of given people; LogReader implements it."""

    def positions_of(
        self, people: Collection[UUID], after: int, up_to: int, topics: Sequence[str]
    ) -> list[int]:
        """Return the positions of events of these topics and people, after < position <= up_to."""

    def pages_at(self, positions: Sequence[int]) -> Iterator[EventPage]:
        """Yield the events at positions, which are in order, in pages."""

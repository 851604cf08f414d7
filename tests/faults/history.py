"""The event log, read directly at the server and not through the flaky proxy."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from domain.event import EVENT_TYPES, Event
from domain.events.connection import ConnectionClosed, ConnectionOpened, TokenRotated
from domain.events.sync import (
    CourseFetched,
    SyncCancelled,
    SyncCompleted,
    SyncEvent,
    SyncFailed,
    SyncRequested,
)
from domain.recorded_event import RecordedEvent
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.pools import open_write_pool
from tests.faults.cluster import MASTER_KEY

TERMINAL_EVENTS = (SyncCompleted, SyncFailed, SyncCancelled)
TOPICS = list(EVENT_TYPES)


@contextmanager
def open_log_reader(url: str) -> Iterator[LogReader]:
    """A reader that can decrypt every event."""
    with open_write_pool(url, size=2) as pool:
        yield LogReader(pool, Mapper(PersonKeys(pool, parse_key_ring(MASTER_KEY))))


def read_history(url: str) -> "History":
    """Read all events up to the high-water mark."""
    with open_log_reader(url) as reader:
        events, after, high_water_mark = list[RecordedEvent](), 0, reader.high_water_mark()
        while after < high_water_mark:
            batch = reader.read(after, high_water_mark, TOPICS, 1_000)
            events += batch.events
            after = batch.up_to
    return History(events)


class History:
    """All events, and counters of what must happen at most once.

    `connections` is counted by event class and stream, `rotations` by stream and fingerprint,
    `courses` by stream and Canvas id (the sandbox changes none), the others by run.
    """

    def __init__(self, events: list[RecordedEvent]) -> None:
        self.events = events
        self.connections = Counter(
            (type(event), event.originator_id)
            for event in self._events_of_type(ConnectionOpened, ConnectionClosed)
        )
        self.rotations = Counter(
            (event.originator_id, event.token_fingerprint)
            for event in self._events_of_type(TokenRotated)
        )
        self.requests = Counter(event.sync_id for event in self._events_of_type(SyncRequested))
        self.ends = Counter(event.sync_id for event in self._events_of_type(*TERMINAL_EVENTS))
        self.cancelled = Counter(event.sync_id for event in self._events_of_type(SyncCancelled))
        self.courses = Counter(
            (event.originator_id, event.course["canvas_id"])
            for event in self._events_of_type(CourseFetched)
        )

    def _events_of_type(self, *event_types: type[Event]) -> Iterator[Any]:
        return (
            recorded.event for recorded in self.events if isinstance(recorded.event, event_types)
        )

    def events_of_sync(self, sync_id: UUID) -> list[SyncEvent]:
        """The events of one run, in order."""
        return [event for event in self._events_of_type(SyncEvent) if event.sync_id == sync_id]

    def count(self, person: UUID, event_type: type[Event], **fields: Any) -> int:
        """Count the events of a type about a person, with these values of fields."""
        return sum(
            isinstance(recorded.event, event_type)
            and recorded.person_id == person
            and vars(recorded.event).items() >= fields.items()
            for recorded in self.events
        )

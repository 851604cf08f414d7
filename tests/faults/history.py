"""The log as it really is: read at the server itself, past every line that lies."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from domain.event import EVENTS, Event
from domain.events.connection import ConnectionClosed, ConnectionOpened, TokenRotated
from domain.events.sync import (
    CourseFetched,
    SyncCancelled,
    SyncCompleted,
    SyncEvent,
    SyncFailed,
    SyncRequested,
)
from domain.recorded_event import Recorded
from infrastructure.crypto.master_key import key_ring
from infrastructure.crypto.person_keys import PeopleKeys
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.pools import writes
from tests.faults.cluster import KEY

ENDS = (SyncCompleted, SyncFailed, SyncCancelled)
TOPICS = list(EVENTS)


@contextmanager
def log_reader(url: str) -> Iterator[LogReader]:
    """A reader of the log that can open everything."""
    with writes(url, size=2) as pool:
        yield LogReader(pool, Mapper(PeopleKeys(pool, key_ring(KEY))))


def history(url: str) -> "History":
    """Everything that happened, in order."""
    with log_reader(url) as log:
        events, after, safe = list[Recorded](), 0, log.safe()
        while after < safe:
            batch = log.read(after, safe, TOPICS, 1_000)
            events += batch.events
            after = batch.upto
    return History(events)


class History:
    """Counts of what must have happened once."""

    def __init__(self, events: list[Recorded]) -> None:
        self.events = events
        self.connections = Counter(
            (type(event), event.originator_id)
            for event in self._of(ConnectionOpened, ConnectionClosed)
        )
        self.rotations = Counter(
            (event.originator_id, event.token_fingerprint) for event in self._of(TokenRotated)
        )
        self.requests = Counter(event.sync_id for event in self._of(SyncRequested))
        self.ends = Counter(event.sync_id for event in self._of(*ENDS))
        self.cancelled = Counter(event.sync_id for event in self._of(SyncCancelled))
        self.courses = Counter(
            (event.originator_id, event.course["canvas_id"]) for event in self._of(CourseFetched)
        )

    def _of(self, *kinds: type[Event]) -> Iterator[Any]:
        return (each.event for each in self.events if isinstance(each.event, kinds))

    def of_sync(self, sync_id: UUID) -> list[SyncEvent]:
        """A run from beginning to end."""
        return [event for event in self._of(SyncEvent) if event.sync_id == sync_id]

    def by(self, person: UUID, kind: type[Event], **facts: Any) -> int:
        """How many events of a kind there are about a person."""
        return sum(
            isinstance(each.event, kind)
            and each.person_id == person
            and vars(each.event).items() >= facts.items()
            for each in self.events
        )

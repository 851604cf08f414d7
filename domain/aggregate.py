"""The base class of aggregates: objects that are rebuilt from the events of one stream."""

from datetime import UTC, datetime
from typing import ClassVar, Self
from uuid import UUID

import eventsourcing.domain

from domain.event import Event

EPOCH = datetime.fromtimestamp(0, UTC)
"""The time of an aggregate without events."""
NO_PERSON = UUID(int=0)
"""The person of an aggregate without events, or whose events are redacted."""


class Aggregate(eventsourcing.domain.Aggregate):
    """State that is rebuilt from the events of a stream, to decide which events may follow.

    A method that decides records events, or raises a DomainError and records none.
    """

    APPEND_ONLY: ClassVar[bool] = False
    """Whether no event of the stream decides anything, so that it need not be read to append."""
    TIMELESS: ClassVar[tuple[str, ...]] = ()
    """Attributes to which no event gives its time; `evolve_again` leaves them as they are."""
    CACHES: ClassVar[tuple[str, ...]] = ()
    """Attributes that no event sets: text by a key, which only makes a decision cheaper.

    Snapshots keep them; without one they are empty.
    """

    person_id: UUID
    """The person whose data this is; their key encrypts the events."""

    @classmethod
    def new(cls, stream: UUID) -> Self:
        """Return an aggregate before its first event, at version 0."""
        aggregate = object.__new__(cls)
        aggregate.__base_init__(stream, 0, EPOCH)
        aggregate.person_id = NO_PERSON
        aggregate.reset()
        return aggregate

    @property
    def exists(self) -> bool:
        """Whether the stream has an event."""
        return self.version > 0

    def reset(self) -> None:
        """Set the state before the first event."""

    def evolve(self, event: Event) -> None:
        """Apply an event to the state. It never fails, because the event has happened."""

    def evolve_again(self, event: Event) -> None:
        """Apply an event to the state before it, with another time, except to what is TIMELESS."""
        self.evolve(event)

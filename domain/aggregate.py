"""What every aggregate of ours is: a stream of facts, perhaps still empty."""

from datetime import UTC, datetime
from typing import Self
from uuid import UUID

import eventsourcing.domain

from domain.event import Event

EPOCH = datetime.fromtimestamp(0, UTC)
NO_PERSON = UUID(int=0)


class Aggregate(eventsourcing.domain.Aggregate):
    """A stream folded into the state its decisions need."""

    person_id: UUID
    """Whose data this is; their key seals the events. Nobody's before the first, or when erased."""

    @classmethod
    def new(cls, stream: UUID) -> Self:
        """The aggregate before its first event, at version 0."""
        aggregate = object.__new__(cls)
        aggregate.__base_init__(stream, 0, EPOCH)
        aggregate.person_id = NO_PERSON
        aggregate.reset()
        return aggregate

    @property
    def exists(self) -> bool:
        """Whether anything ever happened here."""
        return self.version > 0

    def reset(self) -> None:
        """Set the state before the first event."""

    def evolve(self, event: Event) -> None:
        """Take one fact into the state; never fails and never decides."""

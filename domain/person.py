"""The aggregate of a person, whose only event ends everything that is known about them."""

from datetime import datetime
from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.event import Event
from domain.events.person import PersonErased


class Person(Aggregate):
    """Whether the data of a person was erased; the id of the person is never used again."""

    def reset(self) -> None:
        """Set the state before the first event."""
        self.erased_at: datetime | None = None

    @classmethod
    def id_for(cls, person_id: UUID) -> UUID:
        """Return the stream for the erasure of a person."""
        return uuid5(person_id, "person")

    def erase(self, person_id: UUID) -> None:
        """Record the erasure once; also of a person who has no other events."""
        if self.erased_at is None:
            self.trigger_event(PersonErased, person_id=person_id)

    def evolve(self, event: Event) -> None:
        """Apply an event to the state."""
        if isinstance(event, PersonErased):
            self.person_id, self.erased_at = event.person_id, event.timestamp

"""The aggregate of the secret address of a person's calendar."""

from datetime import datetime
from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.event import Event
from domain.events.calendar import CalendarEnded, CalendarShared


class Calendar(Aggregate):
    """Whether a person's calendar has an address, at which programs can read it."""

    def reset(self) -> None:
        """Set the state before the first event."""
        self.shared_at: datetime | None = None

    @classmethod
    def id_for(cls, person_id: UUID) -> UUID:
        """Return the stream for the calendar of a person."""
        return uuid5(person_id, "calendar")

    def share(self, person_id: UUID) -> None:
        """Record a new address, which replaces an earlier one."""
        self.trigger_event(CalendarShared, person_id=person_id)

    def end(self, person_id: UUID) -> None:
        """Record the end of the address, unless it has ended.

        An address of an early release has no event, so a calendar without events may have one.
        """
        if self.shared_at is not None or not self.exists:
            self.trigger_event(CalendarEnded, person_id=person_id)

    def evolve(self, event: Event) -> None:
        """Apply an event to the state."""
        match event:
            case CalendarShared():
                self.person_id, self.shared_at = event.person_id, event.timestamp
            case CalendarEnded():
                self.person_id, self.shared_at = event.person_id, None

"""Who looked at the history of a connection."""

from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.event import Event
from domain.events.reading import HistoryRead


class HistoryAccess(Aggregate):
    """Everybody who ever read one connection's history."""

    @classmethod
    def id_for(cls, connection_id: UUID) -> UUID:
        """The stream of the readings of a connection's history."""
        return uuid5(connection_id, "reading")

    def record_read(self, *, connection_id: UUID, person_id: UUID, reader: str, what: str) -> None:
        """Record that somebody read; every time is one more."""
        self.trigger_event(
            HistoryRead,
            connection_id=connection_id,
            person_id=person_id,
            reader=reader,
            what=what,
        )

    def evolve(self, event: Event) -> None:
        """Take one fact into the state."""
        if isinstance(event, HistoryRead):
            self.person_id = event.person_id

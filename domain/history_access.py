"""The records of who read the history of a connection, and lists of connections."""

from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.event import Event
from domain.events.history_access import ConnectionsListed, HistoryRead


class HistoryAccess(Aggregate):
    """The reads of one connection's history by auditors."""

    APPEND_ONLY = True

    @classmethod
    def id_for(cls, connection_id: UUID) -> UUID:
        """Return the stream for the history of a connection."""
        return uuid5(connection_id, "reading")

    def record_read(
        self, *, connection_id: UUID, person_id: UUID, reader: str, what: str, purpose: str
    ) -> None:
        """Record a read; each read is one event. The parameters are the fields of HistoryRead."""
        self.trigger_event(
            HistoryRead,
            connection_id=connection_id,
            person_id=person_id,
            reader=reader,
            what=what,
            purpose=purpose,
        )

    def evolve(self, event: Event) -> None:
        """Apply an event to the state."""
        if isinstance(event, HistoryRead):
            self.person_id = event.person_id


class ListAccess(Aggregate):
    """The lists about other people that one auditor has read."""

    APPEND_ONLY = True

    @classmethod
    def id_for(cls, reader_id: UUID) -> UUID:
        """Return the stream of an auditor."""
        return uuid5(reader_id, "lists")

    def record_read(self, *, person_id: UUID, reader: str, what: str, purpose: str) -> None:
        """Record a read; each one is an event. The parameters are fields of ConnectionsListed."""
        self.trigger_event(
            ConnectionsListed, person_id=person_id, reader=reader, what=what, purpose=purpose
        )

    def evolve(self, event: Event) -> None:
        """Apply an event to the state."""
        if isinstance(event, ConnectionsListed):
            self.person_id = event.person_id

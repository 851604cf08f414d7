"""Who looked at history."""

from uuid import UUID

from domain.event import Event, stored_as


@stored_as("HistoryRead")
class HistoryRead(Event):
    """Somebody read the recorded history of a connection."""

    person_id: UUID
    connection_id: UUID
    reader: str
    what: str

"""Who looked at history."""

from typing import ClassVar
from uuid import UUID

from domain.event import Event, stored_as


@stored_as("HistoryRead")
class HistoryRead(Event):
    """Somebody read the recorded history of a connection; this outlives the person it is about."""

    ENCRYPTED: ClassVar[bool] = False

    person_id: UUID
    connection_id: UUID
    reader: str
    what: str

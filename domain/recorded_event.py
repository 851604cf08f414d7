"""An event together with its place in the log."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.event import Event


class RecordedEvent(NamedTuple):
    """An event as it is read from the log."""

    event: Event
    position: int
    """The position in the log: a number that grows, with gaps."""
    recorded_at: datetime
    """The time of the append, in UTC, by the clock of PostgreSQL."""
    person_id: UUID
    """The person whose data the event has."""
    event_id: UUID
    """The id of the event, which no other event has."""

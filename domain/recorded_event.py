"""An event as the log holds it."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.event import Event


class RecordedEvent(NamedTuple):
    """What happened, where it stands in the log, when it was recorded and about whom."""

    event: Event
    position: int
    recorded_at: datetime
    person_id: UUID

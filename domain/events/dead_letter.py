"""The events of what administrators do with events that a read model could not apply."""

from typing import ClassVar
from uuid import UUID

from domain.event import Event, stored_as


class DeadLetterEvent(Event):
    """The base class: these events stay readable after the person is erased."""

    ENCRYPTED: ClassVar[bool] = False
    DECIDES: ClassVar[bool] = False

    person_id: UUID
    """The person whose event the read model could not apply."""
    projection: str
    """The name of the read model."""
    letter_id: UUID
    """The id of the event that it could not apply."""
    topic: str
    """The name of that event."""
    reason: str
    """Why it could not be applied: an error without data of the event."""


@stored_as("DeadLetterRetried")
class DeadLetterRetried(DeadLetterEvent):
    """An administrator let a read model try again to apply an event that it had set aside."""


@stored_as("DeadLetterSkipped")
class DeadLetterSkipped(DeadLetterEvent):
    """An administrator left an event out of a read model for good; the events after it apply."""

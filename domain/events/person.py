"""The event that ends the data of a person."""

from typing import ClassVar
from uuid import UUID

from domain.event import Event, stored_as


@stored_as("PersonErased")
class PersonErased(Event):
    """The key of a person was destroyed, so that all events about them are unreadable."""

    ENCRYPTED: ClassVar[bool] = False
    CLOSES: ClassVar[bool] = True

    person_id: UUID
    """The person whose key was destroyed."""

"""The end of a person's data."""

from typing import ClassVar
from uuid import UUID

from domain.event import Event, stored_as


@stored_as("PersonErased")
class PersonErased(Event):
    """A person's key was destroyed; everything recorded about them is unreadable from here on."""

    ENCRYPTED: ClassVar[bool] = False

    person_id: UUID

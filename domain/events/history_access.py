"""The events about reads of the history."""

from typing import ClassVar
from uuid import UUID

from domain.event import Event, stored_as


@stored_as("HistoryRead")
class HistoryRead(Event):
    """The history of a connection was read. The event stays readable after the person is erased."""

    ENCRYPTED: ClassVar[bool] = False
    DECIDES: ClassVar[bool] = False

    person_id: UUID
    """The person whose connection it is."""
    connection_id: UUID
    """The connection whose history was read."""
    reader: str
    """Who read: the user id from the JWT, or `cli:` and an operating system account."""
    what: str
    """Which view, with its parameters, such as `events type=GradeChanged` or `state version=3`."""

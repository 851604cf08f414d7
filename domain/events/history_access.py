"""The events about reads of the history, and of lists of connections."""

from typing import Any, ClassVar
from uuid import UUID

from domain.event import Event, stored_as


class ReadEvent(Event):
    """The base class of the readings. They stay readable after the person is erased."""

    ENCRYPTED: ClassVar[bool] = False
    DECIDES: ClassVar[bool] = False

    person_id: UUID
    """The person whose data was read; of a list of many people, the reader."""
    reader: str
    """Who read: the user id from the JWT, or `cli:` and an operating system account."""
    what: str
    """Which view, with its parameters, such as `events type=GradeChanged` or `state version=3`."""
    purpose: str | None
    """Why, in the words of the reader; null before version 2, when no purpose was required."""

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        """Set the purpose to null: it was not recorded then."""
        state["purpose"] = None


@stored_as("HistoryRead")
class HistoryRead(ReadEvent):
    """The history of a connection was read."""

    class_version = 2

    connection_id: UUID
    """The connection whose history was read."""


@stored_as("ConnectionsListed")
class ConnectionsListed(ReadEvent):
    """An auditor read a list about other people; it is in the auditor's stream.

    If a filter names a user, it is about this user.
    """

    class_version = 2

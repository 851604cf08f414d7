"""What the database does to us."""

from dataclasses import dataclass
from uuid import UUID


class DatabaseBusy(Exception):
    """No connection could be had for as long as we wait; asking again later may help."""


class DatabaseUnavailable(Exception):
    """The database was lost and did not come back in time."""


class MixedPersons(ValueError):
    """The events of one save are about several people, or about nobody."""


class ConnectionLost(DatabaseUnavailable):
    """The connection broke in the middle; whether the statement took effect is not known."""


@dataclass(unsafe_hash=True)
class EventUnreadable(Exception):
    """A stored event cannot be opened or decoded; the others can.

    `position` is 0 where the event was not read by position (a stream, a snapshot).
    """

    position: int
    stream: UUID
    version: int
    topic: str
    reason: str

    def __str__(self) -> str:
        return (
            f"Event {self.position} ({self.topic}, version {self.version} of stream "
            f"{self.stream}) is unreadable: {self.reason}."
        )

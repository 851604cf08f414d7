"""Schemas of who read whose data."""

from datetime import datetime
from uuid import UUID

from interfaces.http.schemas.response_model import ResponseModel


class Disclosure(ResponseModel):
    """A reading of your data by another person, as easeboard recorded it before it was shown."""

    position: int
    """Place of the record in the event log of easeboard; positions grow, with gaps."""
    read_at: datetime
    """When easeboard recorded the reading: RFC 3339 in UTC."""
    reader: str
    """Who read: the id of a user in easeboard, or `cli:` and an account of its server."""
    connection_id: UUID | None
    """The connection in easeboard whose history was read; null for a list of connections."""
    what: str | None
    """Which view of easeboard was read, with its parameters, such as `state version=3`."""
    purpose: str | None
    """Why, in the words of the reader; null if easeboard did not require a purpose yet."""


class RecordedReading(Disclosure):
    """A reading of data of other people, as easeboard recorded it before it was shown."""

    user_id: UUID | None
    """The user of easeboard whose data was read; null for a list about many people."""

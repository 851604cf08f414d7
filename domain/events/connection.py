"""The life of a connection, in order."""

from uuid import UUID

from domain.event import Event, stored_as


class ConnectionEvent(Event):
    """Something that happened to a connection."""


@stored_as("ConnectionOpened")
class ConnectionOpened(ConnectionEvent):
    """A person let us read their Canvas account."""

    person_id: UUID
    canvas_url: str
    canvas_name: str
    canvas_user_id: str
    canvas_user_name: str
    token_fingerprint: str


@stored_as("TokenRotated")
class TokenRotated(ConnectionEvent):
    """A newer token took over; its fingerprint tells it from others, never what it is."""

    token_fingerprint: str


@stored_as("ConnectionValidated")
class ConnectionValidated(ConnectionEvent):
    """Canvas confirmed that the token still works."""

    canvas_user_name: str


@stored_as("TokenRejected")
class TokenRejected(ConnectionEvent):
    """Canvas said that the token is dead."""

    reason: str


@stored_as("ConnectionClosed")
class ConnectionClosed(ConnectionEvent):
    """The person withdrew their consent and the token was destroyed; nothing follows."""

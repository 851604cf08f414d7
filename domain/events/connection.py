"""The events of a connection, in the order in which they happen."""

from typing import ClassVar
from uuid import UUID

from domain.event import Event, stored_as


class ConnectionEvent(Event):
    """The base class of the events of a connection."""


@stored_as("ConnectionOpened")
class ConnectionOpened(ConnectionEvent):
    """A person connected their Canvas account; Canvas accepted the token."""

    person_id: UUID
    """The person whose connection this is."""
    canvas_url: str
    """The origin of the Canvas host, such as `https://canvas.school.edu`."""
    canvas_name: str
    """The name that the person chose for this Canvas."""
    canvas_user_id: str
    """The Canvas id of the token's user as text; later tokens must belong to the same user."""
    canvas_user_name: str
    """The name of that user, as Canvas returned it; empty if it returned none."""
    token_fingerprint: str
    """The fingerprint of the token: 8 hex digits of a keyed hash, never the token."""


@stored_as("TokenRotated")
class TokenRotated(ConnectionEvent):
    """The token was replaced, or Canvas accepts a token again that it had rejected."""

    token_fingerprint: str
    """The fingerprint of the token: 8 hex digits of a keyed hash, never the token."""


@stored_as("ConnectionValidated")
class ConnectionValidated(ConnectionEvent):
    """Canvas confirmed that the token still works."""

    DECIDES: ClassVar[bool] = False

    canvas_user_name: str
    """The name of the token's user, as Canvas returned it; empty if it returned none."""


@stored_as("TokenRejected")
class TokenRejected(ConnectionEvent):
    """Canvas no longer accepts the token."""

    reason: str
    """Why, as text for people."""


@stored_as("ConnectionClosed")
class ConnectionClosed(ConnectionEvent):
    """The person closed the connection, and its token was destroyed; no event follows."""

    CLOSES: ClassVar[bool] = True

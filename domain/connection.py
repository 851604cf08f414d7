"""The aggregate of a person's access to one Canvas account."""

from typing import Any, Self
from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.errors import CanvasUserMismatch, ConnectionIsNotActive, ConnectionNotFound
from domain.event import Event
from domain.events.connection import (
    ConnectionClosed,
    ConnectionOpened,
    ConnectionValidated,
    TokenRejected,
    TokenRotated,
)


class Connection(Aggregate):
    """One person's access to one Canvas account, until it is closed.

    `status` is `new`, `active`, `token_rejected` or `closed`; times are ISO 8601 in UTC.
    """

    def reset(self) -> None:
        """Set the state before the first event."""
        self.status = "new"
        self.canvas_url = ""
        self.canvas_name = ""
        self.canvas_user_id = ""
        self.canvas_user_name = ""
        self.token_fingerprint = ""
        self.opened_at: str | None = None
        self.token_rotated_at: str | None = None
        self.validated_at: str | None = None

    @classmethod
    def id_for(cls, person_id: UUID, canvas_url: str, nth: int) -> UUID:
        """Return the id of a person's nth connection (from 1) to one Canvas.

        The id is computed, so that two connections to one Canvas cannot be open at the same time.
        """
        return uuid5(person_id, f"connection/{canvas_url}/{nth}")

    @classmethod
    def at_end(cls, stream: UUID, version: int, person_id: UUID, *, is_closed: bool) -> Self:
        """Return a connection whose events cannot be read, so that it can at least be closed."""
        connection = cls.new(stream)
        connection.version, connection.person_id = version, person_id
        connection.status = "closed" if is_closed else "active"
        return connection

    # Decisions

    def open(self, **fields: Any) -> Self:
        """Open the connection once; `fields` are those of ConnectionOpened."""
        if not self.exists:
            self.trigger_event(ConnectionOpened, **fields)
        return self

    def rotate_token(self, canvas_user_id: str, fingerprint: str) -> None:
        """Replace the token. The same token records nothing, unless Canvas had rejected it.

        Raises: ConnectionIsNotActive if the connection is closed; CanvasUserMismatch if the token
        belongs to another Canvas user.
        """
        self._require_open()
        if canvas_user_id != self.canvas_user_id:
            raise CanvasUserMismatch
        if fingerprint != self.token_fingerprint or self.status == "token_rejected":
            self.trigger_event(TokenRotated, token_fingerprint=fingerprint)

    def record_validation(self, canvas_user_name: str) -> None:
        """Record that Canvas accepts the token.

        Raises: ConnectionIsNotActive if the connection is closed or its token was rejected.
        """
        self.require_active()
        self.trigger_event(ConnectionValidated, canvas_user_name=canvas_user_name)

    def reject_token(self, reason: str) -> None:
        """Record once that Canvas does not accept the token; `reason` is text for people."""
        if self.status == "active":
            self.trigger_event(TokenRejected, reason=reason)

    def close(self) -> None:
        """Close the connection once; it cannot be opened again."""
        if self.status in {"active", "token_rejected"}:
            self.trigger_event(ConnectionClosed)

    def require_owner(self, person_id: UUID) -> None:
        """Require that the connection is open and belongs to this person.

        The error is the same in all cases, so that it does not show that a connection exists.

        Raises: ConnectionNotFound if it does not exist, is closed, or belongs to another person.
        """
        if not self.exists or self.person_id != person_id or self.status == "closed":
            raise ConnectionNotFound(self.id)

    def require_active(self) -> None:
        """Require a token that Canvas accepts, as far as is known.

        Raises: ConnectionIsNotActive if the connection is closed or its token was rejected.
        """
        if self.status != "active":
            raise ConnectionIsNotActive(self.id, self.status)

    def _require_open(self) -> None:
        if self.status == "closed":
            raise ConnectionIsNotActive(self.id, self.status)

    # State

    def evolve(self, event: Event) -> None:
        """Apply an event to the state."""
        at = event.timestamp.isoformat()
        match event:
            case ConnectionOpened():
                self.status = "active"
                self.person_id = event.person_id
                self.canvas_url = event.canvas_url
                self.canvas_name = event.canvas_name
                self.canvas_user_id = event.canvas_user_id
                self.canvas_user_name = event.canvas_user_name
                self.token_fingerprint = event.token_fingerprint
                self.opened_at = self.token_rotated_at = self.validated_at = at
            case TokenRotated():
                self.status = "active"
                self.token_fingerprint = event.token_fingerprint
                self.token_rotated_at = self.validated_at = at
            case ConnectionValidated():
                self.canvas_user_name = event.canvas_user_name
                self.validated_at = at
            case TokenRejected():
                self.status = "token_rejected"
            case ConnectionClosed():
                self.status = "closed"

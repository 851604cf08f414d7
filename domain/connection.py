"""A person's access to one Canvas account."""

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
    """One person, one Canvas, one Canvas user; open until it is closed for good."""

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
        """The id of a person's nth connection to one Canvas: two can never be open at once."""
        return uuid5(person_id, f"connection/{canvas_url}/{nth}")

    # Decisions

    def open(self, **fields: Any) -> Self:
        """Record that the person let us in; `facts` are the fields of ConnectionOpened."""
        if not self.exists:
            self.trigger_event(ConnectionOpened, **fields)
        return self

    def rotate_token(self, canvas_user_id: str, fingerprint: str) -> None:
        """Let a newer token of the same Canvas user take over."""
        self._require_open()
        if canvas_user_id != self.canvas_user_id:
            raise CanvasUserMismatch
        if fingerprint != self.token_fingerprint or self.status == "token_rejected":
            self.trigger_event(TokenRotated, token_fingerprint=fingerprint)

    def record_validation(self, canvas_user_name: str) -> None:
        """Record that Canvas accepts the token."""
        self.require_active()
        self.trigger_event(ConnectionValidated, canvas_user_name=canvas_user_name)

    def reject_token(self, reason: str) -> None:
        """Record, once, that Canvas says the token is dead."""
        if self.status == "active":
            self.trigger_event(TokenRejected, reason=reason)

    def close(self) -> None:
        """End the connection for good."""
        if self.status in {"active", "token_rejected"}:
            self.trigger_event(ConnectionClosed)

    def require_owner(self, person_id: UUID) -> None:
        """Refuse strangers, and whoever asks for a connection that is no more, alike."""
        if not self.exists or self.person_id != person_id or self.status == "closed":
            raise ConnectionNotFound(self.id)

    def require_active(self) -> None:
        """Refuse when no token works."""
        if self.status != "active":
            raise ConnectionIsNotActive(self.id, self.status)

    def _require_open(self) -> None:
        if self.status == "closed":
            raise ConnectionIsNotActive(self.id, self.status)

    # Evolution

    def evolve(self, event: Event) -> None:
        """Take one fact into the state."""
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

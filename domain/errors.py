"""Why we say no, and what Canvas does to us.

DomainError                  a rule of ours
├── ConnectionNotFound
├── ConnectionExists
├── ConnectionIsNotActive
├── CanvasUserMismatch
├── CanvasUrlNotAllowed
├── SyncAlreadyRunning
├── NoSyncRunning
├── SyncIsOver
├── SyncNotDue
├── PersonIsErased
└── VersionConflict
CanvasFailure                Canvas's answer, or its silence
├── CanvasTokenRejected      401 with WWW-Authenticate: the token is dead
├── CanvasForbidden          a permission Canvas does not give; nothing to try again
├── CanvasThrottled          still refused after every retry
├── CanvasUnreachable
├── CanvasTimeout
├── CanvasResponseUnusable   an answer that is no Canvas answer, or past a cap
└── ConnectionUnusable       there is no token to ask Canvas with
"""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID


class DomainError(Exception):
    """A rule says no."""


@dataclass(unsafe_hash=True)
class ConnectionNotFound(DomainError):
    """There is no such connection, or it is somebody else's."""

    connection_id: UUID

    def __str__(self) -> str:
        return f"There is no connection {self.connection_id}."


@dataclass(unsafe_hash=True)
class ConnectionExists(DomainError):
    """The person already has an open connection to this Canvas."""

    connection_id: UUID

    def __str__(self) -> str:
        return f"You are already connected to this Canvas (connection {self.connection_id})."


@dataclass(unsafe_hash=True)
class ConnectionIsNotActive(DomainError):
    """The connection is closed, or Canvas rejected its token."""

    connection_id: UUID
    status: str

    def __str__(self) -> str:
        way_out = (
            "put a new token first"
            if self.status == "token_rejected"
            else "set up a new connection"
        )
        return f"Connection {self.connection_id} is {self.status}: {way_out}."


@dataclass(unsafe_hash=True)
class CanvasUserMismatch(DomainError):
    """The new token belongs to another Canvas user than the connection."""

    def __str__(self) -> str:
        return "This token belongs to another Canvas user than the connection's."


@dataclass(unsafe_hash=True)
class CanvasUrlNotAllowed(DomainError):
    """The address is none we may send a token to."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(unsafe_hash=True)
class SyncAlreadyRunning(DomainError):
    """One run at a time: this one is queued or running."""

    sync_id: UUID

    def __str__(self) -> str:
        return f"Sync {self.sync_id} of this connection is not over yet."


@dataclass(unsafe_hash=True)
class NoSyncRunning(DomainError):
    """There is nothing to cancel."""

    def __str__(self) -> str:
        return "No sync of this connection is queued or running."


@dataclass(unsafe_hash=True)
class SyncIsOver(DomainError):
    """The run has ended; its late words are not recorded."""

    sync_id: UUID

    def __str__(self) -> str:
        return f"Sync {self.sync_id} is over."


@dataclass(unsafe_hash=True)
class SyncNotDue(DomainError):
    """The clock asked for a run before the connection is due for one."""

    connection_id: UUID

    def __str__(self) -> str:
        return f"Connection {self.connection_id} is not due for a sync yet."


@dataclass(unsafe_hash=True)
class PersonIsErased(DomainError):
    """The person's key was destroyed; nothing more is recorded about them."""

    person_id: UUID

    def __str__(self) -> str:
        return f"The data of person {self.person_id} was erased for good."


@dataclass(unsafe_hash=True)
class VersionConflict(DomainError):
    """Somebody else recorded something in the same stream first."""

    stream: UUID

    def __str__(self) -> str:
        return f"Stream {self.stream} moved on meanwhile; ask again."


@dataclass(unsafe_hash=True)
class CanvasFailure(Exception):
    """Canvas could not be read."""

    code: ClassVar[str] = "canvas-failure"
    detail: str

    def __str__(self) -> str:
        return self.detail


class CanvasTokenRejected(CanvasFailure):
    """Canvas says that the token is dead: 401 with a `WWW-Authenticate` header."""

    code = "canvas-token-rejected"


class CanvasForbidden(CanvasFailure):
    """Canvas knows the token and does not give this permission."""

    code = "canvas-forbidden"


class CanvasThrottled(CanvasFailure):
    """Canvas refused for its rate limit, also after every retry."""

    code = "canvas-throttled"


class CanvasUnreachable(CanvasFailure):
    """Canvas could not be reached, or answered with a fault of its own."""

    code = "canvas-unreachable"


class CanvasTimeout(CanvasFailure):
    """Canvas took too long."""

    code = "canvas-timeout"


class CanvasResponseUnusable(CanvasFailure):
    """Canvas's answer is none we can read, or larger than we accept."""

    code = "canvas-answer-unusable"


class ConnectionUnusable(CanvasFailure):
    """The connection has no token that works, so Canvas was not asked."""

    code = "connection-not-active"

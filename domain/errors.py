"""The errors of the domain: refused requests, and failures to read Canvas.

DomainError                  a rule refuses the request
├── ConnectionNotFound       does not exist, is closed, or belongs to another person
├── ConnectionExists         the person has an open connection to this Canvas
├── ConnectionIsNotActive    the connection is closed, or Canvas rejected its token
├── CanvasUserMismatch       the new token belongs to another Canvas user
├── CanvasUrlNotAllowed      no token may be sent to this address
├── SyncAlreadyRunning       a run of the connection has not ended
├── NoSyncRunning            there is no run to start or to cancel
├── SyncIsOver               the run has ended, or another attempt has replaced this one
├── SyncNotDue               the scheduler requested a run too early
├── TooManyConnections       the person has as many open connections as one person may
├── SyncLimitReached         too many full runs of a connection in an hour
├── DailyLimitReached        as many changes were recorded for a person as in a day may be
├── TokenChecksLimited       too many checks of tokens, by the person or at the host
├── ConnectionBusy           too many commands wait for their turn on one connection
├── PersonIsErased           the key of the person is destroyed
└── VersionConflict          other events were appended to the stream first
CanvasFailure                Canvas could not be read
├── CanvasTokenRejected      401 with WWW-Authenticate: Canvas does not accept the token
├── CanvasForbidden          the token lacks a permission; a retry does not help
├── CanvasNotFound           what was requested does not exist, or no longer for this person
├── CanvasThrottled          the rate limit of Canvas, also after all retries
├── CanvasUnreachable        no connection, or a server error of Canvas
├── CanvasTimeout            no response in time
├── CanvasResponseUnusable   not a response of Canvas, or larger than allowed
├── ConnectionUnusable       no valid token, so no request was sent
└── DayIsUsedUp              as many changes were recorded for the person as in a day may be

Users read the texts of these errors, so they contain no secret.
"""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID


class DomainError(Exception):
    """A rule refuses the request; nothing was recorded."""


@dataclass(unsafe_hash=True)
class ConnectionNotFound(DomainError):
    """The connection does not exist, is closed, or belongs to another person."""

    connection_id: UUID

    def __str__(self) -> str:
        return f"There is no connection {self.connection_id}; check the id."


@dataclass(unsafe_hash=True)
class ConnectionExists(DomainError):
    """The person already has an open connection to this Canvas."""

    connection_id: UUID

    def __str__(self) -> str:
        return (
            f"You already have a connection to this Canvas, {self.connection_id}:"
            " use it, or delete it first."
        )


@dataclass(unsafe_hash=True)
class ConnectionIsNotActive(DomainError):
    """The connection is closed, or Canvas rejected its token."""

    connection_id: UUID
    status: str
    """The status of the connection, such as `token_rejected`."""

    def __str__(self) -> str:
        if self.status == "token_rejected":
            return f"Canvas rejected the token of connection {self.connection_id}: replace it."
        return f"Connection {self.connection_id} is not open: set up a new connection."


@dataclass(unsafe_hash=True)
class CanvasUserMismatch(DomainError):
    """The new token belongs to another Canvas user than the connection."""

    def __str__(self) -> str:
        return (
            "The new token belongs to another Canvas user than the connection: use a token of the"
            " same user, or delete the connection and set up a new one."
        )


@dataclass(unsafe_hash=True)
class CanvasUrlNotAllowed(DomainError):
    """No token may be sent to this address."""

    reason: str
    """Why not and what to do, as text for people."""

    def __str__(self) -> str:
        return self.reason


@dataclass(unsafe_hash=True)
class SyncAlreadyRunning(DomainError):
    """A connection has one run at a time, and this one is queued or running."""

    sync_id: UUID

    def __str__(self) -> str:
        return f"Sync {self.sync_id} of this connection has not ended: wait for it, or cancel it."


@dataclass(unsafe_hash=True)
class NoSyncRunning(DomainError):
    """The connection has no run to start or to cancel."""

    def __str__(self) -> str:
        return "No sync of this connection is queued or running."


@dataclass(unsafe_hash=True)
class SyncIsOver(DomainError):
    """The run has ended, or another attempt has replaced this one: it can record nothing more."""

    sync_id: UUID

    def __str__(self) -> str:
        return f"Sync {self.sync_id} has ended, or another worker runs it: nothing was recorded."


@dataclass(unsafe_hash=True)
class SyncNotDue(DomainError):
    """The scheduler requested a run before it was due."""

    connection_id: UUID

    def __str__(self) -> str:
        return f"Connection {self.connection_id} is not due for a sync yet."


@dataclass(unsafe_hash=True)
class TooManyConnections(DomainError):
    """The person has as many open connections as one person may have."""

    limit: int

    def __str__(self) -> str:
        return f"You have {self.limit} connections, the most that are possible: delete one first."


@dataclass(unsafe_hash=True)
class LimitReached(DomainError):
    """A limit refuses the request; the same request can succeed after some seconds."""

    retry_after_seconds: int


class SyncLimitReached(LimitReached):
    """A person requested more full runs of a connection than are allowed in an hour."""

    def __str__(self) -> str:
        return (
            "This connection had as many full syncs as are allowed in an hour. Request one without"
            " the mode `full`, or try again later; one full sync a day is started anyway."
        )


class DailyLimitReached(LimitReached):
    """As many changes were recorded for a person as are allowed in one day."""

    def __str__(self) -> str:
        return (
            "Your syncs recorded as many changes today as are allowed in one day. What was read is"
            " kept; syncs continue after midnight (UTC)."
        )


class TokenChecksLimited(LimitReached):
    """Too many tokens are checked at Canvas, or too many checks failed."""


class TokenChecksOfPersonLimited(TokenChecksLimited):
    """One person has too many checks in progress, or too many that failed in the last minute."""

    def __str__(self) -> str:
        return (
            "Too many of your tokens are being checked, or were refused in the last minute: check"
            " the address and the token, then try again."
        )


@dataclass(unsafe_hash=True)
class TokenChecksOfHostLimited(TokenChecksLimited):
    """One host has too many checks in progress, or too many that failed in the last minute."""

    host: str

    def __str__(self) -> str:
        return (
            f"Too many tokens are being checked at {self.host}, or it refused too many in the last"
            " minute: try again later."
        )


@dataclass(unsafe_hash=True)
class ConnectionBusy(DomainError):
    """Too many commands wait for their turn on one connection, or the turn does not come."""

    stream: UUID

    def __str__(self) -> str:
        return "Other requests for the same connection are still being handled: try again later."


@dataclass(unsafe_hash=True)
class PersonIsErased(DomainError):
    """The key of the person is destroyed, so that nothing more can be recorded about them."""

    person_id: UUID

    def __str__(self) -> str:
        return f"The data of person {self.person_id} was erased: no new data is recorded."


@dataclass(unsafe_hash=True)
class VersionConflict(DomainError):
    """Other events were appended to the same stream first; the command can be repeated."""

    stream: UUID

    def __str__(self) -> str:
        return f"Another request changed stream {self.stream} at the same time: repeat the request."


@dataclass(unsafe_hash=True)
class CanvasFailure(Exception):
    """Canvas could not be read."""

    code: ClassVar[str] = "canvas-failure"
    """The code that events and runs contain. It never changes."""
    detail: str
    """What failed and what to do, as text for people."""

    def __str__(self) -> str:
        return self.detail


class CanvasTokenRejected(CanvasFailure):
    """Canvas does not accept the token: 401 with a `WWW-Authenticate` header."""

    code = "canvas-token-rejected"


class CanvasForbidden(CanvasFailure):
    """Canvas accepts the token, but it lacks a permission."""

    code = "canvas-forbidden"


class CanvasNotFound(CanvasFailure):
    """What was requested does not exist in Canvas, or no longer for this person: 404."""

    code = "canvas-not-found"


class CanvasThrottled(CanvasFailure):
    """Canvas refused a request because of its rate limit, also after all retries."""

    code = "canvas-throttled"


class CanvasUnreachable(CanvasFailure):
    """Canvas could not be reached, or responded with a server error."""

    code = "canvas-unreachable"


class CanvasTimeout(CanvasFailure):
    """Canvas did not respond in time."""

    code = "canvas-timeout"


class CanvasResponseUnusable(CanvasFailure):
    """The response is not one of Canvas, or it is larger than allowed."""

    code = "canvas-answer-unusable"


class ConnectionUnusable(CanvasFailure):
    """The connection has no valid token, so no request was sent to Canvas."""

    code = "connection-not-active"


class DayIsUsedUp(CanvasFailure):
    """As many changes were recorded for the person today as are allowed in one day."""

    code = "daily-limit"

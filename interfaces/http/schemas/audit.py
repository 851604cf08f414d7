"""Schemas of responses for auditors and admins."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from interfaces.http.schemas.connections import Connection
from interfaces.http.schemas.syncs import Sync


class AuditedEvent(BaseModel):
    """A recorded event. The payload of an erased person is `{"redacted": true}`."""

    position: int
    stream: UUID
    version: int
    type: str
    recorded_at: datetime
    actor: str
    correlation_id: str | None
    causation_id: UUID | None = Field(
        description="Always null until commands record which event caused them."
    )
    payload: dict[str, Any]
    seal: Any = Field(
        default=None,
        description="Always null until the log has tamper-evident checkpoints.",
    )


class AuditedConnection(Connection):
    """A connection and the id of its user."""

    user_id: UUID


class SyncThen(BaseModel):
    """The syncs of a connection at an earlier time: the newest run and the courses read so far."""

    version: int
    run: Sync | None
    completed_once: bool
    courses: dict[str, Any]


class StateThen(BaseModel):
    """The state of a connection and its syncs at a position of the event log."""

    connection_id: UUID
    position: int
    version: int
    connection: Connection | None
    sync: SyncThen


class Rebuild(BaseModel):
    """The progress of a rebuild, in positions of the event log."""

    state: str
    done: int
    total: int
    eta_seconds: float | None


class Projection(BaseModel):
    """A read model: its version, its position, and how far it is behind the event log."""

    name: str
    version: int
    state: str
    position: int
    head: int
    lag_events: int
    lag_seconds: float
    events_per_second: float | None
    dead_letters: int = Field(
        description="Always 0 until events that cannot be applied are set aside."
    )
    owner: str | None = Field(
        description="Always null until the process that applies the events is recorded."
    )
    rebuild: Rebuild | None


class RebuildStarted(BaseModel):
    """A rebuild that was started in the background."""

    name: str

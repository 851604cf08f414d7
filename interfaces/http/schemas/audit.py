"""The shapes auditors and admins see."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from interfaces.http.schemas.connections import Connection
from interfaces.http.schemas.syncs import Sync


class AuditedEvent(BaseModel):
    """An event as the log holds it; an erased payload reads `{"redacted": true}`."""

    position: int
    stream: UUID
    version: int
    type: str
    recorded_at: datetime
    actor: str
    correlation_id: str | None
    causation_id: UUID | None
    payload: dict[str, Any]
    seal: Any = None


class AuditedConnection(Connection):
    """A connection and whose it is."""

    user_id: UUID


class SyncThen(BaseModel):
    """The synchronisation of a connection as it stood: its newest run and what it had seen."""

    version: int
    run: Sync | None
    completed_once: bool
    courses: dict[str, Any]


class StateThen(BaseModel):
    """A connection and its synchronisation as they stood at a position of the log."""

    connection_id: UUID
    position: int
    version: int
    connection: Connection | None
    sync: SyncThen


class Rebuild(BaseModel):
    """How far a rebuild is."""

    state: str
    done: int
    total: int
    eta_seconds: float | None


class Projection(BaseModel):
    """How far a read model is behind the log."""

    name: str
    version: int
    state: str
    position: int
    head: int
    lag_events: int
    lag_seconds: float
    events_per_second: float | None
    dead_letters: int
    owner: str | None
    rebuild: Rebuild | None


class RebuildStarted(BaseModel):
    """A rebuild was started in the background."""

    name: str

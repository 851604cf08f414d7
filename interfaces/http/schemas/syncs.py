"""The shapes of syncs."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class Progress(BaseModel):
    """Courses by how far they are."""

    total: int
    done: int
    failed: int


class Changes(BaseModel):
    """What was found to differ."""

    courses: int
    assignments: int
    grades: int


class Requests(BaseModel):
    """Requests to Canvas."""

    total: int
    not_modified: int
    retried: int


class SyncError(BaseModel):
    """Why a sync failed."""

    code: str
    detail: str


class Sync(BaseModel):
    """One run of a connection's synchronisation."""

    id: UUID
    connection_id: UUID
    trigger: Literal["setup", "manual", "schedule"]
    mode: Literal["full", "incremental"]
    status: Literal["queued", "running", "completed", "partial", "failed", "cancelled"]
    started_at: datetime | None
    finished_at: datetime | None
    courses: Progress
    changes: Changes
    requests: Requests
    error: SyncError | None


class ConnectionSync(BaseModel):
    """Where the synchronisation of one connection stands."""

    connection_id: UUID
    state: Literal["idle", "queued", "running"]
    sync: Sync | None
    next_sync_at: datetime | None


class SyncStatus(BaseModel):
    """Where the synchronisation of every connection stands."""

    items: list[ConnectionSync]

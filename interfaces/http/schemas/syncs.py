"""Schemas of syncs."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class Progress(BaseModel):
    """Numbers of courses: all of this sync, those read, and those that failed."""

    total: int
    done: int
    failed: int


class Changes(BaseModel):
    """Numbers of changed courses, assignments and grades."""

    courses: int
    assignments: int
    grades: int


class Requests(BaseModel):
    """Numbers of requests to Canvas: all, those answered with 304, and those repeated."""

    total: int
    not_modified: int
    retried: int


class SyncError(BaseModel):
    """The reason why a sync failed or is incomplete."""

    code: str
    detail: str


class Sync(BaseModel):
    """One synchronisation of a connection."""

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
    """The sync status of a connection: its newest sync, and the time of the next one."""

    connection_id: UUID
    state: Literal["idle", "queued", "running"]
    sync: Sync | None
    next_sync_at: datetime | None


class SyncStatus(BaseModel):
    """The sync status of every connection of a user."""

    items: list[ConnectionSync]

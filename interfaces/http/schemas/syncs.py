"""Schemas of syncs."""

from datetime import datetime
from uuid import UUID

from interfaces.http.schemas.enumerations import (
    SyncActivity,
    SyncMode,
    SyncRunStatus,
    SyncTrigger,
)
from interfaces.http.schemas.response_model import ResponseModel


class Progress(ResponseModel):
    """Numbers of courses of a sync."""

    total: int
    """Number of courses that easeboard reads in this sync."""
    done: int
    """Number of courses that easeboard has read."""
    failed: int
    """Number of courses that easeboard could not read."""


class Changes(ResponseModel):
    """Numbers of changes that a sync found."""

    courses: int
    """Number of courses that differ in Canvas from what easeboard had."""
    assignments: int
    """Number of assignments that differ in Canvas from what easeboard had."""
    grades: int
    """Number of grades that differ in Canvas from what easeboard had."""


class Requests(ResponseModel):
    """Numbers of requests to Canvas."""

    total: int
    """Number of requests that easeboard sent to Canvas."""
    not_modified: int
    """Number of requests that Canvas answered with 304 Not Modified."""
    retried: int
    """Number of requests that easeboard repeated because Canvas failed."""


class SyncError(ResponseModel):
    """The reason why a sync failed or is incomplete."""

    code: str
    """What failed, set by easeboard: a word for programs, such as `canvas-timeout`."""
    detail: str
    """What failed and what to do, written by easeboard for people."""


class Sync(ResponseModel):
    """One synchronisation of a connection."""

    id: UUID
    """Id of the sync in easeboard."""
    connection_id: UUID
    """Id of its connection in easeboard."""
    trigger: SyncTrigger
    """Why easeboard runs it."""
    mode: SyncMode
    """How much easeboard reads from Canvas."""
    status: SyncRunStatus
    """Status of the sync in easeboard."""
    started_at: datetime | None
    """When easeboard started it: RFC 3339 in UTC; null while it is queued."""
    finished_at: datetime | None
    """When it ended in easeboard: RFC 3339 in UTC; null before."""
    courses: Progress
    """How many Canvas courses easeboard has read."""
    changes: Changes
    """How many differences easeboard found in Canvas."""
    requests: Requests
    """How many requests easeboard sent to Canvas."""
    error: SyncError | None
    """Why easeboard could not read everything from Canvas; null if it could, or is not done."""


class ConnectionSync(ResponseModel):
    """The sync status of a connection."""

    connection_id: UUID
    """Id of the connection in easeboard."""
    state: SyncActivity
    """What easeboard does for the connection at present."""
    sync: Sync | None
    """The newest sync that easeboard has of the connection; null if there was none."""
    next_sync_at: datetime | None
    """When easeboard requests the next sync: RFC 3339 in UTC; null if none is planned."""


class SyncStatus(ResponseModel):
    """The sync status of every connection of a user."""

    items: list[ConnectionSync]
    """One item for each open connection in easeboard, oldest connection first."""

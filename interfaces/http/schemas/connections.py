"""Schemas of connections."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from interfaces.http.schemas.syncs import Sync


class CanvasUser(BaseModel):
    """The Canvas user of a connection."""

    id: str
    name: str | None


class Connection(BaseModel):
    """A connection to one Canvas account."""

    id: UUID
    canvas_url: str
    canvas_name: str
    canvas_user: CanvasUser
    status: Literal["active", "token_rejected", "closed"]
    token_fingerprint: str
    token_rotated_at: datetime
    last_validated_at: datetime | None
    last_synced_at: datetime | None
    next_sync_at: datetime | None
    created_at: datetime
    version: int


class SetUp(BaseModel):
    """A new connection and its first sync."""

    connection: Connection
    sync: Sync


class Validation(BaseModel):
    """Whether Canvas accepts the token of a connection; `reason` is present only if it does not."""

    valid: bool
    checked_at: datetime
    reason: str | None = None

"""Schemas of connections."""

from datetime import datetime
from uuid import UUID

from interfaces.http.schemas.enumerations import ConnectionStatus
from interfaces.http.schemas.response_model import ResponseModel
from interfaces.http.schemas.syncs import Sync


class CanvasUser(ResponseModel):
    """The Canvas user of a connection."""

    id: str
    """Canvas id of the user."""
    name: str | None
    """Name of the user in Canvas."""


class Connection(ResponseModel):
    """A connection to one Canvas account."""

    id: UUID
    """Id of the connection in easeboard."""
    canvas_url: str
    """Origin of the Canvas: scheme and host, as easeboard uses it."""
    canvas_name: str
    """Name that the user chose in easeboard for this Canvas; by default its host."""
    canvas_user: CanvasUser
    """The Canvas user whose token the connection has."""
    status: ConnectionStatus
    """Status of the connection in easeboard."""
    token_fingerprint: str
    """8 hex digits that easeboard computes with a key: different for two Canvas tokens."""
    token_rotated_at: datetime
    """When easeboard stored the token: RFC 3339 in UTC."""
    last_validated_at: datetime | None
    """When Canvas last accepted the token in a check by easeboard: RFC 3339 in UTC."""
    last_synced_at: datetime | None
    """When easeboard last completed a sync: RFC 3339 in UTC; null before the first."""
    next_sync_at: datetime | None
    """When easeboard requests the next sync: RFC 3339 in UTC; null if none is planned."""
    created_at: datetime
    """When the connection was set up in easeboard: RFC 3339 in UTC."""
    version: int
    """Number of events that easeboard recorded for the connection."""


class SetUp(ResponseModel):
    """A new connection and its first sync."""

    connection: Connection
    """The new connection in easeboard."""
    sync: Sync
    """The first sync, which easeboard has queued."""


class Validation(ResponseModel):
    """Whether Canvas accepts the token of a connection."""

    valid: bool
    """Whether Canvas accepts the token."""
    checked_at: datetime
    """When easeboard checked it at Canvas: RFC 3339 in UTC."""
    reason: str | None = None
    """Why Canvas does not accept it, written by easeboard; absent if Canvas accepts it."""

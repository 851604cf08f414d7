"""The document of a connection, built from its first event or from its aggregate."""

from typing import Protocol, TypedDict
from uuid import UUID


class CanvasUserDocument(TypedDict):
    """The Canvas user whose token the connection has."""

    id: str
    name: str


class ConnectionDocument(TypedDict):
    """A connection as `GET /canvas/connections/{id}` shows it; times are RFC 3339 text.

    `next_sync_at` is not part of it: it depends on the sync interval and the circuit breaker, so
    each query adds it.
    """

    id: UUID
    canvas_url: str
    canvas_name: str
    canvas_user: CanvasUserDocument
    status: str
    token_fingerprint: str
    token_rotated_at: str | None
    last_validated_at: str | None
    last_synced_at: str | None
    created_at: str | None
    version: int


class ConnectionFields(Protocol):
    """The fields that the event `ConnectionOpened` and the aggregate `Connection` both have."""

    canvas_url: str
    canvas_name: str
    canvas_user_id: str
    canvas_user_name: str
    token_fingerprint: str


def build_connection_document(
    connection_id: UUID,
    fields: ConnectionFields,
    *,
    status: str,
    token_rotated_at: str | None,
    last_validated_at: str | None,
    last_synced_at: str | None,
    created_at: str | None,
    version: int,
) -> ConnectionDocument:
    """Build the document of a connection, without `next_sync_at`."""
    return ConnectionDocument(
        id=connection_id,
        canvas_url=fields.canvas_url,
        canvas_name=fields.canvas_name,
        canvas_user=CanvasUserDocument(id=fields.canvas_user_id, name=fields.canvas_user_name),
        status=status,
        token_fingerprint=fields.token_fingerprint,
        token_rotated_at=token_rotated_at,
        last_validated_at=last_validated_at,
        last_synced_at=last_synced_at,
        created_at=created_at,
        version=version,
    )

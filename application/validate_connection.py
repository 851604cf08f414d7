"""Ask Canvas whether a connection's token still works."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Canvas, Store, Vault
from domain.connection import Connection
from domain.errors import CanvasForbidden, CanvasTokenRejected, ConnectionNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateConnection:
    """A person wants to know whether they are still connected."""

    person_id: UUID
    connection_id: UUID


async def validate_connection(
    command: ValidateConnection, *, store: Store, vault: Vault, canvas: Canvas
) -> str | None:
    """Record what Canvas says; returns why the token is of no use, None when it works."""
    connection = await store.load(Connection, command.connection_id)
    connection.require_owner(command.person_id)
    try:
        token = await vault.load(
            command.person_id, connection.id, connection.canvas_url, connection.token_fingerprint
        )
    except KeyError as destroyed:
        raise ConnectionNotFound(connection.id) from destroyed
    try:
        user = await canvas.fetch_user(connection.canvas_url, token)
    except CanvasTokenRejected as rejected:
        connection.reject_token(rejected.detail)
        await store.save(connection)
        return rejected.detail
    except CanvasForbidden as forbidden:
        return forbidden.detail
    if connection.status == "token_rejected":
        connection.rotate_token(user.id, connection.token_fingerprint)
    else:
        connection.record_validation(user.name)
    await store.save(connection)
    return None

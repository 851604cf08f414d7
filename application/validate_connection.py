"""The command that checks at Canvas whether the token of a connection is valid."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Canvas, Store, Vault
from domain.connection import Connection
from domain.errors import CanvasForbidden, CanvasTokenRejected, ConnectionNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateConnection:
    """A person checks whether their connection works."""

    person_id: UUID
    connection_id: UUID


async def validate_connection(
    command: ValidateConnection, *, store: Store, vault: Vault, canvas: Canvas
) -> str | None:
    """Record whether Canvas accepts the token; return None if it does, else why not, as text.

    A token that lacks a permission is not recorded as rejected.

    Raises:
        ConnectionNotFound: If the person has no such connection, or its token is destroyed.
        CanvasFailure: If Canvas does not respond, or with an error.
    """
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

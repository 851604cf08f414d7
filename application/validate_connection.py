"""The command that checks at Canvas whether the token of a connection is valid."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from application.event_metadata import current_metadata
from application.load_token import load_token
from application.ports import Canvas, CanvasUser, Store, Vault
from domain.connection import Connection
from domain.errors import (
    CanvasForbidden,
    CanvasTokenRejected,
    ConnectionIsNotActive,
    ConnectionNotFound,
)
from domain.events import TokenRejected


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
        ConnectionNotFound: If the person has no such connection, also because it was closed
            meanwhile, or its token is destroyed.
        CanvasFailure: If Canvas does not respond, or with an error.
    """
    if recorded := current_metadata().recorded:
        return next((event.reason for event in recorded if isinstance(event, TokenRejected)), None)
    connection = await store.load(Connection, command.connection_id)
    connection.require_owner(command.person_id)
    try:
        connection, token = await load_token(connection, store, vault)
    except KeyError as destroyed:
        raise ConnectionNotFound(connection.id) from destroyed
    try:
        user = await canvas.fetch_user(connection.canvas_url, token)
    except CanvasTokenRejected as rejected:
        if not await record_rejection(connection, rejected.detail, store):
            raise ConnectionNotFound(connection.id) from rejected
        return rejected.detail
    except CanvasForbidden as forbidden:
        return forbidden.detail
    await _record_acceptance(connection, user, store)
    return None


async def record_rejection(checked: Connection, reason: str, store: Store) -> bool:
    """Record that Canvas rejected a token, unless it was replaced or the connection was closed.

    Returns whether the connection is still open.
    """

    async def reject() -> bool:
        connection = await store.load(Connection, checked.id)
        if connection.token_fingerprint == checked.token_fingerprint:
            connection.reject_token(reason)
            await store.save(connection)
        return connection.status != "closed"

    return await store.in_turn(checked.id, reject)


async def _record_acceptance(checked: Connection, user: CanvasUser, store: Store) -> None:
    """Record that Canvas accepts a token, unless it was replaced meanwhile.

    Raises: ConnectionNotFound if the connection was closed meanwhile.
    """

    async def accept_again() -> None:
        connection = await store.load(Connection, checked.id)
        connection.require_owner(checked.person_id)
        if connection.token_fingerprint == checked.token_fingerprint:
            connection.rotate_token(user.id, connection.token_fingerprint)
            await store.save(connection)

    def confirm(connection: Connection) -> None:
        connection.require_owner(checked.person_id)
        if connection.token_fingerprint == checked.token_fingerprint:
            connection.record_validation(user.name)

    if checked.status == "token_rejected":
        await store.in_turn(checked.id, accept_again)
    else:
        with suppress(ConnectionIsNotActive):
            await store.record(Connection, checked.id, confirm)

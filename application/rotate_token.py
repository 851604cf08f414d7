"""The command that replaces the token of a connection."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from application.ports import Canvas, Queue, Store, Vault
from application.request_sync import RequestSync, request_sync
from domain.connection import Connection
from domain.errors import ConnectionIsNotActive, ConnectionNotFound, SyncAlreadyRunning


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateToken:
    """A person enters a new token for a connection."""

    person_id: UUID
    connection_id: UUID
    api_token: str = field(repr=False)


async def rotate_token(
    command: RotateToken,
    *,
    store: Store,
    vault: Vault,
    canvas: Canvas,
    queue: Queue,
    interval: timedelta,
) -> None:
    """Check the token at Canvas, and replace the old one by it.

    The old token is destroyed in the transaction of the event that has the new fingerprint.

    If Canvas had rejected the old token, a run is queued at once. `interval` is the time between
    scheduled runs.

    Raises:
        ConnectionNotFound: If the person has no such connection.
        CanvasUserMismatch: If the token belongs to another Canvas user.
        CanvasFailure: If Canvas refuses the token or does not respond.
    """
    connection = await store.load(Connection, command.connection_id)
    connection.require_owner(command.person_id)
    user = await canvas.fetch_user(connection.canvas_url, command.api_token)

    async def replace_token() -> bool:
        return await _replace_token(command, user.id, store, vault)

    was_rejected = await store.in_turn(connection.id, replace_token)
    if was_rejected:
        wish = RequestSync(person_id=command.person_id, connection_id=connection.id)
        with suppress(SyncAlreadyRunning, ConnectionNotFound, ConnectionIsNotActive):
            await request_sync(wish, store=store, queue=queue, interval=interval)


async def _replace_token(
    command: RotateToken, canvas_user_id: str, store: Store, vault: Vault
) -> bool:
    """Replace the token in one transaction; return whether Canvas had rejected the old one."""
    connection = await store.load(Connection, command.connection_id)
    connection.require_owner(command.person_id)
    was_rejected = connection.status == "token_rejected"
    token = command.api_token
    fingerprint = vault.fingerprint(connection.id, token, connection.token_fingerprint)
    connection.rotate_token(canvas_user_id, fingerprint)
    row = command.person_id, connection.id, connection.canvas_url, token, fingerprint
    if connection.pending_events:
        others = vault.destroying(connection.id, keep=fingerprint)
        await store.save(connection, secrets=[vault.storing(*row), others])
    else:
        # Nothing keeps another process from replacing the token now, so no row may be added or
        # destroyed.
        await store.save(secrets=[vault.replacing(*row)])
    return was_rejected

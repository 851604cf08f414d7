"""The command that replaces the token of a connection."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from application.ports import Canvas, Queue, Store, Vault
from application.request_sync import RequestSync, request_sync
from domain.connection import Connection
from domain.errors import SyncAlreadyRunning


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
    """Check the token at Canvas, store it, record its fingerprint, and destroy the old token.

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
    fingerprint, previous = vault.fingerprint(command.api_token), connection.token_fingerprint
    was_rejected = connection.status == "token_rejected"
    connection.rotate_token(user.id, fingerprint)
    await vault.store(command.person_id, connection.id, connection.canvas_url, command.api_token)
    await store.save(connection)
    if previous != fingerprint:
        await vault.destroy(connection.id, previous)
    if was_rejected:
        wish = RequestSync(person_id=command.person_id, connection_id=connection.id)
        with suppress(SyncAlreadyRunning):
            await request_sync(wish, store=store, queue=queue, interval=interval)

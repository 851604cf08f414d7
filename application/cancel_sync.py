"""The command that cancels the active run of a connection."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Store
from domain.connection import Connection
from domain.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSync:
    """A person cancels the run that is queued or running."""

    person_id: UUID
    connection_id: UUID


async def cancel_sync(command: CancelSync, *, store: Store) -> None:
    """Record the cancellation; the worker stops when it polls, or when it appends next.

    Raises: ConnectionNotFound if the person has no such connection; NoSyncRunning if it has no
    active run.
    """

    async def cancel() -> None:
        connection = await store.load(Connection, command.connection_id)
        connection.require_owner(command.person_id)
        sync = await store.load(Sync, Sync.id_for(connection.id))
        sync.cancel()
        await store.save(sync)

    await store.in_turn(command.connection_id, cancel)

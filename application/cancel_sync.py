"""Call off a connection's run."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Store
from domain.connection import Connection
from domain.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSync:
    """A person calls the queued or running run off."""

    person_id: UUID
    connection_id: UUID


async def cancel_sync(command: CancelSync, *, store: Store) -> None:
    """Record the cancellation; the worker's next append is refused, which stops it."""
    connection = await store.load(Connection, command.connection_id)
    connection.require_owner(command.person_id)
    sync = await store.load(Sync, Sync.id_for(connection.id))
    sync.cancel()
    await store.save(sync)

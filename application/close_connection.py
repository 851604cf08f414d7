"""End a connection."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Store, Vault
from domain.connection import Connection
from domain.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseConnection:
    """A person withdraws their consent."""

    person_id: UUID
    connection_id: UUID


async def close_connection(command: CloseConnection, *, store: Store, vault: Vault) -> None:
    """Destroy the token, stop the run and close.

    The token goes first: nobody could ask again for the destruction once the closing is recorded,
    whereas a connection without its token can be closed by asking again.
    """
    connection = await store.load(Connection, command.connection_id)
    connection.require_owner(command.person_id)
    sync = await store.load(Sync, Sync.id_for(connection.id))
    if sync.active_run:
        sync.cancel()
    connection.close()
    await vault.destroy(connection.id)
    await store.save(sync, connection)

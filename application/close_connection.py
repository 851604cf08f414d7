"""The command that closes a connection."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Store, Vault
from domain.connection import Connection
from domain.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseConnection:
    """A person withdraws the access to their Canvas account."""

    person_id: UUID
    connection_id: UUID


async def close_connection(command: CloseConnection, *, store: Store, vault: Vault) -> None:
    """Cancel the active run, close the connection and destroy its tokens, in one transaction.

    Raises: ConnectionNotFound if the person has no such connection.
    """

    async def close() -> None:
        connection = await store.load(Connection, command.connection_id)
        connection.require_owner(command.person_id)
        sync = await store.load(Sync, Sync.id_for(connection.id))
        if sync.active_run:
            sync.cancel()
        connection.close()
        await store.save(sync, connection, secrets=[vault.destroying(connection.id)])

    await store.in_turn(command.connection_id, close)

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
    """Stop its run, close it and destroy the token; a crash in between only delays the last."""
    connection = await store.load(Connection, command.connection_id)
    connection.must_belong_to(command.person_id)
    sync = await store.load(Sync, Sync.id_for(connection.id))
    if sync.live:
        sync.cancel()
    connection.close()
    await store.save(sync, connection)
    await vault.destroy(connection.id)

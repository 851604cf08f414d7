"""The command that closes a connection."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from application.ports import Store, StreamUnreadable, Vault
from domain.aggregate import NO_PERSON, Aggregate
from domain.connection import Connection
from domain.events import ConnectionClosed
from domain.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseConnection:
    """A person withdraws the access to their Canvas account."""

    person_id: UUID
    connection_id: UUID


async def close_connection(command: CloseConnection, *, store: Store, vault: Vault) -> None:
    """Cancel the active run, close the connection and destroy its tokens, in one transaction.

    Also a connection with events that cannot be read is closed; its run ends by itself.

    Raises: ConnectionNotFound if the person has no such connection.
    """

    async def close() -> None:
        connection = await _load_connection(command.connection_id, store)
        connection.require_owner(command.person_id)
        changed: list[Aggregate] = [connection]
        with suppress(StreamUnreadable):
            sync = await store.load(Sync, Sync.id_for(connection.id))
            if sync.active_run:
                sync.cancel()
                changed.insert(0, sync)
        connection.close()
        await store.save(*changed, secrets=[vault.destroying(connection.id)])

    await store.in_turn(command.connection_id, close)


async def _load_connection(connection_id: UUID, store: Store) -> Connection:
    """Load a connection; of one that cannot be read, what is needed to close it."""
    try:
        return await store.load(Connection, connection_id)
    except StreamUnreadable:
        end = await store.end_of(connection_id)
        is_closed = end.topic == ConnectionClosed.__name__
        return Connection.at_end(
            connection_id, end.version, end.person_id or NO_PERSON, is_closed=is_closed
        )

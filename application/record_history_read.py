"""The command that records a read of the history of a connection."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Store
from domain.connection import Connection
from domain.errors import ConnectionNotFound
from domain.history_access import HistoryAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHistoryRead:
    """An auditor reads recorded events; the fields are those of HistoryRead."""

    connection_id: UUID
    reader: str
    what: str


async def record_history_read(command: RecordHistoryRead, *, store: Store) -> None:
    """Record who read what.

    Raises: ConnectionNotFound if there is no such connection.
    """
    connection = await store.load(Connection, command.connection_id)
    if not connection.exists:
        raise ConnectionNotFound(command.connection_id)
    access = await store.load(HistoryAccess, HistoryAccess.id_for(connection.id))
    access.record_read(
        connection_id=connection.id,
        person_id=connection.person_id,
        reader=command.reader,
        what=command.what,
    )
    await store.save(access)

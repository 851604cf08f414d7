"""The command that records a read of the history of a connection."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Store
from domain.errors import ConnectionNotFound
from domain.history_access import HistoryAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHistoryRead:
    """An auditor reads recorded events; the fields are those of HistoryRead."""

    connection_id: UUID
    reader: str
    what: str
    purpose: str


async def record_history_read(command: RecordHistoryRead, *, store: Store) -> None:
    """Record who read what; also of a connection with events that cannot be read.

    Raises: ConnectionNotFound if there is no such connection.
    """
    end = await store.end_of(command.connection_id)
    person_id = end.person_id
    if person_id is None:
        raise ConnectionNotFound(command.connection_id)

    def record_read(access: HistoryAccess) -> None:
        access.record_read(
            connection_id=command.connection_id,
            person_id=person_id,
            reader=command.reader,
            what=command.what,
            purpose=command.purpose,
        )

    await store.record(HistoryAccess, HistoryAccess.id_for(command.connection_id), record_read)

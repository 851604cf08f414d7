"""The command that records a read of a list about other people."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Store
from domain.history_access import ListAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordListRead:
    """An auditor reads a list about other people, such as that of their connections."""

    reader_id: UUID
    """The auditor, in whose stream the read is recorded."""
    what: str
    purpose: str
    reader: str | None = None
    """The reader as it is recorded; None: the id."""
    about: UUID | None = None
    """The only person that the list is about; None if it is about many."""


async def record_list_read(command: RecordListRead, *, store: Store) -> None:
    """Record who read which list, and why."""

    def record_read(access: ListAccess) -> None:
        access.record_read(
            person_id=command.about or command.reader_id,
            reader=command.reader or str(command.reader_id),
            what=command.what,
            purpose=command.purpose,
        )

    await store.record(ListAccess, ListAccess.id_for(command.reader_id), record_read)

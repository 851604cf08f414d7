"""The events of all streams of one person, in the order of the log, a page at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, Protocol, TypedDict
from uuid import UUID

import orjson

from application.ports import Store
from domain.calendar import Calendar
from domain.history_access import HistoryAccess, ListAccess
from domain.person import Person
from domain.sync import Sync
from infrastructure.event_store.history import HistoryRow, PositionRange, read_history
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.mark_waiter import MarkWaiter
from infrastructure.postgres.pools import ReadPool
from projections.support.json_documents import format_rfc3339

PAGE_EVENTS = 200

SELECT_CONNECTIONS: LiteralString = """
SELECT stream
  FROM easeboard.events
 WHERE topic = 'ConnectionOpened'
   AND person_id = %s
 ORDER BY position
"""

StreamName = tuple[str, UUID | None]
"""What the stream is about, and the connection that it belongs to, if any."""


class AccountRecord(TypedDict):
    """What is known of a person as a whole; times are RFC 3339 in UTC."""

    id: str
    calendar_shared_at: str | None
    """When the address of their calendar was made; None without one."""
    erased_at: str | None
    """When their data was erased; None if it was not."""


class PersonRecords(Protocol):
    """Reads what the log has about one person."""

    async def account(self, person_id: UUID) -> AccountRecord:
        """Return what is known of a person as a whole."""

    def pages(self, person_id: UUID) -> AsyncIterator[list[bytes]]:
        """Yield the events of all streams of a person as JSON, oldest first, page by page."""


@dataclass(frozen=True, slots=True)
class PersonHistory:
    """Implements PersonRecords; of an erased person there is the skeleton, without contents."""

    store: Store
    pool: ReadPool
    mapper: Mapper
    marks: MarkWaiter

    async def account(self, person_id: UUID) -> AccountRecord:
        """Return what is known of a person as a whole."""
        calendar = await self.store.load(Calendar, Calendar.id_for(person_id))
        person = await self.store.load(Person, Person.id_for(person_id))
        return {
            "id": str(person_id),
            "calendar_shared_at": _optional_time(calendar.shared_at),
            "erased_at": _optional_time(person.erased_at),
        }

    async def pages(self, person_id: UUID) -> AsyncIterator[list[bytes]]:
        """Yield the events of all streams of a person as JSON, oldest first, up to now."""
        at, names = await self.marks.settled_place(), await self._streams(person_id)
        after = 0
        while True:
            rows = await read_history(
                self.pool,
                self.mapper,
                list(names),
                PositionRange(after, at.position),
                limit=PAGE_EVENTS,
            )
            if rows:
                yield [orjson.dumps(_document(row, names[row.stream])) for row in rows]
            if len(rows) < PAGE_EVENTS:
                return
            after = rows[-1].position

    async def _streams(self, person_id: UUID) -> dict[UUID, StreamName]:
        async with self.pool.connection() as connection:
            cursor = await connection.execute(SELECT_CONNECTIONS, [person_id])
            connections = [stream for (stream,) in await cursor.fetchall()]
        names: dict[UUID, StreamName] = {
            Calendar.id_for(person_id): ("calendar", None),
            ListAccess.id_for(person_id): ("lists", None),
            Person.id_for(person_id): ("erasure", None),
        }
        for connection_id in connections:
            names[connection_id] = "connection", connection_id
            names[Sync.id_for(connection_id)] = "sync", connection_id
            names[HistoryAccess.id_for(connection_id)] = "readings", connection_id
        return names


def _optional_time(time: datetime | None) -> str | None:
    return format_rfc3339(time) if time else None


def _document(row: HistoryRow, name: StreamName) -> dict[str, Any]:
    stream, connection_id = name
    return {
        "position": row.position,
        "event_id": row.event_id,
        "connection_id": connection_id,
        "stream": stream,
        "version": row.version,
        "type": row.topic,
        "recorded_at": format_rfc3339(row.recorded_at),
        "actor": row.actor,
        "correlation_id": row.correlation_id,
        "causation_id": row.causation_id,
        "payload": row.payload,
    }

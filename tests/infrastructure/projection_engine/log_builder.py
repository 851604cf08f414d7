"""Appends generated events to the real log, with the times that they were generated for."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from psycopg import Connection

from domain.recorded_event import RecordedEvent
from infrastructure.event_store.mapper import Mapper

APPEND_LOCK = "SELECT pg_advisory_xact_lock_shared(1161905989, 1)"
"""Keeps the high-water mark below uncommitted events, as `easeboard.append` does."""


class LogBuilder:
    """Writes to the event log of a database without the store."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._mapper = Mapper(None)

    def append(self, events: Sequence[RecordedEvent]) -> int:
        """Append in one transaction, and return the last position."""
        with (
            self._connection.transaction(),
            self._connection.execute(APPEND_LOCK),
            self._connection.cursor() as cursor,
            cursor.copy(
                "COPY easeboard.events (stream, version, topic, event_id, recorded_at, actor,"
                " command_id, person_id, state) FROM STDIN"
            ) as copy,
        ):
            for recorded in events:
                (stored,) = self._mapper.to_stored_events([recorded.event], recorded.person_id)
                copy.write_row(
                    (
                        stored.originator_id,
                        stored.originator_version,
                        stored.topic,
                        recorded.event_id,
                        recorded.recorded_at,
                        "test",
                        uuid4(),
                        recorded.person_id,
                        stored.state,
                    )
                )
        return self.head()

    def lose_events_after(self, position: int) -> None:
        """Delete the newest events, as a restore of the log alone does."""
        with self._connection.transaction():
            self._connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
            self._connection.execute("DELETE FROM easeboard.events WHERE position > %s", [position])
            self._connection.execute("ALTER TABLE easeboard.events ENABLE TRIGGER USER")

    def head(self) -> int:
        cursor = self._connection.execute("SELECT coalesce(max(position), 0) FROM easeboard.events")
        return int(cursor.fetchall()[0][0])

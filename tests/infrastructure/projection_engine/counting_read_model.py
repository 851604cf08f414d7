"""The smallest read model."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.errors import UndefinedTable

from domain.event import Event
from domain.events import ConnectionOpened
from domain.recorded_event import RecordedEvent


@dataclass(frozen=True)
class CountingReadModel:
    """Stores the positions of its events; the projector always fails while `is_failing` is set."""

    name: str = "counting"
    version: int = 1
    subscribes_to: tuple[type[Event], ...] = (ConnectionOpened,)
    schema_sql: str = "CREATE TABLE counted (position bigint PRIMARY KEY);"
    tables: tuple[str, ...] = ()
    is_failing: threading.Event = field(default_factory=threading.Event)

    def project(self, events: Sequence[RecordedEvent], cursor: psycopg.Cursor[Any]) -> None:
        for event in events:
            if self.is_failing.is_set():
                raise UndefinedTable(str(event.event))
            cursor.execute("INSERT INTO counted (position) VALUES (%s)", [event.position])

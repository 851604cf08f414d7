"""A read model as small as can be."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from domain.event import Event
from domain.events import ConnectionOpened
from domain.recorded_event import Recorded


@dataclass(frozen=True)
class Tally:
    """Keeps the positions of openings; fails while `refuses` is set."""

    name: str = "tally"
    version: int = 1
    hears: tuple[type[Event], ...] = (ConnectionOpened,)
    schema_sql: str = "CREATE TABLE tallied (position bigint PRIMARY KEY);"
    tables: tuple[str, ...] = ()
    refuses: threading.Event = field(default_factory=threading.Event)

    def project(self, events: Sequence[Recorded], cursor: psycopg.Cursor[Any]) -> None:
        for event in events:
            if self.refuses.is_set():
                raise LookupError(event.event)
            cursor.execute("INSERT INTO tallied (position) VALUES (%s)", [event.position])

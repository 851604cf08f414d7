"""A read model with one table and one view, whose columns differ from release to release."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from domain.event import Event
from domain.events import CourseFetched
from domain.recorded_event import RecordedEvent


@dataclass(frozen=True)
class ShapedReadModel:
    """Its table stays empty."""

    version: int
    schema_sql: str
    name: str = "counting"
    subscribes_to: tuple[type[Event], ...] = (CourseFetched,)
    tables: tuple[str, ...] = ("counted",)
    applied: threading.Event = field(default_factory=threading.Event)

    def project(self, events: Sequence[RecordedEvent], cursor: psycopg.Cursor[Any]) -> None:
        """Only note that there were events."""
        if events and cursor:
            self.applied.set()


def _shaped(version: int, columns: str) -> ShapedReadModel:
    return ShapedReadModel(version, f"CREATE TABLE counted ({columns});")


FIRST = _shaped(1, "position bigint PRIMARY KEY, kind text, label text")
REORDERED = _shaped(2, "label text, extra text, position bigint PRIMARY KEY, kind text")
WITHOUT_LABEL = _shaped(3, "position bigint PRIMARY KEY, kind text")
OTHER_TYPE = _shaped(4, "position numeric PRIMARY KEY, kind text, label text")

"""Applies the events of a batch to one version, and sets aside those that it cannot apply."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Cursor, sql

from domain.recorded_event import RecordedEvent
from infrastructure.event_store.errors import describe_error
from infrastructure.event_store.log_reader import EventPage
from infrastructure.projection_engine.dead_letters import (
    MAX_PARKED_PEOPLE,
    FailedEvent,
    LeftOut,
    TooManyDeadLetters,
    park,
    waits_behind,
)
from infrastructure.projection_engine.read_model import (
    ReadModelDefinition,
    events_for,
    subscribed_topics,
)
from infrastructure.projection_engine.versions import schema_of, set_search_path

EVENT_SQLSTATE_CLASSES = ("21", "22", "23", "54", "P0")
"""SQLSTATE classes of errors that the data of an event can cause: cardinality, data, integrity,
program limits and errors raised by functions. All others are about the database or the program:
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


class Applied(NamedTuple):
    """The number of events for the read model, and those that could not be applied."""

    events: int
    failed: Sequence[FailedEvent]


def can_be_about_an_event(error: Exception) -> bool:
    """Whether one event can be the cause, and not the database or all events."""
    if isinstance(error, MemoryError | TooManyDeadLetters):
        return False
    if not isinstance(error, psycopg.Error):
        return True
    if error.sqlstate is None:
        return isinstance(error, psycopg.DataError)
    return error.sqlstate.startswith(EVENT_SQLSTATE_CLASSES)


def apply_to_version(
    cursor: Cursor[Any],
    model: ReadModelDefinition,
    version: int,
    batch: EventPage,
    left_out: LeftOut,
    *,
    bisect: bool,
) -> int:
    """Apply a batch to a version; returns the number of events for the read model.

    What `apply_events` could not apply becomes a dead letter. Raises what that raises.
    """
    schema = schema_of(model.name, version)
    applied = apply_events(cursor, model, schema, batch, left_out, bisect=bisect)
    park(cursor, model.name, version, applied.failed)
    return applied.events


def apply_events(
    cursor: Cursor[Any],
    model: ReadModelDefinition,
    schema: sql.Identifier,
    batch: EventPage,
    left_out: LeftOut,
    *,
    bisect: bool,
) -> Applied:
    """Apply a batch to the tables of a schema, in the current transaction.

    An unreadable event is a failure of its stream. If the projector fails, that is raised; with
    `bisect` the events that cause it are found, in savepoints. Later events of a stream with a
    failure wait, except the one that closes it.

    Raises:
        TooManyDeadLetters: If the events of too many people cannot be applied.
    """
    topics = frozenset(subscribed_topics([model])) if batch.unreadable else frozenset()
    failed: dict[UUID, FailedEvent] = {}
    for error in batch.unreadable:
        if error.topic in topics and not left_out.includes(error.stream, error.position):
            failed.setdefault(error.stream, FailedEvent(error.position, describe_error(error)))
    events = events_for(model, batch.events)
    if left_out.parked or left_out.skipped:
        events = [recorded for recorded in events if not left_out.leaves_out(recorded)]
    events = _before_failures(events, failed)
    if events:
        set_search_path(cursor, schema)
        if bisect:
            _Bisection(model, cursor, failed).apply(events)
        else:
            model.project(events, cursor)
    return Applied(len(events), list(failed.values()))


def _before_failures(
    events: Sequence[RecordedEvent], failed: dict[UUID, FailedEvent]
) -> list[RecordedEvent]:
    """Return the events that do not wait behind one of the same stream that failed."""
    if not failed:
        return list(events)
    return [
        recorded
        for recorded in events
        if (failure := failed.get(recorded.event.originator_id)) is None
        or not waits_behind(failure.position, recorded)
    ]


class _Bisection:
    """Applies events in halves of halves until those are left that the projector fails for."""

    def __init__(
        self, model: ReadModelDefinition, cursor: Cursor[Any], failed: dict[UUID, FailedEvent]
    ) -> None:
        self._model = model
        self._cursor = cursor
        self._failed = failed
        self._people: set[UUID] = set()

    def apply(self, events: Sequence[RecordedEvent]) -> None:
        """Apply events but those that fail, and those that wait behind them."""
        events = _before_failures(events, self._failed)
        if not events:
            return
        try:
            with self._cursor.connection.transaction():
                self._model.project(events, self._cursor)
        except Exception as error:
            if not can_be_about_an_event(error):
                raise
            if len(events) == 1:
                self._add(events[0], error)
                return
        else:
            return
        middle = len(events) // 2
        self.apply(events[:middle])
        self.apply(events[middle:])

    def _add(self, recorded: RecordedEvent, error: Exception) -> None:
        stream = recorded.event.originator_id
        self._failed[stream] = FailedEvent(recorded.position, describe_error(error))
        self._people.add(recorded.person_id)
        if len(self._people) > MAX_PARKED_PEOPLE:
            raise TooManyDeadLetters

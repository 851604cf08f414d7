"""Damages one event of a log and repairs it, and says what read models show meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from domain.recorded_event import RecordedEvent
from projections.registry import READ_MODELS, RegisteredReadModel
from tests.infrastructure.projection_engine.wait_for_projections import live_dump
from tests.projections.table_contents import TableDump, build_and_dump

NEWER_FORM = b'\x00{"class_version":99}'
"""The state of an event that a newer program recorded."""
OTHER_KEY = b"\x02" + bytes(40)
"""The state of an event that nothing decrypts."""
NONSENSE = b"\x00not JSON"

DAMAGES = {"newer form": NEWER_FORM, "other key": OTHER_KEY, "nonsense": NONSENSE}


@dataclass(frozen=True)
class DamagedLog:
    """A log in which one event is damaged."""

    connection: Connection[Any]
    events: Sequence[RecordedEvent]
    damaged: RecordedEvent
    original: bytes

    def repair(self) -> None:
        """Write the original state back."""
        write_state(self.connection, self.damaged.position, self.original)

    def readable(self, model: RegisteredReadModel) -> list[RecordedEvent]:
        """Return the events that a read model applies: not the damaged one and what waits."""
        if type(self.damaged.event) not in model.subscribes_to:
            return list(self.events)
        return [
            recorded
            for recorded in self.events
            if recorded.event.originator_id != self.damaged.event.originator_id
            or recorded.position < self.damaged.position
            or (recorded.event.CLOSES and recorded.position > self.damaged.position)
        ]

    def subscribers(self) -> list[str]:
        """Return the names of the read models that cannot apply the damaged event."""
        event_class = type(self.damaged.event)
        return sorted(model.name for model in READ_MODELS if event_class in model.subscribes_to)

    def assert_only_its_stream_waits(self) -> None:
        """Assert that every read model equals one of a log without what waits."""
        for model in READ_MODELS:
            self.assert_rows_of(model.name, self.readable(model))

    def assert_nothing_is_missing(self) -> None:
        """Assert that every read model equals one that is built from all events."""
        for model in READ_MODELS:
            self.assert_rows_of(model.name, self.events)

    def assert_rows_of(self, name: str, events: Sequence[RecordedEvent]) -> None:
        """Assert that a read model equals one that is built from these events."""
        model = next(model for model in READ_MODELS if model.name == name)
        assert live_dump(self.connection, name) == self._expected(model, events), name

    def _expected(self, model: RegisteredReadModel, events: Sequence[RecordedEvent]) -> TableDump:
        schema = f"expected_{model.name}"
        self.connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        return build_and_dump(self.connection, model, schema, [events])


def damage(
    connection: Connection[Any],
    events: Sequence[RecordedEvent],
    damaged: RecordedEvent,
    state: bytes,
) -> DamagedLog:
    """Overwrite the state of an event that is in the log."""
    rows = connection.execute(
        "SELECT state FROM easeboard.events WHERE position = %s", [damaged.position]
    ).fetchall()
    write_state(connection, damaged.position, state)
    return DamagedLog(connection, events, damaged, bytes(rows[0][0]))


def write_state(connection: Connection[Any], position: int, state: bytes) -> None:
    """Overwrite the state of an event, which the log does not permit to programs."""
    with connection.transaction():
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
        connection.execute(
            "UPDATE easeboard.events SET state = %s WHERE position = %s", [state, position]
        )
        connection.execute("ALTER TABLE easeboard.events ENABLE TRIGGER USER")

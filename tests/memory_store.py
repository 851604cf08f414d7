"""An event log in memory, for tests of what the commands decide."""

from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson
from eventsourcing.persistence import IntegrityError
from eventsourcing.popo import POPOApplicationRecorder

from application.event_metadata import Acting, now_acting
from domain.aggregate import Aggregate
from domain.errors import VersionConflict
from domain.event import Event
from infrastructure.event_store.mapper import Mapper, Stored
from infrastructure.event_store.pending_events import pending_events, person_of, saved
from infrastructure.event_store.rehydrate import fold

A = TypeVar("A", bound=Aggregate)


class InMemoryStore:
    """application.ports.Store over the library's recorder of plain objects."""

    def __init__(self) -> None:
        self.acted: list[Acting] = []
        self.remembered: list[Aggregate] = []
        self._mapper = Mapper(keys=None)
        self._recorder = POPOApplicationRecorder()
        self._rows: list[Stored] = []

    @property
    def events(self) -> list[Event]:
        """Everything ever saved, in the order of the log."""
        return self._mapper.events(self._rows)

    def bytes(self) -> bytes:
        """Everything ever saved, as one would search it for a secret."""
        return b"".join(map(orjson.dumps, self._mapper.payloads(self._rows)))

    async def load(self, kind: type[A], stream: UUID) -> A:
        rows = cast("list[Any]", self._recorder.select_events(stream))
        return fold(kind, stream, None, self._mapper.events(rows))

    async def save(self, *aggregates: Aggregate) -> None:
        events = pending_events(aggregates)
        if not events:
            return
        now, acting = datetime.now(UTC), now_acting()
        rows = [
            row._replace(recorded_at=now)
            for row in self._mapper.store(events, person_of(aggregates))
        ]
        try:
            self._recorder.insert_events(cast("list[Any]", rows))
        except IntegrityError as error:
            raise VersionConflict(self._taken(rows)) from error
        self._rows += rows
        acting.position = len(self._rows)
        self.acted.append(acting)
        saved(aggregates)

    async def has_moved(self, aggregate: Aggregate) -> bool:
        return len(self._recorder.select_events(aggregate.id)) > aggregate.version

    async def remember(self, aggregate: Aggregate) -> None:
        self.remembered.append(aggregate)

    def _taken(self, rows: list[Stored]) -> UUID:
        kept = {row[:2] for row in self._rows}
        return next(row.originator_id for row in rows if row[:2] in kept)

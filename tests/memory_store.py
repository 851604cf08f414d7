"""An event store in memory, for tests of commands."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

import orjson
from eventsourcing.persistence import IntegrityError
from eventsourcing.popo import POPOApplicationRecorder

from application.event_metadata import EventMetadata, current_metadata
from application.ports import LastEvent, SecretChange
from domain.aggregate import Aggregate
from domain.errors import VersionConflict
from domain.event import Event
from domain.log_position import LogPosition
from infrastructure.event_store.causes import new_event_ids, own_causes
from infrastructure.event_store.mapper import Mapper, StoredEvent
from infrastructure.event_store.pending_events import (
    clear_pending_events,
    pending_events,
    require_one_person,
)
from infrastructure.event_store.rehydrate import rehydrate
from infrastructure.event_store.turns import Turns

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R")

TIMELINE = 1


@dataclass(frozen=True)
class InMemoryChange(SecretChange):
    """A change of secrets in memory."""

    apply: Callable[[], object]


class Link(NamedTuple):
    """The place of a saved event in its chain."""

    event_id: UUID
    correlation_id: str
    causation_id: UUID | None


class InMemoryStore:
    """Implements `application.ports.Store` with the in-memory recorder of eventsourcing."""

    def __init__(self) -> None:
        self.metadata: list[EventMetadata] = []
        self.snapshots: list[Aggregate] = []
        self._mapper = Mapper(keys=None)
        self._recorder = POPOApplicationRecorder()
        self._rows: list[StoredEvent] = []
        self.links: list[Link] = []
        self._turns = Turns()

    @property
    def events(self) -> list[Event]:
        """All saved events, in the order of the log."""
        return self._mapper.to_events(self._rows)

    def bytes(self) -> bytes:
        """The payloads of all saved events as JSON, to search them for a secret."""
        return b"".join(map(orjson.dumps, self._mapper.to_payloads(self._rows)))

    async def end_of(self, stream: UUID) -> LastEvent:
        rows = [row for row in self._rows if row.originator_id == stream]
        if not rows:
            return LastEvent(0, None, None)
        last, link = rows[-1], self._last_link(stream)
        correlation = link.correlation_id if link else None
        return LastEvent(last.originator_version, last.topic, last.person_id, correlation)

    async def load(self, kind: type[A], stream: UUID, *, version: int | None = None) -> A:
        rows = cast("list[Any]", self._recorder.select_events(stream, lte=version))
        return rehydrate(kind, stream, None, self._mapper.to_events(rows))

    async def in_turn(self, stream: UUID, decide: Callable[[], Awaitable[R]]) -> R:
        while True:
            try:
                async with self._turns.wait_for(stream):
                    return await decide()
            except VersionConflict:
                continue

    async def record(self, kind: type[A], stream: UUID, decide: Callable[[A], None]) -> None:
        aggregate = await self.load(kind, stream)
        decide(aggregate)
        await self.save(aggregate)

    async def save(self, *aggregates: Aggregate, secrets: Sequence[SecretChange] = ()) -> None:
        events = pending_events(aggregates)
        if not events:
            self._change(secrets)
            return
        now, metadata = datetime.now(UTC), current_metadata()
        rows = [
            row._replace(recorded_at=now)
            for row in self._mapper.to_stored_events(events, require_one_person(aggregates))
        ]
        try:
            self._recorder.insert_events(cast("list[Any]", rows))
        except IntegrityError as error:
            raise VersionConflict(self._conflicting_stream(rows)) from error
        self.links += self._new_links(events, metadata)
        self._rows += rows
        self._change(secrets)
        metadata.appended = LogPosition(TIMELINE, len(self._rows))
        metadata.versions.update({each.id: each.version for each in aggregates})
        self.metadata.append(metadata)
        clear_pending_events(aggregates)

    async def has_newer_events(self, aggregate: Aggregate) -> bool:
        return len(self._recorder.select_events(aggregate.id)) > aggregate.version

    async def save_snapshot(self, aggregate: Aggregate) -> None:
        self.snapshots.append(aggregate)

    def _new_links(self, events: list[Event], metadata: EventMetadata) -> list[Link]:
        """Return the links that easeboard.append gives to events."""
        cause, correlation = metadata.causation_id, None
        if events[0].CONTINUES and (before := self._last_link(events[0].originator_id)):
            cause, correlation = cause or before.event_id, before.correlation_id
        correlation = correlation or metadata.correlation()
        metadata.event_ids = new_event_ids(len(events))
        causes = own_causes(events, metadata.event_ids) or [None] * len(events)
        return [
            Link(UUID(bytes=id_), correlation, UUID(bytes=own) if own else cause)
            for id_, own in zip(metadata.event_ids, causes, strict=True)
        ]

    def _last_link(self, stream: UUID) -> Link | None:
        links = zip(self._rows, self.links, strict=True)
        return next((link for row, link in reversed([*links]) if row.originator_id == stream), None)

    @staticmethod
    def _change(secrets: Sequence[SecretChange]) -> None:
        for secret in secrets:
            cast("InMemoryChange", secret).apply()

    def _conflicting_stream(self, rows: list[StoredEvent]) -> UUID:
        saved_keys = {row[:2] for row in self._rows}
        return next(row.originator_id for row in rows if row[:2] in saved_keys)

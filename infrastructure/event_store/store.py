"""Loads aggregates from the event log and saves them; implements application.ports.Store."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from application.event_metadata import EventMetadata, current_metadata
from domain.aggregate import Aggregate
from domain.errors import PersonIsErased
from domain.event import Event
from infrastructure.event_store.mapper import Mapper, PersonKeyring
from infrastructure.event_store.pending_events import (
    clear_pending_events,
    pending_events,
    require_one_person,
)
from infrastructure.event_store.recorder import AppendMetadata, Recorder
from infrastructure.event_store.rehydrate import rehydrate
from infrastructure.event_store.snapshots import Snapshots
from infrastructure.observability.instruments import APPEND_SECONDS, APPENDED_EVENTS
from infrastructure.observability.spans import span
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.threads import DatabaseThreads

A = TypeVar("A", bound=Aggregate)

HAS_LATER_EVENTS = "SELECT EXISTS (SELECT FROM easeboard.events WHERE stream = %s AND version > %s)"

OnSaved = Callable[[Sequence[Aggregate], Sequence[Event]], None]

SNAPSHOT_INTERVAL_EVENTS = 100
"""Events after which a new snapshot of a stream is saved."""


def _do_nothing(*_: object) -> None:
    return


class EventStore:
    """Loads and saves aggregates.

    `on_append`, and `on_saved` with the saved aggregates and events, are called after each
    append, in the thread of the append. They must neither block nor raise.

    Every method that reads or writes may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(
        self,
        pool: WritePool,
        keys: PersonKeyring,
        *,
        on_append: Callable[[], None] = _do_nothing,
        on_saved: OnSaved = _do_nothing,
        snapshot_interval_events: int = SNAPSHOT_INTERVAL_EVENTS,
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._mapper = Mapper(keys)
        self._recorder = Recorder(pool)
        self._on_append = on_append
        self._on_saved = on_saved
        self._snapshot_interval_events = snapshot_interval_events
        self._threads = DatabaseThreads(pool.max_size)
        self._snapshots: dict[type[Aggregate], Snapshots] = {}

    async def load(self, kind: type[A], stream: UUID) -> A:
        """Rebuild an aggregate from its stream; a stream without events gives a new aggregate.

        Raises: EventUnreadable if an event cannot be decrypted or decoded.
        """
        return await self._threads.run(self.load_blocking, kind, stream)

    async def save(self, *aggregates: Aggregate) -> None:
        """Append all pending events in one transaction.

        The position of the last event is set in the current event metadata.

        Raises: VersionConflict if another append to one of the streams was first;
        PersonIsErased; MixedPersons. Nothing is appended then.
        """
        if pending_events(aggregates):
            await self._threads.run(self._save, aggregates, current_metadata())

    async def has_newer_events(self, aggregate: Aggregate) -> bool:
        """Return whether the stream has events that this aggregate has not applied."""
        rows = await self._threads.run(
            execute, self._pool, HAS_LATER_EVENTS, [aggregate.id, aggregate.version]
        )
        return bool(rows[0][0])

    async def save_snapshot(self, aggregate: Aggregate) -> None:
        """Save a snapshot if the stream has enough new events since the last one."""
        if self._snapshots_of(type(aggregate)).is_due(aggregate):
            await self._threads.run(self.save_snapshot_blocking, aggregate)

    def load_blocking(
        self, aggregate_class: type[A], stream: UUID, *, version: int | None = None
    ) -> A:
        """Rebuild an aggregate, up to `version` if given; blocks this thread."""
        snapshot, rows = self._snapshots_of(aggregate_class).load(stream, version)
        return rehydrate(aggregate_class, stream, snapshot, self._mapper.to_events(rows))

    def save_blocking(self, *aggregates: Aggregate) -> None:
        """Append all pending events in one transaction; blocks this thread."""
        self._save(aggregates, current_metadata())

    def save_snapshot_blocking(self, aggregate: Aggregate) -> None:
        """Save a snapshot if it is due and the person is not erased; blocks this thread.

        The aggregate is loaded again: after a save it has the times of this process, and a
        snapshot must have those of the database.
        """
        snapshots = self._snapshots_of(type(aggregate))
        try:
            if snapshots.is_due(aggregate):
                snapshots.take(self.load_blocking(type(aggregate), aggregate.id))
        except PersonIsErased:
            return

    def close(self) -> None:
        """Stop the threads; the caller closes the pool."""
        self._threads.close()

    def _save(self, aggregates: tuple[Aggregate, ...], metadata: EventMetadata) -> None:
        events = pending_events(aggregates)
        if not events:
            return
        append_metadata = AppendMetadata(
            person_id=require_one_person(aggregates),
            encrypted=any(event.ENCRYPTED for event in events),
            actor=metadata.actor,
            correlation_id=metadata.correlation_id,
            causation_id=metadata.causation_id,
        )
        with APPEND_SECONDS.time(), span("append", {"easeboard.events": len(events)}):
            stored = self._mapper.to_stored_events(events, append_metadata.person_id)
            metadata.position = self._recorder.append(stored, append_metadata)
        APPENDED_EVENTS.inc(len(events))
        clear_pending_events(aggregates)
        self._on_append()
        self._on_saved(aggregates, events)

    def _snapshots_of(self, aggregate_class: type[Aggregate]) -> Snapshots:
        if aggregate_class not in self._snapshots:
            self._snapshots[aggregate_class] = Snapshots(
                aggregate_class, self._pool, self._keys, self._snapshot_interval_events
            )
        return self._snapshots[aggregate_class]

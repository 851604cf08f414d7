"""Aggregates loaded from and saved to the event log: application.ports.Store on PostgreSQL."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from application.event_metadata import Acting, now_acting
from domain.aggregate import Aggregate
from domain.errors import PersonIsErased
from domain.event import Event
from infrastructure.event_store.mapper import Keys, Mapper
from infrastructure.event_store.pending_events import pending_events, person_of, saved
from infrastructure.event_store.recorder import Circumstances, Recorder
from infrastructure.event_store.rehydrate import fold
from infrastructure.event_store.snapshots import Snapshots
from infrastructure.observability.instruments import APPEND_SECONDS, APPENDED_EVENTS
from infrastructure.observability.spans import span
from infrastructure.postgres.execute import Pool, ask
from infrastructure.postgres.threads import Threads

A = TypeVar("A", bound=Aggregate)

MOVED = "SELECT EXISTS (SELECT FROM easeboard.events WHERE stream = %s AND version > %s)"

OnSaved = Callable[[Sequence[Aggregate], Sequence[Event]], None]

SNAPSHOT_EVERY = 100
"""Events a stream must have moved on for a new snapshot."""


def _nothing(*_: object) -> None:
    return


class EventStore:
    """The event log, as aggregates see it.

    `on_append`, and `on_saved` with what was saved, are called after each append, in whatever
    thread it ran; they must neither block nor raise.
    """

    def __init__(
        self,
        pool: Pool,
        keys: Keys,
        *,
        on_append: Callable[[], None] = _nothing,
        on_saved: OnSaved = _nothing,
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._mapper = Mapper(keys)
        self._recorder = Recorder(pool)
        self._on_append = on_append
        self._on_saved = on_saved
        self._snapshot_every = snapshot_every
        self._threads = Threads(pool.max_size)
        self._snapshots: dict[type[Aggregate], Snapshots] = {}

    async def load(self, kind: type[A], stream: UUID) -> A:
        """Fold a stream; an unborn aggregate where there is none."""
        return await self._threads.run(self.load_now, kind, stream)

    async def save(self, *aggregates: Aggregate) -> None:
        """Append all pending events in one transaction, or raise VersionConflict and none."""
        if pending_events(aggregates):
            await self._threads.run(self._save, aggregates, now_acting())

    async def has_moved(self, aggregate: Aggregate) -> bool:
        """Whether somebody else appended to the stream after what this aggregate knows."""
        rows = await self._threads.run(ask, self._pool, MOVED, [aggregate.id, aggregate.version])
        return bool(rows[0][0])

    async def remember(self, aggregate: Aggregate) -> None:
        """Keep a snapshot, if the stream has moved on enough since the last one."""
        if self._snapshots_of(type(aggregate)).is_due(aggregate):
            await self._threads.run(self.remember_now, aggregate)

    def load_now(self, kind: type[A], stream: UUID, *, version: int | None = None) -> A:
        """Fold a stream, perhaps only up to a version, in this thread."""
        snapshot, rows = self._snapshots_of(kind).load(stream, version)
        return fold(kind, stream, snapshot, self._mapper.events(rows))

    def save_now(self, *aggregates: Aggregate) -> None:
        """Append all pending events in one transaction, in this thread."""
        self._save(aggregates, now_acting())

    def remember_now(self, aggregate: Aggregate) -> None:
        """Keep a snapshot, in this thread; nothing of an erased person.

        It is folded from the log anew: what was just saved carries the clock of this process.
        """
        snapshots = self._snapshots_of(type(aggregate))
        try:
            if snapshots.is_due(aggregate):
                snapshots.take(self.load_now(type(aggregate), aggregate.id))
        except PersonIsErased:
            return

    def close(self) -> None:
        """Let the threads go; the pool is the caller's."""
        self._threads.close()

    def _save(self, aggregates: tuple[Aggregate, ...], acting: Acting) -> None:
        events = pending_events(aggregates)
        if not events:
            return
        by = Circumstances(
            person_id=person_of(aggregates),
            sealed=any(event.SEALED for event in events),
            actor=acting.actor,
            correlation_id=acting.correlation_id,
            causation_id=acting.causation_id,
        )
        with APPEND_SECONDS.time(), span("append", {"easeboard.events": len(events)}):
            stored = self._mapper.store(events, by.person_id)
            acting.position = self._recorder.append(stored, by)
        APPENDED_EVENTS.inc(len(events))
        saved(aggregates)
        self._on_append()
        self._on_saved(aggregates, events)

    def _snapshots_of(self, kind: type[Aggregate]) -> Snapshots:
        if kind not in self._snapshots:
            self._snapshots[kind] = Snapshots(kind, self._pool, self._keys, self._snapshot_every)
        return self._snapshots[kind]

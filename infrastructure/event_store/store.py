"""Loads aggregates from the event log and saves them; implements application.ports.Store."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TypeVar, cast
from uuid import UUID

from application.event_metadata import current_metadata
from application.ports import LastEvent, SecretChange
from domain.aggregate import Aggregate
from domain.errors import ConnectionBusy, PersonIsErased, VersionConflict
from domain.event import Event
from infrastructure.event_store.appender import Appender
from infrastructure.event_store.background_job import BackgroundJob
from infrastructure.event_store.batched_appends import BatchedAppends, Caller
from infrastructure.event_store.batched_loads import BatchedLoads, Load
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.facts import (
    at_end_of_stream,
    decide_for_callers,
    move_behind_facts,
)
from infrastructure.event_store.group_commit import GroupCommit, Save
from infrastructure.event_store.mapper import Mapper, PersonKeyring
from infrastructure.event_store.newer_events import find_newer
from infrastructure.event_store.past_filler import PastFiller
from infrastructure.event_store.pending_events import (
    clear_pending_events,
    pending_events,
    require_one_person,
    set_timeline,
)
from infrastructure.event_store.rehydrate import rehydrate
from infrastructure.event_store.snapshot_writer import InHand, SnapshotWriter
from infrastructure.event_store.snapshots import Snapshots
from infrastructure.event_store.turns import Turns
from infrastructure.postgres.batched_calls import BatchedCalls
from infrastructure.postgres.errors import DATABASE_ERRORS
from infrastructure.postgres.execute import SecretStatement, execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.retry import CONFLICT_RETRY_SECONDS, retry_conflicts
from infrastructure.postgres.threads import DatabaseThreads

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R")

SELECT_END = """
SELECT version, topic, person_id, correlation_id
  FROM easeboard.events
 WHERE stream = %s
 ORDER BY version DESC
 LIMIT 1
"""

OnSaved = Callable[[Sequence[Aggregate], Sequence[Event]], None]

SNAPSHOT_INTERVAL_EVENTS = 100
"""Events, or other records to apply, after which a new snapshot of a stream is saved."""


def _do_nothing(*_: object) -> None:
    return


class EventStore:
    """Loads and saves aggregates.

    `on_append`, `on_saved` with the saved aggregates and events, and `on_stored` with the person,
    the number of events and their bytes, are called after each append, in the thread of the append.
    They must neither block nor raise.

    Every method that reads or writes may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(
        self,
        pool: WritePool,
        keys: PersonKeyring,
        *,
        on_append: Callable[[], None] = _do_nothing,
        on_saved: OnSaved = _do_nothing,
        on_stored: Callable[[UUID, int, int], None] = _do_nothing,
        snapshot_interval_events: int = SNAPSHOT_INTERVAL_EVENTS,
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._mapper = Mapper(keys)
        self._appender = Appender(pool, keys, self._mapper, on_stored)
        self._on_append = on_append
        self._on_saved = on_saved
        self._snapshot_interval_events = snapshot_interval_events
        self._threads = DatabaseThreads(pool.max_size)
        self._turns = Turns()
        self._batches = BatchedAppends(self._append_batch)
        self._snapshots: dict[type[Aggregate], Snapshots] = {}
        self._commits = GroupCommit(
            self._appender, keys, self._threads, self._save_alone, self._finish
        )
        self._loads = BatchedLoads(
            pool,
            keys,
            mapper=self._mapper,
            snapshots_of=self._snapshots_of,
            known_timeline=self._appender.timeline,
            load_alone=self.load_blocking,
        )
        self._load_calls = BatchedCalls(self._threads.running(self._loads.load))
        self._newer_calls = BatchedCalls(self._threads.running(partial(find_newer, pool)))
        self._writer = SnapshotWriter(pool, self._snapshots_of, self._load_version)
        self._snapshot_calls = BatchedCalls(self._threads.running(self._writer.save))
        self.background = BackgroundJob()
        self._past = PastFiller(pool, self._snapshots_of, self._load_version, self.background)

    async def load(self, kind: type[A], stream: UUID, *, version: int | None = None) -> A:
        """Rebuild an aggregate from its stream, up to `version` if given.

        A stream without events gives a new aggregate.

        Raises: EventUnreadable if an event cannot be decrypted or decoded.
        """
        if version is None:
            loaded = await self._load_calls.ask(Load(kind, stream))
            if loaded is not None:
                return cast("A", loaded)
        return await self._threads.run(self.load_blocking, kind, stream, version=version)

    async def end_of(self, stream: UUID) -> LastEvent:
        """Return the end of a stream, also if its events are unreadable."""
        rows = await self._threads.run(execute, self._pool, SELECT_END, [stream])
        return LastEvent(*rows[0]) if rows else LastEvent(0, None, None)

    async def in_turn(self, stream: UUID, decide: Callable[[], Awaitable[R]]) -> R:
        """Call `decide` when it is its turn on the stream, and again after a VersionConflict.

        Raises: what `decide` raises; ConnectionBusy if the turn does not come in time.
        """
        async with self._turns.wait_for(stream):
            try:
                return await retry_conflicts(decide)
            except VersionConflict as conflict:
                raise ConnectionBusy(stream) from conflict

    async def save(self, *aggregates: Aggregate, secrets: Sequence[SecretChange] = ()) -> None:
        """Append all pending events, and make the changes of secrets, in one transaction.

        The place of the last event is set in the current event metadata.

        Raises: VersionConflict if another append to one of the streams was first;
        PersonIsErased; MixedPersons. Nothing is appended or changed then.
        """
        changes = [cast("SecretStatement", secret) for secret in secrets]
        save = Save(aggregates, current_metadata())
        if changes:
            await self._threads.run(self._save, save, changes)
        elif save.events:
            await self._commits.save(save)

    async def record(self, kind: type[A], stream: UUID, decide: Callable[[A], None]) -> None:
        """Append events that decide nothing at the end of a stream, with those of other callers.

        Raises: what `decide` raises; ConnectionBusy if other appends always come first.
        """
        await self._batches.append(kind, stream, decide)

    async def has_newer_events(self, aggregate: Aggregate) -> bool:
        """Return whether the stream has events that this aggregate has not applied.

        Raises: PersonIsErased if the data of its person was erased.
        """
        known = aggregate.id, aggregate.version, aggregate.person_id
        newer = await self._newer_calls.ask(known)
        if newer.is_erased:
            raise PersonIsErased(aggregate.person_id)
        return newer.has_events

    async def save_snapshot(self, aggregate: Aggregate) -> None:
        """Save a snapshot of an aggregate in hand if it is due, with those of other callers.

        It is due if all events are saved and the next load would have much to apply without it.
        """
        if self._snapshots_of(type(aggregate)).is_due(aggregate):
            await self._snapshot_calls.ask(InHand.of(aggregate))

    def load_blocking(
        self, aggregate_class: type[A], stream: UUID, *, version: int | None = None
    ) -> A:
        """Rebuild an aggregate, up to `version` if given; blocks this thread."""
        timeline = self._appender.timeline()
        snapshot, rows = self._snapshots_of(aggregate_class).load(stream, version)
        aggregate = rehydrate(aggregate_class, stream, snapshot, self._mapper.to_events(rows))
        set_timeline([aggregate], timeline)
        if version is not None:
            self._past.note_load(aggregate_class, stream, len(rows))
        return aggregate

    def save_blocking(self, *aggregates: Aggregate) -> None:
        """Append all pending events in one transaction; blocks this thread."""
        self._save(Save(aggregates, current_metadata()), ())

    def save_snapshot_blocking(self, aggregate: Aggregate) -> None:
        """Save a snapshot if it is due and the person is not erased; blocks this thread."""
        if self._snapshots_of(type(aggregate)).is_due(aggregate):
            (error,) = self._writer.save([InHand.of(aggregate)])
            if error:
                raise error

    def close(self) -> None:
        """Stop the threads; the caller closes the pool."""
        self.background.close()
        self._threads.close()

    def _load_version(self, kind: type[A], stream: UUID, version: int | None) -> A:
        return self.load_blocking(kind, stream, version=version)

    def _save_alone(self, save: Save) -> None:
        self._save(save, ())

    def _save(self, save: Save, changes: Sequence[SecretStatement]) -> None:
        aggregates, events = save.aggregates, save.events
        if not events:
            self._change_secrets(changes)
            return
        group = events, require_one_person(aggregates), save.metadata
        deadline = monotonic() + CONFLICT_RETRY_SECONDS
        while True:
            try:
                save.metadata.appended = self._appender.append(
                    aggregates, [group], changes, save.prepared
                )
                break
            except VersionConflict:
                save.prepared = None
                if monotonic() > deadline or not move_behind_facts(aggregates, self._pool):
                    raise
                self._require_readable(aggregates)
        self._finish([save])

    def _finish(self, saves: Sequence[Save]) -> None:
        """Note what is appended."""
        self._on_append()
        for save in saves:
            aggregates, events = save.aggregates, save.events
            save.metadata.versions.update({each.id: each.version for each in aggregates})
            clear_pending_events(aggregates)
            self._on_saved(aggregates, events)

    def _require_readable(self, aggregates: Sequence[Aggregate]) -> None:
        """Raise EventUnreadable if the events behind which others are moved are in a newer form."""
        for aggregate in aggregates:
            self.load_blocking(type(aggregate), aggregate.id)

    def _change_secrets(self, changes: Sequence[SecretStatement]) -> None:
        for change in changes:
            execute(self._pool, change.statement, change.values)

    async def _append_batch(
        self, kind: type[Aggregate], stream: UUID, callers: Sequence[Caller]
    ) -> list[Exception | None]:
        """Append the events of callers of one stream; returns the error of each, if it has one."""

        async def append() -> tuple[Aggregate, list[Exception | None]]:
            return await self._threads.run(self._append_facts, kind, stream, callers)

        try:
            aggregate, errors = await retry_conflicts(append)
        except VersionConflict as conflict:
            raise ConnectionBusy(stream) from conflict
        if not kind.APPEND_ONLY:
            # The events are appended, so no caller gets an error of the snapshot.
            with suppress(*DATABASE_ERRORS, EventUnreadable):
                await self.save_snapshot(aggregate)
        return errors

    def _append_facts(
        self, kind: type[Aggregate], stream: UUID, callers: Sequence[Caller]
    ) -> tuple[Aggregate, list[Exception | None]]:
        aggregate = (
            at_end_of_stream(kind, stream, self._pool)
            if kind.APPEND_ONLY
            else self.load_blocking(kind, stream)
        )
        errors, groups = decide_for_callers(aggregate, callers)
        if groups:
            place = self._appender.append([aggregate], groups)
            for _, _, metadata in groups:
                metadata.appended = place
            self._on_append()
            self._on_saved([aggregate], pending_events([aggregate]))
            clear_pending_events([aggregate])
        return aggregate, errors

    def _snapshots_of(self, aggregate_class: type[Aggregate]) -> Snapshots:
        if aggregate_class not in self._snapshots:
            self._snapshots[aggregate_class] = Snapshots(
                aggregate_class, self._pool, self._keys, self._snapshot_interval_events
            )
        return self._snapshots[aggregate_class]

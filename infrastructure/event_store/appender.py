"""Encrypts events and appends them, by what this process knows of the log."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import NamedTuple
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.event_metadata import EventMetadata
from domain.aggregate import Aggregate
from domain.errors import VersionConflict
from domain.event import Event
from domain.log_position import LogPosition
from infrastructure.event_store.causes import new_event_ids, own_causes
from infrastructure.event_store.facts import EventGroup
from infrastructure.event_store.mapper import Mapper, PersonKeyring
from infrastructure.event_store.pending_events import common_timeline, set_timeline
from infrastructure.event_store.recorder import (
    Append,
    AppendMetadata,
    KeyExists,
    MasterKeyClosed,
    MemoryOutdated,
    Recorder,
)
from infrastructure.observability.instruments import APPEND_SECONDS, APPENDED_EVENTS
from infrastructure.observability.spans import span
from infrastructure.postgres.execute import SecretStatement
from infrastructure.postgres.pools import WritePool


def _count_nothing(person_id: UUID, events: int, stored_bytes: int) -> None:
    """Ignore what was stored for a person."""


class PreparedAppend(NamedTuple):
    """The pending events of aggregates as rows, and the timeline on which they were decided."""

    aggregates: Sequence[Aggregate]
    append: Append
    timeline: int


class Appender:
    """Appends groups of events; forgets keys and timeline when the log is another one.

    `on_stored` is called after each append with the person, the number of events and their bytes.
    """

    def __init__(
        self,
        pool: WritePool,
        keys: PersonKeyring,
        mapper: Mapper,
        on_stored: Callable[[UUID, int, int], None] = _count_nothing,
    ) -> None:
        self._on_stored = on_stored
        self._recorder = Recorder(pool)
        self._keys = keys
        self._mapper = mapper

    def timeline(self) -> int:
        """Return the timeline that this process knows, to be noted before a stream is read."""
        return self._recorder.timeline()

    def prepare(
        self, aggregates: Sequence[Aggregate], group: EventGroup, cipher: AESGCM | None
    ) -> PreparedAppend:
        """Encrypt events, to append them with others or alone."""
        return PreparedAppend(
            aggregates,
            self._to_append(group, cipher),
            common_timeline(aggregates, self._recorder.timeline()),
        )

    def append_group(self, prepared: Sequence[PreparedAppend]) -> list[LogPosition]:
        """Append what is about several people in one transaction; returns the place of each.

        Raises: what Recorder.append_group raises.
        """
        started_at = perf_counter()
        places = self._recorder.append_group([(each.append, each.timeline) for each in prepared])
        seconds = perf_counter() - started_at
        for (aggregates, append, _), place in zip(prepared, places, strict=True):
            APPEND_SECONDS.observe(seconds)
            self._count([append])
            set_timeline(aggregates, place.timeline)
        return places

    def append(
        self,
        aggregates: Sequence[Aggregate],
        groups: Sequence[EventGroup],
        changes: Sequence[SecretStatement] = (),
        prepared: PreparedAppend | None = None,
    ) -> LogPosition:
        """Append the events of aggregates, each group with its metadata, in one transaction.

        All groups are about one person. `prepared` is the same, if it is encrypted already: the
        same rows must be appended again if they may be in the log.

        Raises: what Recorder.append raises, but VersionConflict instead of MemoryOutdated and of
        MasterKeyClosed.
        """
        timeline = (
            prepared.timeline
            if prepared
            else common_timeline(aggregates, self._recorder.timeline())
        )
        count = sum(len(events) for events, _, _ in groups)
        with APPEND_SECONDS.time(), span("append", {"easeboard.events": count}):
            try:
                place = (
                    self._append_rows([prepared.append], changes, timeline)
                    if prepared
                    else self._encrypt_and_append(groups, changes, timeline)
                )
            except MemoryOutdated as outdated:
                # The keys are forgotten first: nothing is appended before the timeline is known.
                self._keys.forget()
                self._recorder.forget()
                raise VersionConflict(groups[0][0][0].originator_id) from outdated
            except MasterKeyClosed as closed:
                self._keys.update_master_key()
                raise VersionConflict(groups[0][0][0].originator_id) from closed
        set_timeline(aggregates, place.timeline)
        return place

    def _encrypt_and_append(
        self, groups: Sequence[EventGroup], changes: Sequence[SecretStatement], timeline: int
    ) -> LogPosition:
        while True:
            cipher, creation = self._new_key(groups) or (None, None)
            appends = [self._to_append(group, cipher) for group in groups]
            all_changes = [creation, *changes] if creation else changes
            with suppress(KeyExists):
                return self._append_rows(appends, all_changes, timeline)

    def _append_rows(
        self, appends: Sequence[Append], changes: Sequence[SecretStatement], timeline: int
    ) -> LogPosition:
        place = self._recorder.append(appends, changes, timeline)
        self._count(appends)
        return place

    def _count(self, appends: Sequence[Append]) -> None:
        states = [row.state for append in appends for row in append.rows]
        APPENDED_EVENTS.inc(len(states))
        self._on_stored(appends[0].metadata.person_id, len(states), sum(map(len, states)))

    def _to_append(self, group: EventGroup, cipher: AESGCM | None) -> Append:
        events, person_id, metadata = group
        event_ids = new_event_ids(len(events))
        metadata.event_ids = event_ids
        return Append(
            self._mapper.to_stored_events(events, person_id, cipher),
            _append_metadata(events, person_id, metadata),
            event_ids,
            own_causes(events, event_ids),
        )

    def _new_key(self, groups: Sequence[EventGroup]) -> tuple[AESGCM, SecretStatement] | None:
        """Return a key if the person needs their first one; it is stored with the events."""
        needs_key = any(event.ENCRYPTED for events, _, _ in groups for event in events)
        return self._keys.new_key(groups[0][1]) if needs_key else None


def _append_metadata(
    events: Sequence[Event], person_id: UUID, metadata: EventMetadata
) -> AppendMetadata:
    return AppendMetadata(
        person_id=person_id,
        encrypted=any(event.ENCRYPTED for event in events),
        actor=metadata.actor,
        correlation_id=None if events[0].CONTINUES else metadata.correlation(),
        causation_id=metadata.causation_id,
        command_id=metadata.command_id or uuid4(),
    )

"""Encrypts events and appends them, by what this process knows of the log."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.event_metadata import EventMetadata
from domain.aggregate import Aggregate
from domain.errors import VersionConflict
from domain.event import Event
from domain.log_position import LogPosition
from infrastructure.event_store.facts import EventGroup
from infrastructure.event_store.mapper import Mapper, PersonKeyring
from infrastructure.event_store.pending_events import common_timeline, set_timeline
from infrastructure.event_store.recorder import (
    Append,
    AppendMetadata,
    KeyExists,
    MemoryOutdated,
    Recorder,
)
from infrastructure.observability.instruments import APPEND_SECONDS, APPENDED_EVENTS
from infrastructure.observability.spans import span
from infrastructure.postgres.execute import SecretStatement
from infrastructure.postgres.pools import WritePool


class Appender:
    """Appends groups of events; forgets keys and timeline when the log is another one."""

    def __init__(self, pool: WritePool, keys: PersonKeyring, mapper: Mapper) -> None:
        self._recorder = Recorder(pool)
        self._keys = keys
        self._mapper = mapper

    def timeline(self) -> int:
        """Return the timeline that this process knows, to be noted before a stream is read."""
        return self._recorder.timeline()

    def append(
        self,
        aggregates: Sequence[Aggregate],
        groups: Sequence[EventGroup],
        changes: Sequence[SecretStatement] = (),
    ) -> LogPosition:
        """Append the events of aggregates, each group with its metadata, in one transaction.

        All groups are about one person.

        Raises: what Recorder.append raises, but VersionConflict instead of MemoryOutdated.
        """
        timeline = common_timeline(aggregates, self._recorder.timeline())
        count = sum(len(events) for events, _, _ in groups)
        with APPEND_SECONDS.time(), span("append", {"easeboard.events": count}):
            try:
                place = self._encrypt_and_append(groups, changes, timeline)
            except MemoryOutdated as outdated:
                # The keys are forgotten first: nothing is appended before the timeline is known.
                self._keys.forget()
                self._recorder.forget()
                raise VersionConflict(groups[0][0][0].originator_id) from outdated
        APPENDED_EVENTS.inc(count)
        set_timeline(aggregates, place.timeline)
        return place

    def _encrypt_and_append(
        self, groups: Sequence[EventGroup], changes: Sequence[SecretStatement], timeline: int
    ) -> LogPosition:
        while True:
            cipher, creation = self._new_key(groups) or (None, None)
            appends = [
                Append(
                    self._mapper.to_stored_events(events, person_id, cipher),
                    _append_metadata(events, person_id, metadata),
                )
                for events, person_id, metadata in groups
            ]
            all_changes = [creation, *changes] if creation else changes
            with suppress(KeyExists):
                return self._recorder.append(appends, all_changes, timeline)

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
        correlation_id=metadata.correlation_id,
        causation_id=metadata.causation_id,
        command_id=metadata.command_id or uuid4(),
    )

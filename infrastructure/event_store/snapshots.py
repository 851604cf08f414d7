"""Saves and loads snapshots: one for each stream, encrypted like its events.

A snapshot that cannot be used is ignored; the events are read instead.
"""

import logging
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, get_origin, get_type_hints
from uuid import UUID

import orjson
from eventsourcing.domain import Snapshot

from domain.aggregate import NO_PERSON, Aggregate
from infrastructure.event_store.encryption import (
    NONCE_BYTES,
    DecryptionFailed,
    decrypt,
    encrypt,
    is_encrypted,
)
from infrastructure.event_store.errors import UnknownForm
from infrastructure.event_store.event_types import State, find_decoders
from infrastructure.event_store.mapper import PersonKeyring
from infrastructure.event_store.rehydrate import snapshot_state
from infrastructure.postgres.execute import Rows, execute
from infrastructure.postgres.pools import WritePool

logger = logging.getLogger(__name__)

MAX_CACHED_VERSIONS = 10_000
"""Streams for which the version of the snapshot is cached."""

UPSERT_SNAPSHOT = """
INSERT INTO easeboard.snapshots (stream, version, topic, person_id, state)
VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (stream) DO UPDATE
   SET version = excluded.version,
       topic = excluded.topic,
       recorded_at = excluded.recorded_at,
       person_id = excluded.person_id,
       state = excluded.state
"""
"""A lower version replaces a higher one, which can be of events that the log has lost."""

MAX_VERSION = 2**63 - 1
"""The highest version that a bigint can hold; used where all events are wanted."""

SELECT_STREAM = """
SELECT stream, version, topic, state, recorded_at, person_id, position
  FROM easeboard.events
 WHERE stream = %s
   AND version <= %s
 ORDER BY version
"""

SELECT_SNAPSHOT_AND_EVENTS = """
WITH newest AS (
    SELECT version, snapshots.person_id, snapshots.state, events.recorded_at
      FROM easeboard.snapshots
      JOIN easeboard.events USING (stream, version)
     WHERE stream = %s
       AND snapshots.topic = %s
       AND version <= %s
)
SELECT NULL AS stream, version, NULL AS topic, state, recorded_at, person_id, NULL AS position
  FROM newest
 UNION ALL
SELECT stream, version, topic, state, recorded_at, person_id, position
  FROM easeboard.events
 WHERE stream = %s
   AND version > coalesce((SELECT version FROM newest), 0)
   AND version <= %s
 ORDER BY version
"""
"""Selects the snapshot, if there is one, and the events after it, in one round trip.

A snapshot has the time of the event at its version. Without that event it is not selected.
"""

AttributeDecoder = tuple[str, Callable[[Any], Any]]

TIMESTAMP_DECODERS: tuple[AttributeDecoder, ...] = (
    ("_created_on", datetime.fromisoformat),
    ("_modified_on", datetime.fromisoformat),
)
"""Decoders of the attributes that every aggregate of eventsourcing has."""


class LoadedStream(NamedTuple):
    """A snapshot, if a usable one exists, and the rows of the events after it."""

    snapshot: Snapshot | None
    rows: Rows


class Snapshots:
    """Saves and loads the snapshots of one aggregate class."""

    def __init__(
        self,
        aggregate_class: type[Aggregate],
        pool: WritePool,
        keys: PersonKeyring,
        interval_events: int,
    ) -> None:
        self._topic = f"{aggregate_class.__name__}/{getattr(aggregate_class, 'class_version', 1)}"
        self._required_attributes = set(snapshot_state(aggregate_class.new(NO_PERSON)))
        self._known_attributes = self._required_attributes | {
            name
            for name, hint in get_type_hints(aggregate_class).items()
            if get_origin(hint) is not ClassVar
        }
        self._decoders: tuple[AttributeDecoder, ...] = (
            *find_decoders(aggregate_class),
            *TIMESTAMP_DECODERS,
        )
        self._pool = pool
        self._keys = keys
        self._interval_events = interval_events
        self._cached_versions: dict[UUID, int] = {}

    def is_due(self, aggregate: Aggregate) -> bool:
        """Return whether enough events were added since the last snapshot.

        It is never due while events are pending, or if the person is erased.
        """
        if aggregate.person_id == NO_PERSON or aggregate.pending_events:
            return False
        return (
            aggregate.version - self._cached_versions.get(aggregate.id, 0) >= self._interval_events
        )

    def take(self, aggregate: Aggregate) -> None:
        """Save a snapshot of an aggregate that was loaded from the log."""
        if aggregate.person_id != NO_PERSON:
            state = self._encrypt_state(aggregate)
            key = [aggregate.id, aggregate.version, self._topic]
            execute(self._pool, UPSERT_SNAPSHOT, [*key, aggregate.person_id, state])
            self._cache_version(aggregate.id, aggregate.version)

    def load(self, stream: UUID, up_to: int | None) -> LoadedStream:
        """Load the snapshot and the events after it, up to a version if given.

        Load all events and no snapshot if the person is erased, if the snapshot cannot be decrypted
        or has another form than its class, or if it is of events that the log has lost.
        """
        max_version = MAX_VERSION if up_to is None else up_to
        rows = execute(
            self._pool,
            SELECT_SNAPSHOT_AND_EVENTS,
            [stream, self._topic, max_version, stream, max_version],
        )
        has_snapshot = bool(rows) and rows[0][0] is None
        snapshot = self._decode(stream, rows[0]) if has_snapshot else None
        if up_to is None:
            self._cache_version(stream, snapshot.originator_version if snapshot else 0)
        if snapshot:
            return LoadedStream(snapshot, rows[1:])
        if has_snapshot:
            rows = execute(self._pool, SELECT_STREAM, [stream, max_version])
        return LoadedStream(None, rows)

    def _decode(self, stream: UUID, row: tuple[Any, ...]) -> Snapshot | None:
        _, version, _, stored, recorded_at, person_id, _ = row
        try:
            state = self._decrypt_state(stream, version, person_id, stored)
            if state and state["_modified_on"] != recorded_at:
                raise UnknownForm("it is of events that the log has lost")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            logger.warning(
                "the snapshot of stream %s is ignored, its events are read: %s", stream, error
            )
            return None
        return Snapshot(stream, version, recorded_at, self._topic, state) if state else None

    def _cache_version(self, stream: UUID, version: int) -> None:
        """Cache the version of a snapshot; a lost entry only causes one snapshot more."""
        if len(self._cached_versions) >= MAX_CACHED_VERSIONS:
            self._cached_versions.clear()
        self._cached_versions[stream] = version

    def _encrypt_state(self, aggregate: Aggregate) -> bytes:
        associated_data = self._associated_data(aggregate.id, aggregate.version)
        cipher = self._keys.encryption_key(aggregate.person_id)
        return encrypt(
            orjson.dumps(snapshot_state(aggregate)),
            cipher,
            os.urandom(NONCE_BYTES),
            associated_data,
        )

    def _decrypt_state(
        self, stream: UUID, version: int, person_id: UUID, stored: bytes
    ) -> State | None:
        cipher = self._keys.decryption_keys({person_id})[person_id]
        if cipher is None:
            return None
        if not is_encrypted(stored):
            raise DecryptionFailed("it is not encrypted")
        state: State = orjson.loads(decrypt(stored, cipher, self._associated_data(stream, version)))
        if not isinstance(state, dict):
            raise UnknownForm("it is not a JSON object")
        if not self._required_attributes <= set(state) <= self._known_attributes:
            raise UnknownForm("the attributes of its class have changed")
        for name, decoder in self._decoders:
            if name in state:
                state[name] = decoder(state[name])
        return state

    def _associated_data(self, stream: UUID, version: int) -> bytes:
        return b"snapshot" + stream.bytes + version.to_bytes(8) + self._topic.encode()

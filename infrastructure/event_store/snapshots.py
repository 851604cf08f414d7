"""Saves and loads snapshots: the newest of each stream and some of its past, encrypted.

A snapshot that cannot be used is ignored; the events are read instead.
"""

import logging
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, get_origin, get_type_hints
from uuid import UUID

import orjson
from eventsourcing.domain import Snapshot

from domain.aggregate import NO_PERSON, Aggregate
from domain.errors import PersonIsErased
from infrastructure.event_store.encryption import (
    NONCE_BYTES,
    DecryptionFailed,
    decrypt,
    encrypt,
    is_encrypted,
)
from infrastructure.event_store.errors import UnknownForm
from infrastructure.event_store.event_types import State, find_decoders
from infrastructure.event_store.folds import cost_since_snapshot
from infrastructure.event_store.mapper import PersonKeyring
from infrastructure.event_store.past_snapshots import (
    PAST_INTERVAL_EVENTS,
    EncryptedState,
    keep_snapshot,
    missing_versions,
)
from infrastructure.event_store.rehydrate import snapshot_state
from infrastructure.postgres.execute import Rows, execute
from infrastructure.postgres.pools import WritePool

logger = logging.getLogger(__name__)

UPSERT_SNAPSHOTS = """
INSERT INTO easeboard.snapshots (stream, version, topic, person_id, state)
SELECT *
  FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::uuid[], %s::bytea[])
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

MAX_ROWS = 2000
"""Events that are read with one statement; with a limit it always reads a range of an index."""

SELECT_STREAM = """
SELECT stream, version, topic, state, recorded_at, person_id, position
  FROM easeboard.events
 WHERE stream = %(stream)s
   AND version > %(after)s
   AND version <= %(up_to)s
 ORDER BY version
 LIMIT %(limit)s
"""

SELECT_SNAPSHOT_AND_EVENTS = """
WITH newest AS (
    SELECT kept.version, kept.person_id, kept.state, own.recorded_at
      FROM ({snapshots}) AS kept
     CROSS JOIN LATERAL (
               SELECT recorded_at
                 FROM easeboard.events
                WHERE stream = %(stream)s
                  AND version = kept.version
                LIMIT 1
           ) AS own
     ORDER BY kept.version DESC
     LIMIT 1
)
SELECT NULL AS stream, version, NULL AS topic, state, recorded_at, person_id, NULL AS position
  FROM newest
 UNION ALL
(
    SELECT stream, version, topic, state, recorded_at, person_id, position
      FROM easeboard.events
     WHERE stream = %(stream)s
       AND version > coalesce((SELECT version FROM newest), 0)
       AND version <= %(up_to)s
     ORDER BY version
     LIMIT %(limit)s
)
 ORDER BY version
"""
"""Selects the snapshot, if there is one, and the events after it, in one round trip.

A snapshot has the time of the event at its version. Without that event it is not selected.
"""

NEWEST_SNAPSHOT = """
SELECT version, person_id, state
  FROM easeboard.snapshots
 WHERE stream = %(stream)s
   AND topic = %(topic)s
   AND version <= %(up_to)s
"""

NEWEST_PAST_SNAPSHOT = """
(
    SELECT version, person_id, state
      FROM easeboard.past_snapshots
     WHERE stream = %(stream)s
       AND topic = %(topic)s
       AND version <= %(up_to)s
       AND state IS NOT NULL
     ORDER BY version DESC
     LIMIT 1
)
"""

SELECT_PRESENT = SELECT_SNAPSHOT_AND_EVENTS.format(snapshots=NEWEST_SNAPSHOT)
SELECT_PAST = SELECT_SNAPSHOT_AND_EVENTS.format(
    snapshots=NEWEST_SNAPSHOT + " UNION ALL " + NEWEST_PAST_SNAPSHOT
)

AttributeDecoder = tuple[str, Callable[[Any], Any]]

TIMESTAMP_DECODERS: tuple[AttributeDecoder, ...] = (
    ("_created_on", datetime.fromisoformat),
    ("_modified_on", datetime.fromisoformat),
)
"""Decoders of the attributes that every aggregate of eventsourcing has."""


def save_states(pool: WritePool, states: Sequence[EncryptedState]) -> None:
    """Save snapshots of several streams with one statement, the last one of each stream."""
    by_stream = {state.stream: state for state in states}
    if by_stream:
        # Concurrent statements lock the rows in one order.
        rows = [by_stream[stream] for stream in sorted(by_stream)]
        execute(pool, UPSERT_SNAPSHOTS, [[*column] for column in zip(*rows, strict=True)])


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

    def is_due(self, aggregate: Aggregate) -> bool:
        """Return whether the next load would have to apply enough since the last snapshot.

        It is never due while events are pending, or if the person is erased.
        """
        if aggregate.person_id == NO_PERSON or aggregate.pending_events:
            return False
        return cost_since_snapshot(aggregate) >= self._interval_events

    def encode(self, aggregate: Aggregate) -> bytes:
        """Return the state of an aggregate that has the times of the log."""
        return orjson.dumps(snapshot_state(aggregate))

    def encrypt(self, aggregate: Aggregate) -> EncryptedState:
        """Encrypt the state of an aggregate; raises PersonIsErased if that is not possible."""
        stream, version, person_id = aggregate.id, aggregate.version, aggregate.person_id
        if person_id == NO_PERSON:
            raise PersonIsErased(person_id)
        cipher = self._keys.encryption_key(person_id)
        associated_data = self._associated_data(stream, version)
        plain = self.encode(aggregate)
        state = encrypt(plain, cipher, os.urandom(NONCE_BYTES), associated_data)
        return EncryptedState(stream, version, self._topic, person_id, state)

    def fill_past(self, stream: UUID, version: int, load: Callable[[int], Aggregate]) -> None:
        """Keep the snapshots that the past of a long stream lacks; `load` loads a version of it.

        Raises: what `load` raises; PersonIsErased.
        """
        if version >= 2 * PAST_INTERVAL_EVENTS:
            for missing in missing_versions(self._pool, stream, self._topic):
                past = load(missing)
                keep_snapshot(self._pool, self.encrypt(past))

    def load(self, stream: UUID, up_to: int | None) -> LoadedStream:
        """Load the snapshot and the events after it, up to a version if given.

        Load all events and no snapshot if the person is erased, if the snapshot cannot be decrypted
        or has another form than its class, or if it is of events that the log has lost.
        """
        parameters = {
            "stream": stream,
            "topic": self._topic,
            "up_to": MAX_VERSION if up_to is None else up_to,
            "limit": MAX_ROWS,
        }
        statement = SELECT_PRESENT if up_to is None else SELECT_PAST
        rows = execute(self._pool, statement, parameters)
        has_snapshot = bool(rows) and rows[0][0] is None
        snapshot = self._decode(stream, rows[0]) if has_snapshot else None
        if has_snapshot:
            del rows[0]
        if has_snapshot and not snapshot:
            rows = execute(self._pool, SELECT_STREAM, parameters | {"after": 0})
        is_full = len(rows) == MAX_ROWS
        while is_full:
            more = execute(self._pool, SELECT_STREAM, parameters | {"after": rows[-1][1]})
            rows += more
            is_full = len(more) == MAX_ROWS
        return LoadedStream(snapshot, rows)

    @property
    def topic(self) -> str:
        """The stored name of the form in which snapshots of this class are."""
        return self._topic

    def from_row(self, stream: UUID, row: tuple[Any, ...] | None) -> Snapshot | None:
        """Return the snapshot of a row as `load` selects it; None if it cannot be used."""
        return self._decode(stream, row[:7]) if row else None

    def decode(self, plain: bytes) -> State:
        """Decode the state of an aggregate, or a part of it."""
        state: State = orjson.loads(plain)
        if not isinstance(state, dict):
            raise UnknownForm("it is not a JSON object")
        for name, decoder in self._decoders:
            if name in state:
                state[name] = decoder(state[name])
        return state

    def _decode(self, stream: UUID, row: tuple[Any, ...]) -> Snapshot | None:
        _, version, _, stored, recorded_at, person_id, _ = row
        try:
            state = self._decrypt(stream, version, person_id, stored)
            if state and state["_modified_on"] != recorded_at:
                raise UnknownForm("it is of events that the log has lost")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            logger.warning(
                "the snapshot of stream %s is ignored, its events are read: %s", stream, error
            )
            return None
        return Snapshot(stream, version, recorded_at, self._topic, state) if state else None

    def _decrypt(self, stream: UUID, version: int, person_id: UUID, stored: bytes) -> State | None:
        cipher = self._keys.decryption_keys({person_id})[person_id]
        if cipher is None:
            return None
        if not is_encrypted(stored):
            raise DecryptionFailed("it is not encrypted")
        state = self.decode(decrypt(stored, cipher, self._associated_data(stream, version)))
        if not self._required_attributes <= set(state) <= self._known_attributes:
            raise UnknownForm("the attributes of its class have changed")
        return state

    def _associated_data(self, stream: UUID, version: int) -> bytes:
        return b"snapshot" + stream.bytes + version.to_bytes(8) + self._topic.encode()

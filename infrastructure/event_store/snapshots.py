"""Snapshots: one per stream, sealed like its events, and never trusted where in doubt."""

import logging
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, get_type_hints
from uuid import UUID

import orjson
from eventsourcing.domain import Snapshot

from domain.aggregate import NOBODY, Aggregate
from infrastructure.event_store.encryption import NONCE, Unopenable, disclose, enclose, is_sealed
from infrastructure.event_store.event_types import State, conversions
from infrastructure.event_store.mapper import Keys
from infrastructure.event_store.rehydrate import state_of
from infrastructure.postgres.execute import Pool, Rows, ask

log = logging.getLogger(__name__)

MOST_NOTED = 10_000
"""Streams of which it is remembered how old their snapshot is."""

KEEP = """
INSERT INTO easeboard.snapshots AS kept (stream, version, topic, person_id, state)
VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (stream) DO UPDATE
   SET version = excluded.version,
       topic = excluded.topic,
       recorded_at = excluded.recorded_at,
       person_id = excluded.person_id,
       state = excluded.state
 WHERE kept.version < excluded.version
    OR kept.topic <> excluded.topic
"""

LAST = 2**63 - 1
"""A version beyond every other."""

STREAM = """
SELECT stream, version, topic, state, recorded_at, person_id, position
  FROM easeboard.events
 WHERE stream = %s
   AND version <= %s
 ORDER BY version
"""

LOAD = """
WITH newest AS (
    SELECT version, person_id, state, recorded_at
      FROM easeboard.snapshots
     WHERE stream = %s
       AND topic = %s
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
"""The newest snapshot, if any, and the events after it: one round trip for both."""

Conversion = tuple[str, Callable[[Any], Any]]

DATES: tuple[Conversion, ...] = (
    ("_created_on", datetime.fromisoformat),
    ("_modified_on", datetime.fromisoformat),
)
"""Attributes every aggregate of the library has."""


class Loaded(NamedTuple):
    """A snapshot, if there is one that can be used, and the rows of the events after it."""

    snapshot: Snapshot | None
    rows: Rows


class Snapshots:
    """Snapshots of one kind of aggregate."""

    def __init__(self, kind: type[Aggregate], pool: Pool, keys: Keys, every: int) -> None:
        self._topic = f"{kind.__name__}/{getattr(kind, 'class_version', 1)}"
        self._always = set(state_of(kind.unborn(NOBODY)))
        self._ever = self._always | set(get_type_hints(kind))
        self._conversions: tuple[Conversion, ...] = (*conversions(kind), *DATES)
        self._pool = pool
        self._keys = keys
        self._every = every
        self._lately: dict[UUID, int] = {}

    def is_due(self, aggregate: Aggregate) -> bool:
        """Whether the snapshot it was loaded from is old; never of what is unsaved, or erased."""
        if aggregate.person_id == NOBODY or aggregate.pending_events:
            return False
        return aggregate.version - self._lately.get(aggregate.id, 0) >= self._every

    def take(self, aggregate: Aggregate) -> None:
        """Keep a snapshot of an aggregate as the log has it."""
        if aggregate.person_id != NOBODY:
            state = self._enclosed(aggregate)
            place = [aggregate.id, aggregate.version, self._topic]
            ask(self._pool, KEEP, [*place, aggregate.person_id, state])
            self._note(aggregate.id, aggregate.version)

    def load(self, stream: UUID, upto: int | None) -> Loaded:
        """What a stream is folded from, perhaps only up to a version.

        No snapshot is used of the erased, and none that cannot be read any more.
        """
        last = LAST if upto is None else upto
        rows = ask(self._pool, LOAD, [stream, self._topic, last, stream, last])
        found = bool(rows) and rows[0][0] is None
        if upto is None:
            self._note(stream, rows[0][1] if found else 0)
        if not found:
            return Loaded(None, rows)
        _, version, _, stored, recorded_at, person_id, _ = rows[0]
        try:
            state = self._disclosed(stream, version, person_id, stored)
        except (ValueError, TypeError, KeyError) as error:
            log.warning("snapshot of stream %s not used: %s", stream, error)
            state = None
        if state is None:
            return Loaded(None, ask(self._pool, STREAM, [stream, last]))
        return Loaded(Snapshot(stream, version, recorded_at, self._topic, state), rows[1:])

    def _note(self, stream: UUID, version: int) -> None:
        """Remember how old a stream's snapshot is, for a while; 0 only makes one more be taken."""
        if len(self._lately) >= MOST_NOTED:
            self._lately.clear()
        self._lately[stream] = version

    def _enclosed(self, aggregate: Aggregate) -> bytes:
        place = self._place(aggregate.id, aggregate.version)
        cipher = self._keys.sealing(aggregate.person_id)
        return enclose(orjson.dumps(state_of(aggregate)), cipher, os.urandom(NONCE), place)

    def _disclosed(
        self, stream: UUID, version: int, person_id: UUID, stored: bytes
    ) -> State | None:
        cipher = self._keys.opening({person_id})[person_id]
        if cipher is None:
            return None
        if not is_sealed(stored):
            raise Unopenable("it is not sealed")
        state: State = orjson.loads(disclose(stored, cipher, self._place(stream, version)))
        if not self._always <= set(state) <= self._ever:
            raise Unopenable("its class has other attributes now")
        for name, convert in self._conversions:
            if name in state:
                state[name] = convert(state[name])
        return state

    def _place(self, stream: UUID, version: int) -> bytes:
        return b"snapshot" + stream.bytes + version.to_bytes(8) + self._topic.encode()

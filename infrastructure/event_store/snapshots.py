"""Snapshots: one per stream, sealed like its events, and never trusted where in doubt."""

import logging
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, get_type_hints
from uuid import UUID

import eventsourcing.persistence
import orjson
from eventsourcing.domain import Snapshot

from domain.aggregate import NOBODY, Aggregate
from infrastructure.event_store.asking import Pool, ask
from infrastructure.event_store.envelope import NONCE, Unopenable, disclose, enclose, is_sealed
from infrastructure.event_store.folding import state_of
from infrastructure.event_store.kinds import State, conversions
from infrastructure.event_store.mapper import Keys
from infrastructure.event_store.recorder import LAST
from infrastructure.event_store.streams import Streams

log = logging.getLogger(__name__)

EVERY = 100
"""Events a stream must have moved on for a new snapshot."""

TAKEN = "SELECT version FROM easeboard.snapshots WHERE stream = %s AND topic = %s"

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

NEWEST = """
SELECT version, person_id, state, recorded_at
  FROM easeboard.snapshots
 WHERE stream = %s
   AND topic = %s
   AND version <= %s
"""

Conversion = tuple[str, Callable[[Any], Any]]

DATES: tuple[Conversion, ...] = (
    ("_created_on", datetime.fromisoformat),
    ("_modified_on", datetime.fromisoformat),
)
"""Attributes every aggregate of the library has."""


class Snapshots(eventsourcing.persistence.EventStore[UUID]):
    """Snapshots of one kind of aggregate, as the library's Repository reads them."""

    def __init__(
        self, kind: type[Aggregate], streams: Streams, pool: Pool, keys: Keys, every: int
    ) -> None:
        super().__init__(streams.mapper, streams.recorder)
        self._topic = f"{kind.__name__}/{getattr(kind, 'class_version', 1)}"
        self._always = set(state_of(kind.unborn(NOBODY)))
        self._ever = self._always | set(get_type_hints(kind))
        self._conversions: tuple[Conversion, ...] = (*conversions(kind), *DATES)
        self._pool = pool
        self._keys = keys
        self._every = every

    def is_due(self, aggregate: Aggregate) -> bool:
        """Whether the last snapshot is old; never of what is not yet saved, or erased."""
        if aggregate.person_id == NOBODY or aggregate.pending_events:
            return False
        taken = ask(self._pool, TAKEN, [aggregate.id, self._topic])
        return aggregate.version - (taken[0][0] if taken else 0) >= self._every

    def take(self, aggregate: Aggregate) -> None:
        """Keep a snapshot of an aggregate as the log has it."""
        if aggregate.person_id != NOBODY:
            state = self._enclosed(aggregate)
            place = [aggregate.id, aggregate.version, self._topic]
            ask(self._pool, KEEP, [*place, aggregate.person_id, state])

    def get(
        self,
        originator_id: UUID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Iterator[Any]:
        """The snapshot up to a version; none of the erased, none that cannot be read any more."""
        del gt, desc, limit
        rows = ask(self._pool, NEWEST, [originator_id, self._topic, LAST if lte is None else lte])
        for version, person_id, stored, recorded_at in rows:
            try:
                state = self._disclosed(originator_id, version, person_id, stored)
            except (ValueError, TypeError, KeyError) as error:
                log.warning("snapshot of stream %s not used: %s", originator_id, error)
                continue
            if state is not None:
                yield Snapshot(originator_id, version, recorded_at, self._topic, state)

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

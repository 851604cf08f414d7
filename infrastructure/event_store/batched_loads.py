"""Loads the aggregates of many callers with one statement.

An aggregate that cannot be loaded with others, or would hold them up, is loaded alone.
"""

from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from operator import itemgetter
from uuid import UUID

from domain.aggregate import Aggregate
from infrastructure.event_store.mapper import EventRow, Mapper, PersonKeyring
from infrastructure.event_store.pending_events import set_timeline
from infrastructure.event_store.rehydrate import rehydrate
from infrastructure.event_store.snapshots import Snapshots
from infrastructure.postgres.execute import Rows, execute
from infrastructure.postgres.pools import WritePool

MAX_EVENTS = 200
"""Events of one stream after its snapshot; a stream that has more is loaded alone."""
MAX_STREAM_BYTES = 500_000
"""Bytes of these events; a stream that has more is loaded alone."""

# Each part takes the index of one stream at a time, however many streams there are.
SELECT_STREAMS = """
WITH asked AS MATERIALIZED (
    SELECT asked.stream, newest.version, newest.state, newest.recorded_at, newest.person_id
      FROM unnest(%s::uuid[], %s::text[]) AS asked (stream, topic)
      LEFT JOIN LATERAL (
           SELECT kept.version, kept.state, events.recorded_at, kept.person_id
             FROM easeboard.snapshots AS kept
             JOIN easeboard.events AS events USING (stream, version)
            WHERE kept.stream = asked.stream
              AND kept.topic = asked.topic
            ORDER BY kept.version DESC
            LIMIT 1
      ) AS newest ON true
)
SELECT stream, version, NULL AS topic, state, recorded_at, person_id, NULL AS position, 0 AS bytes
  FROM asked
 WHERE version IS NOT NULL
 UNION ALL
SELECT later.*
  FROM asked
 CROSS JOIN LATERAL (
       SELECT each.*, sum(octet_length(each.state)) OVER (ORDER BY each.version)::bigint AS bytes
         FROM (
                  SELECT stream, version, topic, state, recorded_at, person_id, position
                    FROM easeboard.events AS events
                   WHERE events.stream = asked.stream
                     AND events.version > coalesce(asked.version, 0)
                   ORDER BY events.version
                   LIMIT %s
              ) AS each
  ) AS later
 WHERE later.bytes - octet_length(later.state) < %s
"""


@dataclass(eq=False, slots=True)
class Load:
    """What one caller loads."""

    kind: type[Aggregate]
    stream: UUID
    context: Context = field(default_factory=copy_context)


class BatchedLoads:
    """Loads for many callers together; `load_alone` loads for one."""

    def __init__(
        self,
        pool: WritePool,
        keys: PersonKeyring,
        *,
        mapper: Mapper,
        snapshots_of: Callable[[type[Aggregate]], Snapshots],
        known_timeline: Callable[[], int],
        load_alone: Callable[[type[Aggregate], UUID], Aggregate],
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._mapper = mapper
        self._snapshots_of = snapshots_of
        self._known_timeline = known_timeline
        self._load_alone = load_alone

    def load(self, loads: Sequence[Load]) -> Sequence[Aggregate | Exception | None]:
        """Return the aggregate of each, its error, or None if it must be loaded alone.

        Raises: what a statement raises, and for one caller what `load_alone` raises.
        """
        if len(loads) == 1:
            load = loads[0]
            return [load.context.run(self._load_alone, load.kind, load.stream)]
        timeline = self._known_timeline()
        rows = self._select(loads)
        # One statement for all keys that are not cached.
        self._keys.decryption_keys({row[5] for each in rows.values() for row in each})
        found: list[Aggregate | Exception | None] = []
        for load in loads:
            try:
                aggregate = load.context.run(self._rehydrate, load, rows[load.stream])
            except Exception as error:  # noqa: BLE001  # the caller gets it
                found.append(error)
            else:
                set_timeline([aggregate] if aggregate else [], timeline)
                found.append(aggregate)
        return found

    def _select(self, loads: Sequence[Load]) -> dict[UUID, Rows]:
        """Return the rows of each stream in order, first its snapshot if there is one."""
        topics = {load.stream: self._snapshots_of(load.kind).topic for load in loads}
        values = [[*topics], [*topics.values()], MAX_EVENTS, MAX_STREAM_BYTES]
        rows: dict[UUID, Rows] = {stream: [] for stream in topics}
        for row in execute(self._pool, SELECT_STREAMS, values):
            rows[row[0]].append(row)
        for stream_rows in rows.values():
            stream_rows.sort(key=itemgetter(1))
        return rows

    def _rehydrate(self, load: Load, rows: Rows) -> Aggregate | None:
        has_snapshot = bool(rows) and rows[0][2] is None
        events = rows[has_snapshot:]
        if len(events) == MAX_EVENTS or (events and events[-1][7] >= MAX_STREAM_BYTES):
            return None
        snapshot = self._snapshots_of(load.kind).from_row(
            load.stream, rows[0] if has_snapshot else None
        )
        if has_snapshot and snapshot is None:
            return None
        event_rows: list[EventRow] = [row[:7] for row in events]
        return rehydrate(load.kind, load.stream, snapshot, self._mapper.to_events(event_rows))

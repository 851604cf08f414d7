"""Reads what one person missed: the events of their own streams, after a position.

Only the person's own events are counted and read, however many other people have.
"""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from domain.log_position import LogPosition
from domain.recorded_event import RecordedEvent
from domain.sync import Sync
from infrastructure.event_store.timelines import START
from infrastructure.postgres.execute import Rows, execute
from infrastructure.postgres.pools import WritePool

MAX_REPLAYED_EVENTS = 5_000
"""How many of a person's own events are replayed at most."""
MAX_COMPARED_EVENTS = 4 * MAX_REPLAYED_EVENTS
"""How many events of these streams are compared at most, including those that are not replayed."""
MAX_PAGE_EVENTS = 64
"""Events that one read decrypts at most: the largest have hundreds of kilobytes."""
MAX_PAGE_BYTES = 4 * 1024 * 1024
"""Size of the stored states that one read decrypts, unless one event alone is larger."""
FIRST_COMPARED_EVENTS, COMPARED_EVENTS = 64, 1_024
"""Events of each stream that the first statement and each later one compare."""
TIMELINE_DIGITS_BASE = 1_000
"""Event ids of live messages contain the id of a timeline modulo this number."""

SELECT_CONNECTIONS = """
SELECT opened.stream,
       NOT EXISTS (
           SELECT FROM easeboard.people_keys
            WHERE person_id = opened.person_id AND destroyed_at IS NOT NULL
       )
       AND (
           SELECT topic
             FROM easeboard.events
            WHERE stream = opened.stream
            ORDER BY version DESC
            LIMIT 1
       ) <> 'ConnectionClosed' AS is_open
  FROM easeboard.events AS opened
 WHERE opened.topic = 'ConnectionOpened'
   AND opened.person_id = %s
"""

SELECT_IS_ERASED = """
SELECT EXISTS (
           SELECT FROM easeboard.people_keys
            WHERE person_id = %s AND destroyed_at IS NOT NULL
       )
"""

SELECT_NEWEST_OF_STREAMS = """
SELECT newest.stream, newest.version, newest.topic, newest.position
  FROM unnest(%s::uuid[], %s::bigint[]) AS own (stream, before)
 CROSS JOIN LATERAL (
           SELECT stream, version, topic, position
             FROM easeboard.events
            WHERE stream = own.stream
              AND version < own.before
            ORDER BY version DESC
            LIMIT %s
       ) AS newest
"""

SELECT_EVENTS_OF_STREAMS = """
SELECT stream, version, topic, state, recorded_at, person_id, position, event_id
  FROM (
           SELECT stream, version, topic, state, recorded_at, person_id, position, event_id,
                  sum(octet_length(state)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING)
                      - octet_length(state) AS bytes_before
             FROM easeboard.events
            WHERE position = ANY(%s)
              AND stream = ANY(%s)
       ) AS chosen
 WHERE bytes_before < %s
 ORDER BY position
"""

SELECT_TIMELINE_WITH_PLACE = """
SELECT id
  FROM (
           SELECT id, number,
                  coalesce(
                      min(begins_after) OVER (
                          ORDER BY number ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
                      ),
                      (SELECT coalesce(max(position), 0) FROM easeboard.events)
                  ) AS last_position
             FROM easeboard.timelines
       ) AS timeline
 WHERE id %% %s = %s
   AND last_position >= %s
 ORDER BY number DESC
 LIMIT 1
"""

_END_OF_STREAM = 2**63 - 1


class TooFarBehind(Exception):
    """A client has missed more than MAX_REPLAYED_EVENTS events."""


class MissedEvents:
    """The events of one person's open connections; every method blocks its thread.

    Every method may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(
        self,
        pool: WritePool,
        decode: Callable[[Rows], list[RecordedEvent]],
        topics: Sequence[str],
    ) -> None:
        self._pool = pool
        self._decode = decode
        self._topics = frozenset(topics)

    def find_place(self, position: int, timeline_digits: int) -> LogPosition | None:
        """Return the place at a position on a timeline whose id ends in these digits.

        It is None if the log never gave it, or has lost it in a failover or a restore.
        """
        if (position, timeline_digits) == START:
            return START
        values = [TIMELINE_DIGITS_BASE, timeline_digits, position]
        rows = execute(self._pool, SELECT_TIMELINE_WITH_PLACE, values)
        return LogPosition(rows[0][0], position) if rows else None

    def positions(self, person_id: UUID, after: int, up_to: int) -> list[int]:
        """Return the positions of a person's events with after < position <= up_to, in order.

        Events of closed connections, and of a person who is erased, are left out.

        Raises: TooFarBehind if there are more than MAX_REPLAYED_EVENTS.
        """
        found: list[int] = []
        compared, limit = 0, FIRST_COMPARED_EVENTS
        before = dict.fromkeys(self._open_streams(person_id), _END_OF_STREAM)
        while before:
            values = [list(before), list(before.values()), limit]
            rows = execute(self._pool, SELECT_NEWEST_OF_STREAMS, values)
            found += [
                position
                for _, _, topic, position in rows
                if after < position <= up_to and topic in self._topics
            ]
            compared += len(rows)
            if len(found) > MAX_REPLAYED_EVENTS or compared > MAX_COMPARED_EVENTS:
                raise TooFarBehind
            before = _streams_to_continue(rows, after)
            limit = COMPARED_EVENTS
        return sorted(found)

    def read(self, person_id: UUID, positions: Sequence[int]) -> tuple[list[RecordedEvent], int]:
        """Read the first of these events; also returns how many of the positions are done.

        Events of connections that were closed in the meantime are left out.
        """
        page, streams = list(positions[:MAX_PAGE_EVENTS]), self._open_streams(person_id)
        rows = execute(self._pool, SELECT_EVENTS_OF_STREAMS, [page, streams, MAX_PAGE_BYTES])
        is_cut_off = sum(len(row[3]) for row in rows) >= MAX_PAGE_BYTES
        return self._decode(rows), page.index(rows[-1][6]) + 1 if is_cut_off else len(page)

    def closed_streams(self, person_id: UUID) -> set[UUID]:
        """Return the streams of the syncs of a person's closed connections.

        After the erasure of the person these are all streams.
        """
        return {stream for stream, is_open in self._streams(person_id) if not is_open}

    def is_erased(self, person_id: UUID) -> bool:
        """Return whether the data of a person was erased."""
        [(is_erased,)] = execute(self._pool, SELECT_IS_ERASED, [person_id])
        return bool(is_erased)

    def _open_streams(self, person_id: UUID) -> list[UUID]:
        return [stream for stream, is_open in self._streams(person_id) if is_open]

    def _streams(self, person_id: UUID) -> list[tuple[UUID, bool]]:
        connections = execute(self._pool, SELECT_CONNECTIONS, [person_id])
        return [(Sync.id_for(connection), is_open) for connection, is_open in connections]


def _streams_to_continue(rows: Iterable[tuple[UUID, int, str, int]], after: int) -> dict[UUID, int]:
    """Return the streams that may have earlier events after a position, each with a version."""
    oldest: dict[UUID, tuple[int, int]] = {}
    for stream, version, _, position in rows:
        oldest[stream] = min(oldest.get(stream, (version, position)), (version, position))
    return {
        stream: version
        for stream, (version, position) in oldest.items()
        if version > 1 and position > after
    }

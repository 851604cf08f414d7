"""Follows the log for one process: what is safe to read, who has changed, what can be read.

One statement a reading states how far this process is, and selects all that decides what may be
sent. Another one selects who has changed, if the log has moved. See decision 0033.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import uuid4

from domain.log_position import LogPosition
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.timelines import START
from infrastructure.postgres.errors import DatabaseFailure
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from infrastructure.subscriptions.followed_log import VALID_SECONDS, FollowedLog

FORGET_SECONDS = 2 * VALID_SECONDS
"""Seconds after which the row of another process counts for nothing.

It keeps a document for VALID_SECONDS after it last wrote its row. The rest is for clocks that
differ, and for a crash of the server, which loses up to 0.6 s of these commits.
"""
MAX_SCANNED_POSITIONS = 200_000
"""With more, everything is forgotten, which costs less than to read who has changed."""

# The functions read the newest state, whatever the snapshot of the statement has.
FOLLOW = """
WITH own AS (
    INSERT INTO easeboard.log_followers AS known (id, timeline, position, seen_at)
    VALUES (%s, %s, %s, clock_timestamp())
        ON CONFLICT (id) DO UPDATE
       SET timeline = excluded.timeline,
           position = excluded.position,
           seen_at  = excluded.seen_at
    RETURNING CASE WHEN NOT %s THEN set_config('synchronous_commit', 'off', TRUE) END
), others AS (
    SELECT timeline, position
      FROM easeboard.log_followers
     WHERE id <> %s
       AND seen_at > clock_timestamp() - make_interval(secs => %s)
)
SELECT clock_timestamp(), state.timeline, state.head, state.head_event, state.writers,
       (SELECT event_id FROM easeboard.events WHERE position = %s),
       (
           SELECT least(min(position), (SELECT coalesce(max(position), 0) FROM easeboard.events))
             FROM easeboard.projections
            WHERE role = 'live'
              AND error IS NULL
              AND paused_at IS NULL
       ),
       (
           SELECT min(CASE WHEN others.timeline = state.timeline THEN position ELSE 0 END)
             FROM others
       ),
       (SELECT max(position) FROM others WHERE others.timeline = state.timeline),
       (
           SELECT string_agg(name || ' ' || version, ', ' ORDER BY name)
             FROM easeboard.projections
            WHERE role = 'live'
       ),
       (SELECT max(retired_at) FROM easeboard.projections),
       (
           SELECT sum(hashtextextended(projection || id || version || parked_at, 0))
             FROM easeboard.dead_letters
       ),
       (
           SELECT hashtextextended(
                      coalesce(
                          string_agg(
                              origin || ' ' || date_part('epoch', open_until), ' ' ORDER BY origin
                          ),
                          ''
                      ),
                      0
                  )
             FROM easeboard.canvas_hosts
            WHERE open_until IS NOT NULL
       )
  FROM own
 CROSS JOIN easeboard.log_state() AS state
"""
"""Read models that fail or are paused are left out: their checkpoints may not move for long.

A checkpoint beyond the last event is one of a log that has lost its last events. The time of the
last cut-over shows that a version became live, and went back, between two readings. The digest of
the open circuits is the one of `projections/support/schedule_row.py`; if they differ, nothing that
shows circuits is found.
"""

SELECT_CHANGES = """
SELECT person_id, max(position)
  FROM easeboard.events
 WHERE position > %s
   AND position <= %s
   AND topic = ANY(%s)
 GROUP BY person_id
"""

DELETE_ROWS = """
DELETE FROM easeboard.log_followers
 WHERE id = %s
    OR seen_at < clock_timestamp() - INTERVAL '1 hour'
"""


class LogSight(NamedTuple):
    """What one reading of the log found."""

    place: LogPosition
    """The high-water mark."""
    readable: int | None
    """The position that all live read models have reached, except those that fail or are paused.

    None without read models.
    """
    known_to_others: int | None
    """The position that all other processes know that keep documents; None if there is none."""


class _Found(NamedTuple):
    """What FOLLOW selects beside the state of the log; `switches` differ after a switch."""

    timeline: int
    readable: int | None
    known_to_others: int | None
    known_elsewhere: int | None
    open_circuits: int
    switches: tuple[Any, ...]


class LogFollower(LogReader):
    """A reader of the log that notes in `followed` what changed; one thread uses it.

    `change_topics` are the events that change documents.
    """

    def __init__(
        self,
        pool: WritePool,
        mapper: Mapper,
        followed: FollowedLog,
        change_topics: Sequence[str],
    ) -> None:
        super().__init__(pool, mapper)
        self._followed = followed
        self._change_topics = list(change_topics)
        self._id = uuid4()
        self._last_started = float("-inf")
        self._is_new = True
        self._found = _Found(0, None, None, None, 0, ())
        self._stated = START
        self._switches: tuple[Any, ...] = ()

    def follow(self) -> LogSight:
        """Read the log, and note who changed since the last reading; blocks.

        Raises: DatabaseBusy or DatabaseUnavailable; then nothing counts before the next reading.
        """
        try:
            return self._follow()
        except Exception:
            self._followed.doubt()
            raise

    def _follow(self) -> LogSight:
        started = self._followed.clock()
        self._is_new = started - self._last_started > VALID_SECONDS
        place, head = self._advance()
        self._last_started = started
        known_timeline = self._followed.knowledge().place.timeline
        is_other = place.timeline != known_timeline or self._switches != self._found.switches
        if self._is_new or is_other:
            # What others could send before they saw the row of this process, they read before.
            # Documents that are kept from now on are read later.
            self._followed.begin(place)
            self._switches = self._found.switches
        self._note_changes(max(place.position, self._safe_elsewhere(place, head)))
        self._followed.confirm(started, self._found.open_circuits)
        return LogSight(place, self._found.readable, self._found.known_to_others)

    @property
    def is_place_stated(self) -> bool:
        """Whether the row of this process has the place up to which it knows the log."""
        return self._stated == self._followed.knowledge().place

    def known_to_all(self, sight: LogSight) -> int | None:
        """Return the position that every process knows that may keep documents, this one included.

        None if there is no such process.
        """
        known = self._followed.knowledge()
        if not self._followed.is_current(known):
            return sight.known_to_others
        position = known.place.position
        others = sight.known_to_others
        return position if others is None else min(position, others)

    def leave(self) -> None:
        """Delete the row of this process, because it stops."""
        with suppress(DatabaseFailure):
            execute(self._pool, DELETE_ROWS, [self._id])

    def _select_state(self, newest_head: int) -> tuple[Any, ...]:
        self._stated = self._followed.knowledge().place
        values = [self._id, *self._stated, self._is_new, self._id, FORGET_SECONDS, newest_head]
        (row,) = execute(self._pool, FOLLOW, values)
        readable, known_to_others, known_elsewhere, *switches, open_circuits = row[6:]
        self._found = _Found(
            row[1], readable, known_to_others, known_elsewhere, open_circuits, tuple(switches)
        )
        return row[:6]

    def _safe_elsewhere(self, place: LogPosition, head: int) -> int:
        """Return what another process knows on this timeline, which is safe to read, too."""
        if place.timeline != self._found.timeline:
            return 0
        return min(self._found.known_elsewhere or 0, head)

    def _note_changes(self, up_to: int) -> None:
        known = self._followed.knowledge().place
        if up_to <= known.position:
            return
        if up_to - known.position > MAX_SCANNED_POSITIONS:
            self._followed.begin(LogPosition(known.timeline, up_to))
            return
        values = [known.position, up_to, self._change_topics]
        self._followed.advance(up_to, dict(execute(self._pool, SELECT_CHANGES, values)))

"""Keeps some snapshots of the past of long streams, so that a state that was is rebuilt quickly.

A stream has one about every PAST_INTERVAL_EVENTS. When it has too many, every second one loses its
state, so that there are the fewer the longer ago.
"""

from typing import NamedTuple
from uuid import UUID

from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool

PAST_INTERVAL_EVENTS = 500
"""Events between two of them; to apply so many takes less than 40 ms."""
MAX_BYTES_OF_EVENT = 150
"""Bytes of them for each event: a quarter of the log; so large states have fewer of them."""
MAX_PAST_STATES = 256
"""How many of a stream keep their state; a stream of 10^5 events has fewer."""
MAX_FILLED_GAPS = 20
"""How many missing ones are added after a snapshot was saved."""

KEEP_SNAPSHOT = """
WITH last AS (
    SELECT coalesce(
               (
                   SELECT past.version
                     FROM easeboard.past_snapshots AS past
                    CROSS JOIN LATERAL (
                              SELECT event_id
                                FROM easeboard.events
                               WHERE stream = %(stream)s
                                 AND version = past.version
                               LIMIT 1
                          ) AS recorded
                    WHERE past.stream = %(stream)s
                      AND past.version < %(version)s
                      AND past.event_id = recorded.event_id
                    ORDER BY past.version DESC
                    LIMIT 1
               ),
               0
           ) AS version
)
INSERT INTO easeboard.past_snapshots
       (stream, version, topic, person_id, event_id, earliest_at, latest_at, state)
SELECT %(stream)s, %(version)s, %(topic)s, %(person)s, own.event_id, times.earliest_at,
       times.latest_at, %(state)s
  FROM last
 CROSS JOIN LATERAL (
           SELECT min(recorded_at) AS earliest_at, max(recorded_at) AS latest_at
             FROM (
                      SELECT recorded_at
                        FROM easeboard.events
                       WHERE stream = %(stream)s
                         AND version > last.version
                         AND version <= %(version)s
                       ORDER BY version
                       LIMIT %(version)s
                  ) AS part
       ) AS times
  JOIN easeboard.events AS own
    ON own.stream = %(stream)s
   AND own.version = %(version)s
 WHERE %(version)s - last.version >= %(interval)s
    ON CONFLICT (stream, version) DO UPDATE
   SET topic       = excluded.topic,
       person_id   = excluded.person_id,
       event_id    = excluded.event_id,
       earliest_at = excluded.earliest_at,
       latest_at   = excluded.latest_at,
       recorded_at = excluded.recorded_at,
       state       = excluded.state
RETURNING version
"""

REMOVE_STATES = """
UPDATE easeboard.past_snapshots AS kept
   SET state = NULL
  FROM (
           SELECT version, row_number() OVER (ORDER BY version) AS nth, count(*) OVER () AS total
             FROM easeboard.past_snapshots
            WHERE stream = %(stream)s
              AND state IS NOT NULL
       ) AS counted
 WHERE kept.stream = %(stream)s
   AND kept.version = counted.version
   AND counted.total > %(most)s
   AND counted.nth %% 2 = 1
"""

SELECT_MISSING = """
SELECT step.version
  FROM (
           SELECT lag(version, 1, 0::bigint) OVER (ORDER BY version) AS previous, version
             FROM easeboard.past_snapshots
            WHERE stream = %(stream)s
       ) AS gap
 CROSS JOIN (
           SELECT greatest(
                      %(interval)s::bigint, max(octet_length(state)) / %(bytes)s::bigint
                  ) AS events
             FROM easeboard.past_snapshots
            WHERE stream = %(stream)s
       ) AS interval
 CROSS JOIN LATERAL generate_series(
           gap.previous + interval.events, gap.version - interval.events, interval.events
       ) AS step (version)
 UNION
SELECT version
  FROM easeboard.past_snapshots
 WHERE stream = %(stream)s
   AND state IS NOT NULL
   AND split_part(topic, '/', 1) = split_part(%(topic)s, '/', 1)
   AND split_part(topic, '/', 2)::integer < split_part(%(topic)s, '/', 2)::integer
 ORDER BY version
 LIMIT %(most)s
"""
"""Those in gaps, and those of an older form of the class."""

SELECT_AFTER_LAST = """
SELECT following.version
  FROM (
           SELECT coalesce(max(version), 0) + greatest(
                      %(interval)s::bigint, max(octet_length(state)) / %(bytes)s::bigint
                  ) AS version
             FROM easeboard.past_snapshots
            WHERE stream = %(stream)s
       ) AS following
 WHERE following.version <= (
           SELECT version
             FROM easeboard.events
            WHERE stream = %(stream)s
            ORDER BY version DESC
            LIMIT 1
       )
"""


class EncryptedState(NamedTuple):
    """The state of an aggregate at a version of its stream, encrypted."""

    stream: UUID
    version: int
    topic: str
    person_id: UUID
    state: bytes


def keep_if_due(pool: WritePool, snapshot: EncryptedState) -> None:
    """Keep a snapshot of the past, if enough events are between it and the one before."""
    if snapshot.version >= PAST_INTERVAL_EVENTS:
        interval = max(PAST_INTERVAL_EVENTS, len(snapshot.state) // MAX_BYTES_OF_EVENT)
        keep_snapshot(pool, snapshot, interval)


def keep_snapshot(pool: WritePool, snapshot: EncryptedState, interval: int = 1) -> None:
    """Keep a snapshot of the past, if `interval` events are between it and the one before."""
    stream, version, topic, person_id, state = snapshot
    parameters = {
        "stream": stream,
        "version": version,
        "topic": topic,
        "person": person_id,
        "state": state,
        "interval": interval,
    }
    if execute(pool, KEEP_SNAPSHOT, parameters):
        execute(pool, REMOVE_STATES, {"stream": stream, "most": MAX_PAST_STATES})


def missing_versions(pool: WritePool, stream: UUID, topic: str) -> list[int]:
    """Return versions of a stream for which to keep a snapshot; more may be missing after them.

    These are where a stream has grown by many events at once, or was long when snapshots of the
    past began to be kept, and where one is of an older form than `topic`.
    """
    parameters = {
        "stream": stream,
        "topic": topic,
        "interval": PAST_INTERVAL_EVENTS,
        "bytes": MAX_BYTES_OF_EVENT,
        "most": MAX_FILLED_GAPS,
    }
    return [version for (version,) in execute(pool, SELECT_MISSING, parameters)]


def version_after_last(pool: WritePool, stream: UUID) -> list[int]:
    """Return the version for the first snapshot after the last one, if the stream is so long.

    `missing_versions` finds those before the last one.
    """
    parameters = {
        "stream": stream,
        "interval": PAST_INTERVAL_EVENTS,
        "bytes": MAX_BYTES_OF_EVENT,
    }
    return [version for (version,) in execute(pool, SELECT_AFTER_LAST, parameters)]

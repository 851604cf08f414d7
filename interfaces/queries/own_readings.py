"""What the `ETag` of a page of history depends on, where the page shows readings of its reader.

Each reading is an event of the history that was read. If the own readings changed the `ETag`, no
repeated request could get 304, and each would be recorded again. See decision 0044.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from infrastructure.event_store.stream_positions import fetch_rows
from infrastructure.postgres.pools import ReadPool

READING = "HistoryRead"
SEARCHED_READINGS = 200
"""Newest events of a stream, among which one that is no own reading is searched."""

SELECT_OTHERS = """
SELECT others.position,
       EXISTS (
           SELECT FROM easeboard.people_keys AS keys
            WHERE keys.person_id = opened.person_id
              AND keys.destroyed_at IS NOT NULL
       ),
       others.position <= (SELECT max(last_position) FROM easeboard.seal_checkpoints)
  FROM (
           SELECT max(range.position) AS position
             FROM unnest(%(streams)s::uuid[]) AS own (stream)
            CROSS JOIN LATERAL (
                      SELECT version
                        FROM easeboard.events
                       WHERE stream = own.stream
                       ORDER BY version DESC
                       LIMIT 1
                  ) AS newest
            CROSS JOIN LATERAL (
                      SELECT max(e.position + 0) AS position
                        FROM easeboard.events AS e
                       WHERE e.stream = own.stream
                         AND e.version > newest.version - %(searched)s
                         AND e.position + 0 <= %(up_to)s
                         AND (e.topic <> 'HistoryRead' OR e.actor <> %(reader)s)
                  ) AS range
       ) AS others
  LEFT JOIN LATERAL (
           SELECT e.person_id
             FROM easeboard.events AS e
            WHERE e.stream = %(connection)s
              AND e.version = 1
       ) AS opened
    ON TRUE
"""
"""A limit would not do: the planner could read and sort all versions of a long stream.

`+ 0` keeps it from the index of positions, which has the events of all streams, and an aggregate
for each stream from joining the whole log with the streams.
"""


class OtherEvents(NamedTuple):
    """The events of a connection but the readings of one reader, up to a position."""

    position: int
    """The position of the newest one; 0 if it was not found."""
    is_erased: bool
    """Whether the person is erased, so that the events are redacted."""
    is_sealed: bool
    """Whether a signed checkpoint covers the newest one, and so all."""


def newest_basis(others: OtherEvents) -> bytes:
    """Return the basis of a page of the newest events, from which own readings displace others.

    It is another one when anything in these events is shown differently, on this page or not.
    """
    return f"{others.position} {others.is_erased} {others.is_sealed}".encode("ascii")


def oldest_basis(items: Sequence[bytes], has_next: bool) -> bytes:  # noqa: FBT001  # a value
    """Return the basis of a page of the oldest events, in which own readings come last.

    `items` are those that are no own readings; `has_next` is whether others follow on later pages.
    """
    return b"%d" % has_next + b"".join(items)


async def events_but_readings_of(
    reader: str, streams: Sequence[UUID], up_to: int, pool: ReadPool
) -> OtherEvents:
    """Return what is known of the events of a connection but the readings of one reader.

    `streams` are those of the connection, itself first; `up_to` is the last position that counts.
    """
    parameters = {
        "streams": list(streams),
        "connection": streams[0],
        "up_to": up_to,
        "reader": reader,
        "searched": SEARCHED_READINGS,
    }
    [(position, is_erased, is_sealed)] = await fetch_rows(pool, SELECT_OTHERS, parameters)
    return OtherEvents(position or 0, is_erased, bool(is_sealed))

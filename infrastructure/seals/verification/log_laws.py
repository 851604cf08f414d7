"""Checks of the log that need no seal: versions without gaps, and positions that were given out."""

from collections.abc import Iterator
from typing import Any

import psycopg

from infrastructure.seals.verification.findings import MAX_FINDINGS, Finding

COUNT_UNSEALED = """
SELECT count(*)
  FROM easeboard.events
 WHERE position > %s
"""

SELECT_NEVER_GIVEN_OUT = """
SELECT position, topic, event_id
  FROM easeboard.events
 WHERE position > (SELECT last_value FROM easeboard.position)
    OR position < 1
 ORDER BY position
 LIMIT %s
"""

SELECT_VERSION_GAPS = """
SELECT stream, version, position, before, event_id
  FROM (
           SELECT stream, version, position, event_id,
                  lag(version, 1, 0::bigint) OVER (PARTITION BY stream ORDER BY version) AS before
             FROM easeboard.events
            WHERE stream IN (
                      SELECT stream
                        FROM easeboard.events
                       GROUP BY stream
                      HAVING max(version) <> count(*)
                       LIMIT %(limit)s
                  )
       ) AS event
 WHERE version <> before + 1
 ORDER BY position
 LIMIT %(limit)s
"""


def count_unsealed(connection: psycopg.Connection[Any], last_position: int) -> int:
    """Return the number of rows after the last sealed position."""
    row = connection.execute(COUNT_UNSEALED, [last_position]).fetchone()
    return int(row[0]) if row else 0


def never_given_out(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    """Yield the rows whose position the sequence of positions has never given out."""
    for position, topic, event_id in connection.execute(SELECT_NEVER_GIVEN_OUT, [MAX_FINDINGS]):
        yield Finding(
            kind="row inserted",
            detail=f"The row at position {position} ({topic!r}) was inserted: no append was ever"
            " given this position.",
            position=position,
            event_id=str(event_id),
        )


def version_gaps(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    """Yield the rows before which a version of their stream is missing."""
    rows = connection.execute(SELECT_VERSION_GAPS, {"limit": MAX_FINDINGS})
    for stream, version, position, before, event_id in rows:
        yield Finding(
            kind="versions not contiguous",
            detail=f"The row at position {position} has version {version} of the stream {stream},"
            f" but the version before it is {before}.",
            position=position,
            fields=("version",),
            event_id=str(event_id),
        )

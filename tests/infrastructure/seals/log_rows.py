"""Rows of the event log that tests insert as its owner, faster than appends."""

import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import psycopg

from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.postgres.lease import LeaseClaim
from infrastructure.seals.entry import LogEntry, encode_entry, microseconds

INSERT_ROWS = """
INSERT INTO easeboard.events (
    stream, version, topic, actor, correlation_id, causation_id, command_id, person_id, state
)
SELECT gen_random_uuid(), 1, 'SyncStarted', 'student', NULL, NULL, gen_random_uuid(),
       gen_random_uuid(), decode(md5(number::text), 'hex')
  FROM generate_series(1, %s) AS number
RETURNING position
"""

SELECT_ROWS = """
SELECT position, stream, version, event_id, recorded_at, command_id, person_id, causation_id, topic,
       actor, correlation_id, state
  FROM easeboard.events
 ORDER BY position
"""

TAKE_LEASE = """
INSERT INTO easeboard.leases AS existing (name, holder, epoch, until)
VALUES ('seal', %s, 1, clock_timestamp() + INTERVAL '1 hour')
    ON CONFLICT (name) DO UPDATE
   SET holder = excluded.holder,
       epoch  = existing.epoch + 1
RETURNING epoch
"""


def new_ring() -> KeyRing:
    return parse_key_ring(f"hex:{os.urandom(32).hex()}")


def insert_rows(url: str, count: int) -> list[int]:
    """Insert events, and return their positions."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(INSERT_ROWS, [count]).fetchall()
    return sorted(position for (position,) in rows)


def burn_positions(url: str, count: int) -> None:
    """Take positions that no event has, as appends do that are rolled back."""
    with psycopg.connect(url) as connection:
        connection.execute(INSERT_ROWS, [count])
        connection.rollback()


def take_lease(url: str, holder: str = "test") -> LeaseClaim:
    with psycopg.connect(url) as connection:
        (epoch,) = connection.execute(TAKE_LEASE, [holder]).fetchone() or (0,)
    return LeaseClaim("seal", holder, epoch)


def expected_entries(url: str) -> list[tuple[int, bytes]]:
    """Return the entries of all events, made in Python from the rows."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(SELECT_ROWS).fetchall()
    return [(row[0], encode_row(row)) for row in rows]


def encode_row(row: Sequence[Any]) -> bytes:
    position, stream, version, event_id, recorded_at = row[:5]
    command_id, person_id, causation_id = row[5:8]
    topic, actor, correlation = (None if text is None else text.encode() for text in row[8:11])
    return encode_entry(
        LogEntry(
            position,
            stream,
            version,
            event_id,
            microseconds(recorded_at),
            command_id,
            person_id,
            causation_id,
            topic or b"",
            actor or b"",
            correlation,
            sha256(row[11]).digest(),
        )
    )

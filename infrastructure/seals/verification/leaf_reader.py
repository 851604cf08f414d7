"""Reads the hashes of the rows of the log, which PostgreSQL computes: no row is sent."""

import struct
from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

import psycopg

from infrastructure.seals.log_entries import ENTRY

SELECT_HASHES: LiteralString = f"""
SELECT string_agg(sha256('\\x00'::bytea || entry), ''::bytea),
       string_agg(int8send(position), ''::bytea)
  FROM (
           SELECT position, {ENTRY} AS entry
             FROM easeboard.events
            WHERE position > %s
              AND position <= %s
            ORDER BY position
            LIMIT %s
       ) AS ordered
"""  # noqa: S608  # no value is in it


class LeafRun(NamedTuple):
    """Rows that follow each other in the log: their hashes, 32 bytes each, and positions."""

    hashes: bytes
    positions: Sequence[int]


def read_hashes(connection: psycopg.Connection[Any], after: int, up_to: int, limit: int) -> LeafRun:
    """Return the hashes of the next rows with after < position <= up_to, at most `limit`."""
    cursor = connection.execute(SELECT_HASHES, (after, up_to, limit), binary=True)
    hashes, positions = cursor.fetchone() or (None, None)
    if hashes is None or positions is None:
        return LeafRun(b"", ())
    return LeafRun(hashes, struct.unpack(f">{len(positions) // 8}q", positions))

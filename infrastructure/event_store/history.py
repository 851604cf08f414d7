"""Reads the log for audits: each event with its actor, its person, its time and its cause."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.stream_positions import (
    fetch_rows,
    first_position_since,
    newest_position,
    stream_ends,
)
from infrastructure.postgres.pools import ReadPool

SELECT_FORWARD = """
SELECT e.stream, e.version, e.topic, e.state, e.recorded_at, e.person_id, e.position,
       e.event_id, e.actor, e.correlation_id, e.causation_id, e.command_id
  FROM unnest(%(streams)s::uuid[], %(after)s::bigint[], %(up_to)s::bigint[])
       AS part (stream, after_version, last_version)
 CROSS JOIN LATERAL (
           SELECT *
             FROM easeboard.events AS own
            WHERE own.stream = part.stream
              AND own.version > part.after_version
              AND own.version <= part.last_version
              AND (%(topics)s::text[] IS NULL OR own.topic = ANY(%(topics)s))
            ORDER BY own.version
            LIMIT %(limit)s
       ) AS e
 ORDER BY e.position
 LIMIT %(limit)s
"""

SELECT_BACKWARD = """
SELECT e.stream, e.version, e.topic, e.state, e.recorded_at, e.person_id, e.position,
       e.event_id, e.actor, e.correlation_id, e.causation_id, e.command_id
  FROM unnest(%(streams)s::uuid[], %(after)s::bigint[], %(up_to)s::bigint[])
       AS part (stream, after_version, last_version)
 CROSS JOIN LATERAL (
           SELECT *
             FROM easeboard.events AS own
            WHERE own.stream = part.stream
              AND own.version > part.after_version
              AND own.version <= part.last_version
              AND (%(topics)s::text[] IS NULL OR own.topic = ANY(%(topics)s))
            ORDER BY own.version DESC
            LIMIT %(limit)s
       ) AS e
 ORDER BY e.position DESC
 LIMIT %(limit)s
"""
"""Each stream is cut by versions, for which there is an index, and read no further than a page."""

MAX_POSITION = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One event with every column of the log.

    `payload` is the state as a JSON object. It is `{"redacted": true}` if the person is erased,
    and `{"unreadable": reason}` if the event cannot be decrypted or decoded.
    """

    position: int
    stream: UUID
    version: int
    topic: str
    event_id: UUID
    recorded_at: datetime
    actor: str
    correlation_id: str | None
    causation_id: UUID | None
    command_id: UUID
    person_id: UUID
    payload: dict[str, Any]


class PositionRange(NamedTuple):
    """The positions after `after`, up to `up_to`."""

    after: int
    up_to: int


EVERYTHING = PositionRange(0, MAX_POSITION)


async def find_range(
    pool: ReadPool,
    streams: Sequence[UUID],
    positions: PositionRange,
    since: datetime | None = None,
    until: datetime | None = None,
) -> PositionRange:
    """Return the part of a range of positions that two times select in these streams.

    It begins at the first event whose time is `since` or later, and ends at the last one whose time
    is before `until`. Events between them are inside, whatever their time is: a clock may have been
    wrong.
    """
    after, up_to = positions
    if since:
        first = await first_position_since(pool, streams, since)
        after = max(after, MAX_POSITION if first is None else first - 1)
    if until:
        up_to = min(up_to, await newest_position(pool, streams, before=until))
    return PositionRange(after, up_to)


async def read_history(
    pool: ReadPool,
    mapper: Mapper,
    streams: Sequence[UUID],
    positions: PositionRange = EVERYTHING,
    *,
    topics: Sequence[str] | None = None,
    newest_first: bool = False,
    limit: int | None = None,
) -> list[HistoryRow]:
    """Return events of these streams in the order of their positions, or in the reverse."""
    if positions.after >= positions.up_to:
        return []
    statement = SELECT_BACKWARD if newest_first else SELECT_FORWARD
    parameters = {
        "streams": list(streams),
        "after": await _versions_at(pool, streams, positions.after),
        "up_to": await _versions_at(pool, streams, positions.up_to),
        "topics": list(topics) if topics else None,
        "limit": limit,
    }
    rows = await fetch_rows(pool, statement, parameters)
    # The mapper may read keys from the database, which blocks.
    payloads = await asyncio.to_thread(mapper.to_payloads, [row[:7] for row in rows])
    return [_to_history_row(row, payload) for row, payload in zip(rows, payloads, strict=True)]


async def _versions_at(pool: ReadPool, streams: Sequence[UUID], position: int) -> list[int]:
    if position in {0, MAX_POSITION}:
        return [position] * len(streams)
    ends = await stream_ends(pool, streams, position)
    return [ends[stream].version for stream in streams]


async def read_last_position(pool: ReadPool) -> int:
    """Return the position of the newest event; 0 if the log is empty."""
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT coalesce(max(position), 0) FROM easeboard.events")
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


def _to_history_row(row: tuple[Any, ...], payload: dict[str, Any]) -> HistoryRow:
    stream, version, topic, _, recorded_at, person_id, position, *metadata = row
    event_id, actor, correlation_id, causation_id, command_id = metadata
    return HistoryRow(
        position=position,
        stream=stream,
        version=version,
        topic=topic,
        event_id=event_id,
        recorded_at=recorded_at.astimezone(UTC),
        actor=actor,
        correlation_id=correlation_id,
        causation_id=causation_id,
        command_id=command_id,
        person_id=person_id,
        payload=payload,
    )

"""Reads the log for audits: each event with its actor, its person, its time and its cause."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.pools import ReadPool

SELECT_HISTORY = """
SELECT stream, version, topic, state, recorded_at, person_id, position,
       event_id, actor, correlation_id, causation_id, command_id
  FROM easeboard.events
 WHERE stream = ANY(%(streams)s)
   AND position > %(after_position)s
   AND (%(up_to)s::bigint IS NULL OR position <= %(up_to)s)
   AND (%(topics)s::text[] IS NULL OR topic = ANY(%(topics)s))
   AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s)
   AND version > %(after_version)s
 ORDER BY position
 LIMIT %(limit)s
"""


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


async def read_history(
    pool: ReadPool,
    mapper: Mapper,
    streams: Sequence[UUID],
    *,
    after_position: int = 0,
    up_to: int | None = None,
    topics: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after_version: int = 0,
    limit: int | None = None,
) -> list[HistoryRow]:
    """Return events of these streams in the order of their positions.

    `since` is inclusive, `until` is exclusive; both are compared with `recorded_at`.
    """
    parameters = {
        "streams": list(streams),
        "after_position": after_position,
        "up_to": up_to,
        "topics": list(topics) if topics else None,
        "since": since,
        "until": until,
        "after_version": after_version,
        "limit": limit,
    }
    async with pool.connection() as connection:
        cursor = await connection.execute(SELECT_HISTORY, parameters, binary=True)
        rows = await cursor.fetchall()
    # The mapper may read keys from the database, which blocks.
    payloads = await asyncio.to_thread(mapper.to_payloads, [row[:7] for row in rows])
    return [_to_history_row(row, payload) for row, payload in zip(rows, payloads, strict=True)]


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

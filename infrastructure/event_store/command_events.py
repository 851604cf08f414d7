"""Finds what a command has appended to the streams of a person, and when."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.calendar import Calendar
from domain.event import Event, Redacted
from domain.log_position import LogPosition
from domain.sync import Sync
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.pools import ReadPool

CLOCK_MARGIN = timedelta(minutes=5)
"""How far the clock of the database may have gone back since a command was first sent."""

SELECT_CONNECTIONS = """
SELECT stream
  FROM easeboard.events
 WHERE topic = 'ConnectionOpened'
   AND person_id = %s
 ORDER BY position
"""

MAX_COMPARED_EVENTS = 10_000
"""Newest events of one stream that may be compared with the id of a command."""

# Times grow within a stream, so those since the command was first sent are enough. With the limits
# the planner always reads a range of an index, however few streams it expects.
SELECT_COMMAND_EVENTS = """
SELECT e.stream, e.version, e.topic, e.state, e.recorded_at, e.person_id, e.position,
       (SELECT id FROM easeboard.timelines ORDER BY number DESC LIMIT 1)
  FROM unnest(%(streams)s::uuid[]) AS own (stream)
 CROSS JOIN LATERAL (
           SELECT *
             FROM easeboard.events AS later
            WHERE later.stream = own.stream
              AND later.version > coalesce(
                      (
                          SELECT version
                            FROM (
                                     SELECT version, recorded_at
                                       FROM easeboard.events AS own_event
                                      WHERE own_event.stream = own.stream
                                      ORDER BY version DESC
                                      LIMIT %(most)s
                                 ) AS newest
                           WHERE recorded_at < %(since)s
                           ORDER BY version DESC
                           LIMIT 1
                      ),
                      0
                  )
            ORDER BY later.version DESC
            LIMIT %(most)s
       ) AS e
 WHERE e.command_id = %(command)s
 ORDER BY e.position
"""


SELECT_TIME = "SELECT recorded_at FROM easeboard.events WHERE position = %s"


class CommandEvents(NamedTuple):
    """The events that a command has appended, in order, and the place of the last one."""

    events: tuple[Event, ...] = ()
    place: LogPosition | None = None


async def find_command_events(
    person_id: UUID, command_id: UUID, since: datetime, *, pool: ReadPool, mapper: Mapper
) -> CommandEvents:
    """Return what a command has appended about a person since a time; redacted events are left out.

    Raises: EventUnreadable if one of the events cannot be decrypted or decoded.
    """
    async with pool.connection() as connection:
        cursor = await connection.execute(SELECT_CONNECTIONS, [person_id], binary=True)
        connections = [stream for (stream,) in await cursor.fetchall()]
        streams = [Calendar.id_for(person_id), *connections, *map(Sync.id_for, connections)]
        values = {
            "streams": streams,
            "since": since - CLOCK_MARGIN,
            "command": command_id,
            "most": MAX_COMPARED_EVENTS,
        }
        cursor = await connection.execute(SELECT_COMMAND_EVENTS, values, binary=True)
        rows = await cursor.fetchall()
    if not rows:
        return CommandEvents()
    # The mapper may read keys from the database, which blocks.
    events = await asyncio.to_thread(mapper.to_events, [row[:7] for row in rows])
    readable = tuple(event for event in events if not isinstance(event, Redacted))
    return CommandEvents(readable, LogPosition(rows[-1][7], rows[-1][6]))


async def find_append_time(place: LogPosition, *, pool: ReadPool) -> datetime | None:
    """Return when the events of an append were recorded; None if the log has none at its place.

    `place` is that of its last event; all events of an append have one time.
    """
    async with pool.connection() as connection:
        row = await (await connection.execute(SELECT_TIME, [place.position])).fetchone()
    return row[0].astimezone(UTC) if row else None

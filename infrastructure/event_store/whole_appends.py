"""Finds the versions of streams that belong together: no append is divided.

The events of one append become visible at once, so a state with a part of them never was. Positions
of concurrent appends can alternate, so that a position alone can divide an append.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from infrastructure.event_store.stream_positions import (
    EventKey,
    StreamEnd,
    fetch_rows,
    stream_ends,
)
from infrastructure.postgres.pools import ReadPool

SELECT_BEFORE_APPEND = """
SELECT version, position, command_id, recorded_at
  FROM easeboard.events
 WHERE stream = %(stream)s
   AND version < %(version)s
   AND command_id <> %(command)s
 ORDER BY version DESC
 LIMIT 1
"""

SELECT_END_OF_APPEND = """
SELECT position
  FROM easeboard.events
 WHERE stream = %(stream)s
   AND version >= %(version)s
   AND version < coalesce(
           (
               SELECT version
                 FROM easeboard.events
                WHERE stream = %(stream)s
                  AND version > %(version)s
                  AND command_id <> %(command)s
                ORDER BY version
                LIMIT 1
           ),
           9223372036854775807
       )
 ORDER BY version DESC
 LIMIT 1
"""

SELECT_POSITION = "SELECT position FROM easeboard.events WHERE stream = %(s)s AND version = %(v)s"


class Versions(NamedTuple):
    """The versions of streams, in their order, and the position of the last event of all."""

    versions: tuple[int, ...]
    position: int


async def whole_versions(
    pool: ReadPool, groups: Sequence[Sequence[UUID]], up_to: int
) -> list[Versions]:
    """Return how far the streams of each group stand at a position.

    An append to streams of a group that is not wholly up to the position is left out.
    """
    ends = await stream_ends(pool, [stream for group in groups for stream in group], up_to)
    found = []
    for group in groups:
        own = [ends[stream] for stream in group]
        lasts = [
            await _event_before_append(pool, stream, end.last)
            if end.last and is_divided(end.last, own)
            else end.last
            for stream, end in zip(group, own, strict=True)
        ]
        versions = tuple(last.version if last else 0 for last in lasts)
        found.append(Versions(versions, max((last.position for last in lasts if last), default=0)))
    return found


async def end_of_append(
    pool: ReadPool, streams: Sequence[UUID], stream: UUID, version: int
) -> int | None:
    """Return the position of the last event of the append that gave one stream a version.

    None if the stream has no such version. `streams` are those that an append can write to.
    """
    rows = await fetch_rows(pool, SELECT_POSITION, {"s": stream, "v": version})
    if not rows:
        return None
    end: int = rows[0][0]
    ends = await stream_ends(pool, streams, end)
    event = ends[stream].last
    for each, at in ends.items():
        following = at.next
        if event and following and is_divided(event, [*ends.values()], [following]):
            key = {"stream": each, "version": following.version, "command": event.command_id}
            [(position,)] = await fetch_rows(pool, SELECT_END_OF_APPEND, key)
            end = max(end, position)
    return end


def is_divided(
    event: EventKey, ends: Sequence[StreamEnd], following: Sequence[EventKey | None] | None = None
) -> bool:
    """Return whether the append of a last event goes on after the ends of these streams.

    Earlier releases gave the events of an append several times, and a command can make several
    appends. Events of one command count as one append if they have one time or nothing is between.
    """
    newest = max((end.last for end in ends if end.last), key=lambda last: last.position)
    nexts = [end.next for end in ends] if following is None else following
    return any(
        each is not None
        and each.command_id == event.command_id
        and (each.recorded_at == event.recorded_at or newest.command_id == event.command_id)
        for each in nexts
    )


async def _event_before_append(pool: ReadPool, stream: UUID, event: EventKey) -> EventKey | None:
    key = {"stream": stream, "version": event.version, "command": event.command_id}
    rows = await fetch_rows(pool, SELECT_BEFORE_APPEND, key)
    return EventKey(*rows[0]) if rows else None

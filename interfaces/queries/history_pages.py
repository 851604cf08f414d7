"""Pages of the events of a connection, in the order of the log and in the reverse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import orjson

from domain.log_position import LogPosition
from infrastructure.event_store.history import HistoryRow, PositionRange, find_range, read_history
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.mark_waiter import MarkWaiter
from infrastructure.event_store.stream_positions import newest_position
from infrastructure.postgres.pools import ReadPool
from projections.support.json_documents import format_rfc3339
from projections.support.page import (
    Page,
    decode_cursor,
    encode_cursor,
    order_parser,
    parse_position_key,
    rows_to_fetch,
)

NO_SEAL_YET = None
"""Value of the member `seal` of each event: the log has no tamper-evident checkpoints yet."""
NEWEST_FIRST = "-position"
STREAM_NAMES = ("connection", "sync", "readings")
"""What auditors call the streams of a connection, in the order of `history_streams`."""
WAIT_SECONDS = 2.0
"""How long a page waits for appends that are open, if it would be empty without waiting."""


class LogNotSettled(Exception):
    """What is asked for is in the log, but beyond the high-water mark: it can be read soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """Which events a list has: `since` and `until` are points in the order of the log."""

    types: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    after_position: int = 0


@dataclass(frozen=True, slots=True)
class HistoryPages:
    """Reads pages of the history that these streams have."""

    pool: ReadPool
    mapper: Mapper
    marks: MarkWaiter
    streams: Sequence[UUID]

    async def oldest_first(
        self, wanted: HistoryFilter, at: LogPosition, cursor: str | None, limit: int | None
    ) -> tuple[Page, LogPosition]:
        """Return the page after a cursor, which has a position and the end of the walk.

        The walk ends at the event that was the newest one when its first page was read. What of it
        is beyond the high-water mark is left to a later page.

        Raises: BadCursor if the cursor does not belong to this list.
        """
        after, end = decode_cursor(cursor, parse_position_key, parse_position_key)
        if end is None:
            end = await newest_position(self.pool, self.streams)
        after = max(after or 0, wanted.after_position)
        if after > wanted.after_position:
            wanted = replace(wanted, since=None)  # an earlier page began there
        rows = await self._read(wanted, after, end, limit)
        if rows and rows[0].position > at.position:
            at = await self.marks.wait_for(rows[0].position, WAIT_SECONDS)
            rows = await self._read(wanted, after, end, limit)
        shown = [row for row in rows if row.position <= at.position][:limit]
        after = shown[-1].position if shown else after
        return self._page(shown, (after, end) if len(shown) < len(rows) else None), at

    async def newest_first(
        self, wanted: HistoryFilter, at: LogPosition, cursor: str | None, limit: int | None
    ) -> tuple[Page, LogPosition]:
        """Return the page before a cursor, which has a position.

        The first page begins at the high-water mark, so it waits for what is beyond. A later page
        waits if the mark of this process has not reached the page before.

        Raises: BadCursor if the cursor does not belong to this list; LogNotSettled.
        """
        _, before = decode_cursor(cursor, order_parser(NEWEST_FIRST), parse_position_key)
        if before is None:
            newest = await newest_position(self.pool, self.streams)
            if newest > at.position:
                at = await self.marks.wait_for(newest, WAIT_SECONDS)
            before = at.position + 1
        end = before - 1
        if end > at.position:
            end = min(end, await newest_position(self.pool, self.streams))
            at = await self.marks.wait_for(end, WAIT_SECONDS)
        if end > at.position:
            raise LogNotSettled
        rows = await self._read(wanted, wanted.after_position, end, limit, newest_first=True)
        shown = rows[:limit]
        is_last = len(shown) == len(rows)
        return self._page(shown, None if is_last else (NEWEST_FIRST, shown[-1].position)), at

    async def _read(
        self,
        wanted: HistoryFilter,
        after: int,
        end: int,
        limit: int | None,
        *,
        newest_first: bool = False,
    ) -> list[HistoryRow]:
        """Read one event more than a page has; it may be beyond the high-water mark."""
        positions = await find_range(
            self.pool, self.streams, PositionRange(after, end), wanted.since, wanted.until
        )
        return await read_history(
            self.pool,
            self.mapper,
            self.streams,
            positions,
            topics=sorted(wanted.types),
            newest_first=newest_first,
            limit=rows_to_fetch(limit),
        )

    def _page(self, rows: Sequence[HistoryRow], cursor: tuple[object, ...] | None) -> Page:
        names = dict(zip(self.streams, STREAM_NAMES, strict=True))
        items = [_encode_event(row, names[row.stream]) for row in rows]
        return Page(items, encode_cursor(*cursor) if cursor else None)


def _encode_event(row: HistoryRow, stream: str) -> bytes:
    return orjson.dumps(
        {
            "position": row.position,
            "event_id": row.event_id,
            "stream": stream,
            "version": row.version,
            "type": row.topic,
            "recorded_at": format_rfc3339(row.recorded_at),
            "actor": row.actor,
            "correlation_id": row.correlation_id,
            "causation_id": row.causation_id,
            "payload": row.payload,
            "seal": NO_SEAL_YET,
        }
    )

"""Pages of the events of a connection, in the order of the log and in the reverse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from domain.log_position import LogPosition
from infrastructure.event_store.history import HistoryRow, PositionRange, find_range, read_history
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.mark_waiter import MarkWaiter
from infrastructure.event_store.stream_positions import newest_position
from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.event_proofs import seals_of
from interfaces.queries.event_names import EventNames
from interfaces.queries.event_sentences import NO_NAMES, SentenceNames, sentence_of
from interfaces.queries.own_readings import (
    READING,
    OtherEvents,
    events_but_readings_of,
    newest_basis,
    oldest_basis,
)
from projections.support.json_documents import format_rfc3339
from projections.support.page import (
    Page,
    decode_cursor,
    encode_cursor,
    order_parser,
    parse_position_key,
    rows_to_fetch,
)

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
    """Reads pages of the history that these streams have.

    With a `reader`, the basis of a page does not depend on the readings of this reader.
    """

    pool: ReadPool
    mapper: Mapper
    marks: MarkWaiter
    streams: Sequence[UUID]
    names: EventNames
    reader: str | None = None

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
        others = await self._others(wanted, cursor, min(end, at.position))
        rows = await self._read(wanted, after, end, limit)
        if rows and rows[0].position > at.position:
            at = await self.marks.wait_for(rows[0].position, WAIT_SECONDS)
            rows = await self._read(wanted, after, end, limit)
        shown = [row for row in rows if row.position <= at.position][:limit]
        after = shown[-1].position if shown else after
        page = await self._page(shown, (after, end) if len(shown) < len(rows) else None)
        if others:
            has_next = len(shown) == limit and others.position > after
            page = page._replace(basis=oldest_basis(self._not_own(shown, page), has_next))
        return page, at

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
        others = await self._others(wanted, cursor, end)
        rows = await self._read(wanted, wanted.after_position, end, limit, newest_first=True)
        shown = rows[:limit]
        is_last = len(shown) == len(rows)
        page = await self._page(shown, None if is_last else (NEWEST_FIRST, shown[-1].position))
        return page._replace(basis=newest_basis(others) if others else None), at

    def _not_own(self, rows: Sequence[HistoryRow], page: Page) -> list[bytes]:
        """Return the items of a page that are no readings of the reader."""
        return [
            item
            for row, item in zip(rows, page.items, strict=True)
            if row.topic != READING or row.actor != self.reader
        ]

    async def _others(
        self, wanted: HistoryFilter, cursor: str | None, up_to: int
    ) -> OtherEvents | None:
        """Return what the basis of a first page depends on, if it can have own readings.

        A later page ends at an event that is named in its cursor, so nothing new comes into it.
        This is read before the page, so that the basis is never that of a later state.
        """
        may_have_readings = not wanted.types or READING in wanted.types
        if self.reader is None or cursor is not None or not may_have_readings:
            return None
        return await events_but_readings_of(self.reader, self.streams, up_to, self.pool)

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

    async def _page(self, rows: Sequence[HistoryRow], cursor: tuple[object, ...] | None) -> Page:
        streams = dict(zip(self.streams, STREAM_NAMES, strict=True))
        names = await self.names.names_of(rows)
        seals = await seals_of(self.pool, [row.position for row in rows]) if rows else {}
        items = [
            _encode_event(
                row,
                streams[row.stream],
                names.get(row.position, NO_NAMES),
                seals.get(row.position),
            )
            for row in rows
        ]
        return Page(items, encode_cursor(*cursor) if cursor else None)


def _encode_event(
    row: HistoryRow, stream: str, names: SentenceNames, seal: dict[str, Any] | None
) -> bytes:
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
            "sentence": sentence_of(row.topic, row.payload, names),
            "seal": seal,
        }
    )

"""Queries of the event log for auditors: the events of a connection, and its past states.

They read no further than the high-water mark, beyond which events can still appear.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import orjson
import structlog

from domain.circuit_breaker import CircuitBreaker
from domain.connection import Connection
from domain.errors import ConnectionNotFound
from domain.history_access import HistoryAccess
from domain.log_position import LogPosition
from domain.sync import Sync
from infrastructure.canvas.circuit_breakers import load_circuit_breakers
from infrastructure.event_store.errors import EventUnreadable, describe_error
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.mark_waiter import MarkWaiter
from infrastructure.event_store.store import EventStore
from infrastructure.event_store.stream_positions import (
    OpenedConnection,
    is_connection_stream,
    newest_opened_position,
    newest_position,
    opened_connections,
)
from infrastructure.event_store.whole_appends import (
    end_of_append,
    whole_versions,
)
from infrastructure.postgres.pools import ReadPool
from interfaces.queries.current_state import connection_document, state_document
from interfaces.queries.history_pages import (
    NEWEST_FIRST,
    WAIT_SECONDS,
    HistoryFilter,
    HistoryPages,
    LogNotSettled,
)
from projections.support.page import Page, build_page, decode_cursor, parse_position_key

R = TypeVar("R")

logger = structlog.get_logger()


class LogReading(NamedTuple, Generic[R]):
    """The result of a query of the log, and the high-water mark at which it was read."""

    result: R
    place: LogPosition


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHistory:
    """The queries of recorded history; `interval` is the time between two scheduled syncs.

    `at` is a high-water mark that the caller has read; without it, a query reads the mark itself.
    These queries record nothing: the caller records that history was read.
    """

    store: EventStore
    mapper: Mapper
    pool: ReadPool
    marks: MarkWaiter
    interval: timedelta

    async def history(
        self,
        connection_id: UUID,
        *,
        at: LogPosition | None = None,
        types: frozenset[str] = frozenset(),
        since: datetime | None = None,
        until: datetime | None = None,
        after_position: int = 0,
        sort: str = "position",
        cursor: str | None = None,
        limit: int | None = 100,
    ) -> LogReading[Page]:
        """Return a page of a connection's events, in the order of the log or in the reverse.

        The events are those of the connection, of its syncs and of reads of its history. `since`
        and `until` select what is between the first event at or after `since` and the last one
        before `until`. No page has events that were appended after the first page was read.
        Otherwise the list would have no end, as each read adds an event.

        Raises:
            ConnectionNotFound: If no such connection was ever opened.
            BadCursor: If the cursor does not belong to this list in this order.
        """
        await self._require_connection(connection_id)
        at = at or await self.marks.settled_place()
        pages = HistoryPages(self.pool, self.mapper, self.marks, history_streams(connection_id))
        wanted = HistoryFilter(types=types, since=since, until=until, after_position=after_position)
        read_page = pages.newest_first if sort == NEWEST_FIRST else pages.oldest_first
        return LogReading(*await read_page(wanted, at, cursor, limit))

    async def state_at(
        self,
        connection_id: UUID,
        *,
        at: LogPosition | None = None,
        as_of: datetime | None = None,
        version: int | None = None,
    ) -> LogReading[dict[str, Any]]:
        """Return the state of a connection and its syncs at a time or at a version of it.

        At a time, it is the state after the last event in the log whose time is not later. If both
        are None, it is the state at the high-water mark. No append is shown in part.

        Raises:
            ConnectionNotFound: If the connection was never opened or had no such version.
            LogNotSettled: If the version is beyond the high-water mark for too long.
        """
        await self._require_connection(connection_id)
        at = at or await self.marks.settled_place()
        streams = history_streams(connection_id)[:2]
        if version is None:
            up_to, at = await self._last_position(streams, as_of, at)
        else:
            up_to, at = await self._position_of_version(streams, version, at)
        [found] = await whole_versions(self.pool, [streams], up_to)
        connection, sync = await asyncio.to_thread(
            self._load_at_versions, connection_id, found.versions
        )
        return LogReading(state_document(connection, sync, found.position, self.interval), at)

    async def connections(
        self,
        *,
        at: LogPosition | None = None,
        user_id: UUID | None = None,
        canvas_url: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> LogReading[Page]:
        """Return a page of the connections of all people, closed ones too, oldest first.

        Each item is a connection with its `user_id`, as JSON, as it is at the high-water mark.
        Raises: BadCursor if the cursor does not belong to this list.
        """
        [after] = decode_cursor(cursor, parse_position_key)
        at = at or await self.marks.settled_place()
        newest = await newest_opened_position(self.pool)
        if newest > at.position:
            at = await self.marks.wait_for(newest, WAIT_SECONDS)
        circuit_breakers = await load_circuit_breakers(self.pool)
        items: list[tuple[int, bytes]] = []
        while len(items) <= limit:
            opened = await opened_connections(
                self.pool, after=after or 0, up_to=at.position, person_id=user_id, limit=limit + 1
            )
            if not opened:
                break
            after = opened[-1].position
            async for connection, sync, position in self._load_at(opened, at.position):
                if canvas_url in {None, connection.canvas_url}:
                    document = self._encode_connection(connection, sync, circuit_breakers)
                    items.append((position, document))
        page = build_page(items[: limit + 1], limit, lambda row: row[1], lambda row: row[:1])
        return LogReading(page, at)

    async def _load_at(
        self, opened: Sequence[OpenedConnection], up_to: int
    ) -> AsyncIterator[tuple[Connection, Sync, int]]:
        """Yield connections as they are at a position; not the last one if it is opened there.

        One with an event that cannot be read is as it was before this event; one of which nothing
        can be read is logged and left out.
        """
        groups = [history_streams(each.stream)[:2] for each in opened]
        ends = await whole_versions(self.pool, groups, up_to)
        for each, found in zip(opened, ends, strict=True):
            if found.versions[0]:
                connection, sync = await asyncio.to_thread(
                    self._load_readable, each.stream, found.versions
                )
                if connection.exists:
                    yield connection, sync, each.position

    async def _last_position(
        self, streams: Sequence[UUID], as_of: datetime | None, at: LogPosition
    ) -> tuple[int, LogPosition]:
        """Return the position of the last event at a time, and the high-water mark then."""
        newest = await newest_position(self.pool, streams, at=as_of)
        if newest <= at.position:
            return newest, at
        at = await self.marks.wait_for(newest, WAIT_SECONDS)
        return await newest_position(self.pool, streams, up_to=at.position, at=as_of), at

    async def _position_of_version(
        self, streams: Sequence[UUID], version: int, at: LogPosition
    ) -> tuple[int, LogPosition]:
        """Return the position of the end of the append that gave the connection a version."""
        connection_id = streams[0]
        if version == 0:
            return 0, at
        position = await end_of_append(self.pool, streams, connection_id, version)
        if position is None:
            raise ConnectionNotFound(connection_id)
        if position > at.position:
            at = await self.marks.wait_for(position, WAIT_SECONDS)
        if position > at.position:
            raise LogNotSettled
        return position, at

    def _encode_connection(
        self, connection: Connection, sync: Sync, circuit_breakers: Mapping[str, CircuitBreaker]
    ) -> bytes:
        document = connection_document(connection, sync, self.interval, circuit_breakers)
        return orjson.dumps(document | {"user_id": connection.person_id})

    async def _require_connection(self, connection_id: UUID) -> None:
        if not await is_connection_stream(self.pool, connection_id):
            raise ConnectionNotFound(connection_id)

    def _load_readable(
        self, connection_id: UUID, versions: Sequence[int]
    ) -> tuple[Connection, Sync]:
        """Load both aggregates at versions, or before the first event that cannot be read."""
        readable = list(versions)
        while True:
            try:
                return self._load_at_versions(connection_id, readable)
            except EventUnreadable as error:
                logger.warning("audit.event_unreadable", error=describe_error(error))
                readable[0 if error.stream == connection_id else 1] = error.version - 1

    def _load_at_versions(
        self, connection_id: UUID, versions: Sequence[int]
    ) -> tuple[Connection, Sync]:
        connection_version, sync_version = versions
        stream = Sync.id_for(connection_id)
        connection = Connection.new(connection_id)
        sync = Sync.new(stream)
        if connection_version:
            connection = self.store.load_blocking(
                Connection, connection_id, version=connection_version
            )
        if sync_version:
            sync = self.store.load_blocking(Sync, stream, version=sync_version)
        return connection, sync


def history_streams(connection_id: UUID) -> list[UUID]:
    """Return the ids of the streams of a connection: itself, its syncs and its history reads."""
    return [connection_id, Sync.id_for(connection_id), HistoryAccess.id_for(connection_id)]

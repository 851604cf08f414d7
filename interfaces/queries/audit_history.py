"""Queries of the event log for auditors: the events of a connection, and its past states.

They read no further than the high-water mark, beyond which events can still appear.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from domain.connection import Connection
from domain.errors import ConnectionNotFound
from domain.history_access import HistoryAccess
from domain.log_position import LogPosition
from domain.sync import Sync
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.mark_waiter import MarkWaiter
from infrastructure.event_store.store import EventStore
from infrastructure.event_store.stream_positions import (
    is_connection_stream,
    newest_position,
)
from infrastructure.event_store.whole_appends import (
    Versions,
    end_of_append,
    whole_versions,
)
from infrastructure.postgres.pools import ReadPool
from interfaces.queries.current_state import state_document
from interfaces.queries.event_names import EventNames
from interfaces.queries.history_pages import (
    NEWEST_FIRST,
    WAIT_SECONDS,
    HistoryFilter,
    HistoryPages,
    LogNotSettled,
)
from projections.support.page import (
    Page,
)

R = TypeVar("R")


class LogReading(NamedTuple, Generic[R]):
    """The result of a query of the log, and the high-water mark at which it was read."""

    result: R
    place: LogPosition


@dataclass(unsafe_hash=True)
class VersionNotFound(ConnectionNotFound):
    """The connection exists, and never had this version."""

    version: int
    newest: int

    def __str__(self) -> str:
        return (
            f"The connection {self.connection_id} has no version {self.version};"
            f" its newest one is {self.newest}."
        )


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
    names: EventNames
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
        reader: str | None = None,
    ) -> LogReading[Page]:
        """Return a page of a connection's events, in the order of the log or in the reverse.

        The events are those of the connection, of its syncs and of reads of its history. `since`
        and `until` select what is between the first event at or after `since` and the last one
        before `until`. No page has events that were appended after the first page was read.
        Otherwise the list would have no end, as each read adds an event. With a `reader`, the
        basis of the page does not depend on the readings of this reader.

        Raises:
            ConnectionNotFound: If no such connection was ever opened.
            BadCursor: If the cursor does not belong to this list in this order.
        """
        await self._require_connection(connection_id)
        at = at or await self.marks.settled_place()
        streams = history_streams(connection_id)
        pages = HistoryPages(self.pool, self.mapper, self.marks, streams, self.names, reader)
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
            ConnectionNotFound: If the connection was never opened.
            VersionNotFound: If it had no such version.
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

    async def versions_at(
        self,
        connection_id: UUID,
        *,
        at: LogPosition | None = None,
        as_of: datetime | None = None,
    ) -> tuple[Versions, LogPosition]:
        """Return how far the connection and its syncs stood at a time, and the high-water mark.

        Whoever reads events up to these versions has the first one of the stream, which shows
        whether it is a connection; it is not read here.

        Raises: ConnectionNotFound if the stream had no events then, and is not a connection.
        """
        at = at or await self.marks.settled_place()
        streams = history_streams(connection_id)[:2]
        up_to, at = await self._last_position(streams, as_of, at)
        [found] = await whole_versions(self.pool, [streams], up_to)
        if not found.versions[0]:
            await self._require_connection(connection_id)
        return found, at

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
            [newest] = await whole_versions(self.pool, [streams], at.position)
            raise VersionNotFound(connection_id, version, newest.versions[0])
        if position > at.position:
            at = await self.marks.wait_for(position, WAIT_SECONDS)
        if position > at.position:
            raise LogNotSettled
        return position, at

    async def _require_connection(self, connection_id: UUID) -> None:
        if not await is_connection_stream(self.pool, connection_id):
            raise ConnectionNotFound(connection_id)

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

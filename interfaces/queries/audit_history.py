"""Queries of the event log for auditors: the events of a connection, and its past states."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from domain.circuit_breaker import CircuitBreaker
from domain.connection import Connection
from domain.errors import ConnectionNotFound
from domain.history_access import HistoryAccess
from domain.sync import Sync
from infrastructure.canvas.circuit_breakers import load_circuit_breakers
from infrastructure.event_store.history import HistoryRow, read_history, read_last_position
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.event_store.stream_positions import (
    is_connection_stream,
    opened_connections,
    position_of_version,
    positions_at,
)
from infrastructure.postgres.pools import ReadPool
from interfaces.queries.current_state import connection_document, state_document
from projections.support.json_documents import format_rfc3339
from projections.support.page import Page, build_page, decode_cursor, parse_position_key

NO_SEAL_YET = None
"""Value of the member `seal` of each event: the log has no tamper-evident checkpoints yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHistory:
    """The queries of recorded history; `interval` is the time between two scheduled syncs.

    These queries record nothing: the caller records that history was read.
    """

    store: EventStore
    mapper: Mapper
    pool: ReadPool
    interval: timedelta

    async def history(
        self,
        connection_id: UUID,
        *,
        types: frozenset[str] = frozenset(),
        since: datetime | None = None,
        until: datetime | None = None,
        after_version: int | None = None,
        cursor: str | None = None,
        limit: int | None = 100,
    ) -> Page:
        """Return a page of a connection's events in the order of the log.

        The events are those of the connection, of its syncs and of reads of its history; each is
        the JSON object that `_encode_event` builds. No page has events that were appended after
        the first page was read. Otherwise the list would have no end, as each read adds an event.

        Raises:
            ConnectionNotFound: If no such connection was ever opened.
            BadCursor: If the cursor does not belong to this list.
        """
        await self._require_connection(connection_id)
        after, up_to = decode_cursor(cursor, parse_position_key, parse_position_key)
        up_to = await read_last_position(self.pool) if up_to is None else up_to
        rows = await read_history(
            self.pool,
            self.mapper,
            history_streams(connection_id),
            after_position=after or 0,
            up_to=up_to,
            topics=sorted(types) or None,
            since=since,
            until=until,
            after_version=after_version or 0,
            limit=None if limit is None else limit + 1,
        )
        items = [(row.position, up_to, _encode_event(row)) for row in rows]
        return build_page(items, limit, lambda row: row[2], lambda row: row[:2])

    async def state_at(
        self, connection_id: UUID, *, as_of: datetime | None = None, version: int | None = None
    ) -> dict[str, Any]:
        """Return the state of a connection and its syncs at a time or at a version of it.

        If both are None, it is the current state. `state_document` builds the result.
        Raises: ConnectionNotFound if the connection was never opened or had no such version.
        """
        await self._require_connection(connection_id)
        up_to = None
        if version:
            up_to = await position_of_version(self.pool, connection_id, version)
            if up_to is None:
                raise ConnectionNotFound(connection_id)
        streams = history_streams(connection_id)[:2]
        positions = await positions_at(
            self.pool, streams, up_to=0 if version == 0 else up_to, as_of=as_of
        )
        versions = [positions.get(stream, (0, 0))[0] for stream in streams]
        connection, sync = await asyncio.to_thread(self._load_at_versions, connection_id, *versions)
        last_position = max((position for _, position in positions.values()), default=0)
        return state_document(connection, sync, last_position, self.interval)

    async def connections(
        self,
        *,
        user_id: UUID | None = None,
        canvas_url: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Return a page of the connections of all people, closed ones too, oldest first.

        Each item is a connection with its `user_id`, as JSON.
        Raises: BadCursor if the cursor does not belong to this list.
        """
        [after] = decode_cursor(cursor, parse_position_key)
        circuit_breakers = await load_circuit_breakers(self.pool)
        items: list[tuple[int, bytes]] = []
        while len(items) <= limit:
            rows = await opened_connections(
                self.pool, after=after or 0, person_id=user_id, limit=limit + 1
            )
            if not rows:
                break
            for stream, after in rows:
                connection = await self.store.load(Connection, stream)
                if canvas_url in {None, connection.canvas_url}:
                    items.append(
                        (after, await self._encode_connection(connection, circuit_breakers))
                    )
        return build_page(items[: limit + 1], limit, lambda row: row[1], lambda row: row[:1])

    async def _encode_connection(
        self, connection: Connection, circuit_breakers: Mapping[str, CircuitBreaker]
    ) -> bytes:
        sync = await self.store.load(Sync, Sync.id_for(connection.id))
        document = connection_document(connection, sync, self.interval, circuit_breakers)
        return orjson.dumps(document | {"user_id": connection.person_id})

    async def _require_connection(self, connection_id: UUID) -> None:
        if not await is_connection_stream(self.pool, connection_id):
            raise ConnectionNotFound(connection_id)

    def _load_at_versions(
        self, connection_id: UUID, connection_version: int, sync_version: int
    ) -> tuple[Connection, Sync]:
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


def _encode_event(row: HistoryRow) -> bytes:
    return orjson.dumps(
        {
            "position": row.position,
            "stream": row.stream,
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

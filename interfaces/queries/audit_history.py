"""What auditors are shown: the events of a connection, and its state as it stood."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from domain.circuit_breaker import Circuit
from domain.connection import Connection
from domain.errors import ConnectionNotFound
from domain.history_access import Reading
from domain.sync import Sync
from infrastructure.canvas.circuit_breakers import circuits
from infrastructure.event_store.history import AsyncPool, HistoryRow, head, history
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.event_store.stream_positions import is_connection, opened, position_of, stood
from interfaces.queries.current_state import connection_document, state_document
from projections.support.json_documents import rfc3339
from projections.support.page import Page, keys_of, page, position


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """Recorded history, read on an auditor's behalf."""

    store: EventStore
    mapper: Mapper
    pool: AsyncPool
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
        """Everything recorded about a connection, in the order of the log.

        A cursor goes no further than the log did on the first page, so that reading, which is
        recorded too, comes to an end. Raises ConnectionNotFound and BadCursor.
        """
        await self._must_exist(connection_id)
        after, upto = keys_of(cursor, position, position)
        upto = await head(self.pool) if upto is None else upto
        rows = await history(
            self.pool,
            self.mapper,
            streams_of(connection_id),
            after_position=after or 0,
            upto=upto,
            topics=sorted(types) or None,
            since=since,
            until=until,
            after_version=after_version or 0,
            limit=None if limit is None else limit + 1,
        )
        shown = [(row.position, upto, _event(row)) for row in rows]
        return page(shown, limit, lambda row: row[2], lambda row: row[:2])

    async def state_at(
        self, connection_id: UUID, *, as_of: datetime | None = None, version: int | None = None
    ) -> dict[str, Any]:
        """Both aggregates as they stood at a time, or when the connection had a version.

        Raises ConnectionNotFound, also where the connection never had that version.
        """
        await self._must_exist(connection_id)
        upto = None
        if version:
            upto = await position_of(self.pool, connection_id, version)
            if upto is None:
                raise ConnectionNotFound(connection_id)
        streams = streams_of(connection_id)[:2]
        reached = await stood(self.pool, streams, upto=0 if version == 0 else upto, as_of=as_of)
        versions = [reached.get(stream, (0, 0))[0] for stream in streams]
        connection, sync = await asyncio.to_thread(self._load, connection_id, *versions)
        last = max((at for _, at in reached.values()), default=0)
        return state_document(connection, sync, last, self.interval)

    async def connections(
        self,
        *,
        user_id: UUID | None = None,
        canvas_url: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Connections of everybody, closed ones too, in the order they were opened."""
        [after] = keys_of(cursor, position)
        there = await circuits(self.pool)
        items: list[tuple[int, bytes]] = []
        while len(items) <= limit:
            rows = await opened(self.pool, after=after or 0, person_id=user_id, limit=limit + 1)
            if not rows:
                break
            for stream, after in rows:
                connection = await self.store.load(Connection, stream)
                if canvas_url in {None, connection.canvas_url}:
                    items.append((after, await self._audited(connection, there)))
        return page(items[: limit + 1], limit, lambda row: row[1], lambda row: row[:1])

    async def _audited(self, connection: Connection, there: Mapping[str, Circuit]) -> bytes:
        sync = await self.store.load(Sync, Sync.id_for(connection.id))
        document = connection_document(connection, sync, self.interval, there)
        return orjson.dumps(document | {"user_id": connection.person_id})

    async def _must_exist(self, connection_id: UUID) -> None:
        if not await is_connection(self.pool, connection_id):
            raise ConnectionNotFound(connection_id)

    def _load(self, connection_id: UUID, version: int, synced: int) -> tuple[Connection, Sync]:
        stream = Sync.id_for(connection_id)
        connection = Connection.unborn(connection_id)
        sync = Sync.unborn(stream)
        if version:
            connection = self.store.load_now(Connection, connection_id, version=version)
        if synced:
            sync = self.store.load_now(Sync, stream, version=synced)
        return connection, sync


def streams_of(connection_id: UUID) -> list[UUID]:
    """The streams that make up a connection's history."""
    return [connection_id, Sync.id_for(connection_id), Reading.id_for(connection_id)]


def _event(row: HistoryRow) -> bytes:
    return orjson.dumps(
        {
            "position": row.position,
            "stream": row.stream,
            "version": row.version,
            "type": row.topic,
            "recorded_at": rfc3339(row.recorded_at),
            "actor": row.actor,
            "correlation_id": row.correlation_id,
            "causation_id": row.causation_id,
            "payload": row.payload,
            "seal": None,
        }
    )

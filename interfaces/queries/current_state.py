"""Builds the JSON documents of a connection and its newest run from their aggregates.

They are equal to those of the read models, but do not lag behind a command. Times are text in the
format of RFC 3339.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from application.event_metadata import current_metadata
from application.ports import Store
from domain.aggregate import NO_PERSON
from domain.circuit_breaker import CLOSED, CircuitBreaker, postpone
from domain.connection import Connection
from domain.next_sync import next_run_at
from domain.sync import Sync
from projections.support.connection_document import build_connection_document
from projections.support.json_documents import format_rfc3339

LoadCircuitBreakers = Callable[[], Awaitable[Mapping[str, CircuitBreaker]]]


@dataclass(frozen=True, slots=True)
class CurrentState:
    """Queries of the event log; `interval` is the time between two scheduled syncs."""

    store: Store
    interval: timedelta
    load_circuit_breakers: LoadCircuitBreakers

    async def connection(self, connection_id: UUID) -> dict[str, Any]:
        """Return the state of an opened connection, as `connection_document` builds it.

        It is the one after the append of this command, also if its response was lost; without an
        append, the current one.
        """
        metadata = current_metadata()
        recorded = {event.originator_id: event.originator_version for event in metadata.recorded}
        versions = recorded or metadata.versions
        stream = Sync.id_for(connection_id)
        connection = await self.store.load(
            Connection, connection_id, version=versions.get(connection_id)
        )
        sync = await self.store.load(Sync, stream, version=versions.get(stream))
        circuit_breakers = await self.load_circuit_breakers()
        return connection_document(connection, sync, self.interval, circuit_breakers)

    async def sync(self, connection_id: UUID) -> dict[str, Any] | None:
        """Return the current state of a connection's newest run; None if there was none yet."""
        return sync_document(await self.store.load(Sync, Sync.id_for(connection_id)))


def connection_document(
    connection: Connection,
    sync: Sync,
    interval: timedelta,
    circuit_breakers: Mapping[str, CircuitBreaker],
) -> dict[str, Any]:
    """Return a connection as `GET /canvas/connections/{id}` shows it."""
    document = build_connection_document(
        connection.id,
        connection,
        status=connection.status,
        token_rotated_at=format_time(connection.token_rotated_at),
        last_validated_at=format_time(connection.validated_at),
        last_synced_at=format_time(sync.last_completed_at),
        created_at=format_time(connection.opened_at),
        version=connection.version,
    )
    due_at = next_run_at(connection, sync, interval)
    open_until = circuit_breakers.get(connection.canvas_url, CLOSED).open_until
    next_sync_at = format_rfc3339(postpone(due_at, open_until)) if due_at else None
    return {**document, "next_sync_at": next_sync_at}


def sync_document(sync: Sync) -> dict[str, Any] | None:
    """Return the newest run as `GET /sync/logs` shows it; None if there was none yet."""
    run = sync.run
    if run is None:
        return None
    started_at, finished_at = format_time(run["started_at"]), format_time(run["finished_at"])
    return {**run, "started_at": started_at, "finished_at": finished_at}


def state_document(
    connection: Connection, sync: Sync, position: int, interval: timedelta
) -> dict[str, Any]:
    """Return the state of both aggregates at a position of the log, with their versions.

    `connection` is None if it did not exist yet. `sync.courses` has the last read state of every
    course, by its Canvas id. Of an erased person there are only the versions, and `redacted`.
    """
    is_redacted = connection.exists and connection.person_id == NO_PERSON
    connection_state = (
        connection_document(connection, sync, interval, {}) if connection.opened_at else None
    )
    return {
        "connection_id": connection.id,
        "position": position,
        "version": connection.version,
        "redacted": is_redacted,
        "connection": connection_state,
        "sync": {
            "version": sync.version,
            "run": sync_document(sync),
            "completed_once": None if is_redacted else sync.completed_once,
            "courses": None if is_redacted else sync.courses,
        },
    }


def format_time(text: str | None) -> str | None:
    """Return a time of an aggregate as RFC 3339 text in UTC; None for None."""
    return None if text is None else format_rfc3339(datetime.fromisoformat(text))

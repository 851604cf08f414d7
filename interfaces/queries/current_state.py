"""A connection and its newest run as aggregates tell them, in the contract's words.

The same documents as the read models give, for answers that must not lag behind a command.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from application.ports import Store
from domain.circuit_breaker import CLOSED, CircuitBreaker, postpone
from domain.connection import Connection
from domain.next_sync import next_run_at
from domain.sync import Sync
from projections.support.json_documents import format_rfc3339

LoadCircuitBreakers = Callable[[], Awaitable[Mapping[str, CircuitBreaker]]]


@dataclass(frozen=True, slots=True)
class CurrentState:
    """Answers from the log itself."""

    store: Store
    interval: timedelta
    load_circuit_breakers: LoadCircuitBreakers

    async def connection(self, connection_id: UUID) -> dict[str, Any]:
        """A connection as it stands after everything recorded so far."""
        connection = await self.store.load(Connection, connection_id)
        sync = await self.store.load(Sync, Sync.id_for(connection_id))
        circuit_breakers = await self.load_circuit_breakers()
        return connection_document(connection, sync, self.interval, circuit_breakers)

    async def sync(self, connection_id: UUID) -> dict[str, Any] | None:
        """The newest run of a connection as it stands after everything recorded so far."""
        return sync_document(await self.store.load(Sync, Sync.id_for(connection_id)))


def connection_document(
    connection: Connection,
    sync: Sync,
    interval: timedelta,
    circuit_breakers: Mapping[str, CircuitBreaker],
) -> dict[str, Any]:
    """A connection as `GET /canvas/connections/{id}` shows it."""
    due_at = next_run_at(connection, sync, interval)
    circuit_breaker = circuit_breakers.get(connection.canvas_url, CLOSED)
    return {
        "id": connection.id,
        "canvas_url": connection.canvas_url,
        "canvas_name": connection.canvas_name,
        "canvas_user": {"id": connection.canvas_user_id, "name": connection.canvas_user_name},
        "status": connection.status,
        "token_fingerprint": connection.token_fingerprint,
        "token_rotated_at": _format_time(connection.token_rotated_at),
        "last_validated_at": _format_time(connection.validated_at),
        "last_synced_at": _format_time(sync.last_completed_at),
        "next_sync_at": format_rfc3339(postpone(due_at, circuit_breaker.open_until))
        if due_at
        else None,
        "created_at": _format_time(connection.opened_at),
        "version": connection.version,
    }


def sync_document(sync: Sync) -> dict[str, Any] | None:
    """The newest run as `GET /sync/logs` shows it; None when there was none yet."""
    run = sync.run
    if run is None:
        return None
    return {
        "id": run["id"],
        "connection_id": sync.connection_id,
        "trigger": run["trigger"],
        "mode": run["mode"],
        "status": run["status"],
        "started_at": _format_time(run["started_at"]),
        "finished_at": _format_time(run["finished_at"]),
        "courses": run["courses"],
        "changes": run["changes"],
        "requests": run["requests"],
        "error": run["error"],
    }


def state_document(
    connection: Connection, sync: Sync, position: int, interval: timedelta
) -> dict[str, Any]:
    """Both aggregates as they stood at a position of the log, and the versions they stood at."""
    connection_state = (
        connection_document(connection, sync, interval, {}) if connection.exists else None
    )
    return {
        "connection_id": connection.id,
        "position": position,
        "version": connection.version,
        "connection": connection_state,
        "sync": {
            "version": sync.version,
            "run": sync_document(sync),
            "completed_once": sync.completed_once,
            "courses": sync.courses,
        },
    }


def _format_time(text: str | None) -> str | None:
    return None if text is None else format_rfc3339(datetime.fromisoformat(text))

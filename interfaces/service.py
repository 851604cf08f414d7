"""Everything this program can be asked: first to do, then to tell."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from application.cancel_sync import CancelSync
from application.close_connection import CloseConnection
from application.recover_sync import RecoverSync
from application.request_sync import QueuedSync, RequestSync
from application.requeue_sync import RequeueSync
from application.rotate_token import RotateToken
from application.run_sync import RunSync
from application.set_up_connection import SetUpConnection
from application.validate_connection import ValidateConnection
from domain.circuit_breaker import CircuitState
from infrastructure.idempotency_keys import IdempotencyKeys
from interfaces.queries.health_report import HealthReport
from projections.support.page import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The running program, without its ways in."""

    # Commands
    set_up_connection: Callable[[SetUpConnection], Awaitable[UUID]]
    rotate_token: Callable[[RotateToken], Awaitable[None]]
    validate_connection: Callable[[ValidateConnection], Awaitable[str | None]]
    close_connection: Callable[[CloseConnection], Awaitable[None]]
    request_sync: Callable[[RequestSync], Awaitable[QueuedSync]]
    run_sync: Callable[[RunSync], Awaitable[None]]
    cancel_sync: Callable[[CancelSync], Awaitable[None]]
    requeue_sync: Callable[[RequeueSync], Awaitable[None]]
    recover_sync: Callable[[RecoverSync], Awaitable[None]]

    # Queries: folded from events, always current
    current_connection: Callable[[UUID], Awaitable[dict[str, Any]]]
    current_sync: Callable[[UUID], Awaitable[dict[str, Any] | None]]

    # Queries: read models
    connections_of: Callable[..., Awaitable[Page]]
    connection_of: Callable[..., Awaitable[bytes | None]]
    courses_of: Callable[..., Awaitable[Page]]
    assignments_of: Callable[..., Awaitable[Page]]
    grades_of: Callable[..., Awaitable[Page]]
    grade_changes_of: Callable[..., Awaitable[Page]]
    syncs_of: Callable[..., Awaitable[Page]]
    sync_status_of: Callable[..., Awaitable[list[bytes]]]
    stats_of: Callable[..., Awaitable[bytes]]

    # Queries: recorded history, for auditors
    history: Callable[..., Awaitable[Page]]
    state_at: Callable[..., Awaitable[dict[str, Any]]]
    all_connections: Callable[..., Awaitable[Page]]
    record_history_read: Callable[[UUID, str, str], Awaitable[None]]

    # The read models themselves, for admins
    projection_status: Callable[[], Awaitable[list[dict[str, Any]]]]
    rebuild_projection: Callable[[str], Awaitable[None]]

    # What was answered to requests with a key of their own
    idempotency_keys: IdempotencyKeys

    # How the program does
    wait_for_position: Callable[..., Awaitable[bool]]
    health: Callable[[], Awaitable[HealthReport]]
    canvas_host_counts: Callable[[], Awaitable[dict[CircuitState, int]]]
    sync_interval: timedelta

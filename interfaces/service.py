"""Everything this program can be asked: first to do, then to tell."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from application.cancel_sync import CancelSync
from application.close_connection import CloseConnection
from application.recover_sync import InterruptSync
from application.request_sync import Queued, RequestSync
from application.requeue_sync import GiveRunBack
from application.rotate_token import RotateToken
from application.run_sync import RunSync
from application.set_up_connection import SetUpConnection
from application.validate_connection import ValidateConnection
from domain.circuit_breaker import State
from infrastructure.idempotency_keys import Answers
from interfaces.queries.health_report import Wellness
from projections.support.page import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The running program, without its ways in."""

    # Commands
    set_up_connection: Callable[[SetUpConnection], Awaitable[UUID]]
    rotate_token: Callable[[RotateToken], Awaitable[None]]
    validate_connection: Callable[[ValidateConnection], Awaitable[str | None]]
    close_connection: Callable[[CloseConnection], Awaitable[None]]
    request_sync: Callable[[RequestSync], Awaitable[Queued]]
    run_sync: Callable[[RunSync], Awaitable[None]]
    cancel_sync: Callable[[CancelSync], Awaitable[None]]
    give_run_back: Callable[[GiveRunBack], Awaitable[None]]
    interrupt_sync: Callable[[InterruptSync], Awaitable[None]]

    # Queries: folded from events, always current
    connection_now: Callable[[UUID], Awaitable[dict[str, Any]]]
    sync_now: Callable[[UUID], Awaitable[dict[str, Any] | None]]

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
    audited_connections: Callable[..., Awaitable[Page]]
    record_reading: Callable[[UUID, str, str], Awaitable[None]]

    # The read models themselves, for admins
    projections: Callable[[], Awaitable[list[dict[str, Any]]]]
    rebuild: Callable[[str], Awaitable[None]]

    # What was answered to requests with a key of their own
    answers: Answers

    # How the program does
    wait_for: Callable[..., Awaitable[bool]]
    health: Callable[[], Awaitable[Wellness]]
    canvas_hosts: Callable[[], Awaitable[dict[State, int]]]
    interval: timedelta

"""The parts that one process holds open, and the service that is built from them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Concatenate, ParamSpec, TypedDict, TypeVar
from uuid import UUID

from application.cancel_sync import cancel_sync
from application.close_connection import close_connection
from application.end_calendar import EndCalendar, end_calendar
from application.ports import SharedCalendar
from application.record_history_read import record_history_read
from application.recover_sync import recover_sync
from application.request_sync import request_sync
from application.requeue_sync import requeue_sync
from application.rotate_token import rotate_token
from application.run_sync import run_sync
from application.set_up_connection import set_up_connection
from application.share_calendar import ShareCalendar, share_calendar
from application.validate_connection import validate_connection
from infrastructure.canvas.circuit_breakers import CircuitBreakers, load_circuit_breakers
from infrastructure.canvas.client import CanvasClient
from infrastructure.crypto.calendar_addresses import CalendarAddresses
from infrastructure.crypto.token_vault import TokenVault
from infrastructure.event_store.command_events import find_command_events
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.mark_waiter import MarkWaiter
from infrastructure.event_store.store import EventStore
from infrastructure.event_store.timelines import require_known_place
from infrastructure.idempotency_keys import IdempotencyKeys
from infrastructure.metrics.registry import MetricsRenderer
from infrastructure.postgres.pools import Pools
from infrastructure.projection_engine.checkpoint_waiter import CheckpointWaiter
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.snapshot_reads import read_models
from infrastructure.projection_engine.status import dead_letters_of, projection_status
from infrastructure.queue.role_health import role_health
from infrastructure.queue.sync_queue import SyncQueue
from infrastructure.settings import Settings
from interfaces.composition.background_rebuild import BackgroundRebuild
from interfaces.live.broadcast import Broadcast
from interfaces.queries.audit_history import AuditHistory
from interfaces.queries.audit_protocols import AuditMembers
from interfaces.queries.current_state import CurrentState
from interfaces.queries.health import HealthCheck
from interfaces.service import Service
from interfaces.service_protocols import (
    CalculateWhatIf,
    FindAssignment,
    FindCommandEvents,
    FindCourse,
    ListDueDates,
    ReadInOneSnapshot,
    RequireKnownPlace,
    WaitForPlace,
)
from projections.assignments.query import assignment_of, assignments_of, due_dates_of
from projections.connections.query import connection_of, connections_of
from projections.courses.query import course_of, courses_of
from projections.courses.what_if import what_if_of
from projections.dashboard_stats.query import stats_of
from projections.grade_history.query import grade_changes_of
from projections.grades.query import grades_of
from projections.sync_log.query import sync_status_of, syncs_of

C = TypeVar("C")
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Process:
    """The open parts of one process; `bootstrap` opens and closes them."""

    settings: Settings
    database_url: str
    pools: Pools
    mapper: Mapper
    log_reader: LogReader
    store: EventStore
    token_vault: TokenVault
    calendar_addresses: CalendarAddresses
    canvas: CanvasClient
    circuit_breakers: CircuitBreakers
    queue: SyncQueue
    checkpoint_waiter: CheckpointWaiter
    idempotency_keys: IdempotencyKeys
    projection_daemon: ProjectionDaemon
    live_updates: Broadcast
    render_metrics: MetricsRenderer

    @cached_property
    def service(self) -> Service:
        """The commands and queries, bound to the parts of this process."""
        pool, interval = self.pools.read_pool, self.settings.sync_interval
        return _build_service(
            self,
            CurrentState(self.store, interval, partial(load_circuit_breakers, pool=pool)),
            AuditHistory(
                store=self.store,
                mapper=self.mapper,
                pool=pool,
                marks=MarkWaiter(self.log_reader, pool),
                interval=interval,
            ),
        )


def _build_service(process: Process, state: CurrentState, history: AuditHistory) -> Service:
    store, vault, queue = process.store, process.token_vault, process.queue
    canvas, pool, interval = process.canvas, process.pools.read_pool, process.settings.sync_interval
    return Service(
        set_up_connection=_bind_ports(
            set_up_connection, store=store, vault=vault, canvas=canvas, queue=queue
        ),
        rotate_token=_bind_ports(
            rotate_token, store=store, vault=vault, canvas=canvas, queue=queue, interval=interval
        ),
        validate_connection=_bind_ports(
            validate_connection, store=store, vault=vault, canvas=canvas
        ),
        close_connection=_bind_ports(close_connection, store=store, vault=vault),
        request_sync=_bind_ports(request_sync, store=store, queue=queue, interval=interval),
        run_sync=_bind_ports(
            run_sync, store=store, vault=vault, canvas=canvas, host_health=process.circuit_breakers
        ),
        cancel_sync=_bind_ports(cancel_sync, store=store),
        requeue_sync=_bind_ports(requeue_sync, store=store, queue=queue),
        recover_sync=_bind_ports(recover_sync, store=store, queue=queue),
        record_history_read=_bind_ports(record_history_read, store=store),
        current_connection=state.connection,
        current_sync=state.sync,
        connections_of=partial(connections_of, interval=interval),
        connection_of=partial(connection_of, interval=interval),
        courses_of=courses_of,
        assignments_of=assignments_of,
        grades_of=grades_of,
        grade_changes_of=grade_changes_of,
        syncs_of=syncs_of,
        sync_status_of=partial(sync_status_of, interval=interval),
        stats_of=stats_of,
        projection_status=partial(projection_status, pool=pool),
        dead_letters_of=partial(dead_letters_of, pool),
        rebuild_projection=BackgroundRebuild(process.database_url, process.log_reader),
        health=HealthCheck(pool, process.database_url, partial(role_health, pool=pool)),
        **_audit_members(history),
        **_http_members(process),
    )


def _audit_members(history: AuditHistory) -> AuditMembers:
    return {
        "history": history.history,
        "state_at": history.state_at,
        "all_connections": history.connections,
        "wait_for_mark": history.marks.wait_for,
    }


class _HttpMembers(TypedDict):
    """Members of Service that only HTTP uses."""

    share_calendar: Callable[[ShareCalendar], Awaitable[SharedCalendar]]
    end_calendar: Callable[[EndCalendar], Awaitable[None]]
    calendar_owner: Callable[[str], Awaitable[UUID | None]]
    due_dates_of: ListDueDates
    course_of: FindCourse
    what_if_of: CalculateWhatIf
    assignment_of: FindAssignment
    idempotency_keys: IdempotencyKeys
    command_events: FindCommandEvents
    read: ReadInOneSnapshot
    require_known_place: RequireKnownPlace
    wait_for_place: WaitForPlace


def _http_members(process: Process) -> _HttpMembers:
    addresses, pool = process.calendar_addresses, process.pools.read_pool
    return {
        "read": partial(read_models, pool),
        "require_known_place": partial(require_known_place, pool),
        "wait_for_place": process.checkpoint_waiter.wait_for,
        "share_calendar": _bind_ports(share_calendar, store=process.store, calendars=addresses),
        "end_calendar": _bind_ports(end_calendar, store=process.store, calendars=addresses),
        "calendar_owner": addresses.owner_of,
        "due_dates_of": due_dates_of,
        "course_of": course_of,
        "what_if_of": what_if_of,
        "assignment_of": assignment_of,
        "idempotency_keys": process.idempotency_keys,
        "command_events": partial(find_command_events, pool=pool, mapper=process.mapper),
    }


def _bind_ports(
    execute: Callable[Concatenate[C, P], Awaitable[R]], *args: P.args, **ports: P.kwargs
) -> Callable[[C], Awaitable[R]]:
    async def execute_command(command: C) -> R:
        return await execute(command, *args, **ports)

    return execute_command

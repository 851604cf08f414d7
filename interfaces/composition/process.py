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
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.idempotency_keys import IdempotencyKeys
from infrastructure.metrics.registry import MetricsRenderer
from infrastructure.postgres.pools import Pools
from infrastructure.postgres.retry import retry_conflicts
from infrastructure.projection_engine.checkpoint_waiter import CheckpointWaiter
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.status import projection_status
from infrastructure.queue.role_health import role_health
from infrastructure.queue.sync_queue import SyncQueue
from infrastructure.settings import Settings
from interfaces.composition.background_rebuild import BackgroundRebuild
from interfaces.live.broadcast import Broadcast
from interfaces.queries.audit_history import AuditHistory
from interfaces.queries.current_state import CurrentState
from interfaces.queries.health import HealthCheck
from interfaces.service import Service
from interfaces.service_protocols import CalculateWhatIf, FindAssignment, FindCourse, ListDueDates
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
            AuditHistory(store=self.store, mapper=self.mapper, pool=pool, interval=interval),
        )


def _build_service(process: Process, state: CurrentState, history: AuditHistory) -> Service:
    store, vault, queue = process.store, process.token_vault, process.queue
    canvas, pool, interval = process.canvas, process.pools.read_pool, process.settings.sync_interval
    return Service(
        set_up_connection=_command(
            set_up_connection, store=store, vault=vault, canvas=canvas, queue=queue
        ),
        rotate_token=_command(
            rotate_token, store=store, vault=vault, canvas=canvas, queue=queue, interval=interval
        ),
        validate_connection=_command(validate_connection, store=store, vault=vault, canvas=canvas),
        close_connection=_command(close_connection, store=store, vault=vault),
        request_sync=_command(request_sync, store=store, queue=queue, interval=interval),
        run_sync=_bind_ports(
            run_sync, store=store, vault=vault, canvas=canvas, host_health=process.circuit_breakers
        ),
        cancel_sync=_command(cancel_sync, store=store),
        requeue_sync=_command(requeue_sync, store=store, queue=queue),
        recover_sync=_command(recover_sync, store=store, queue=queue),
        record_history_read=_command(record_history_read, store=store),
        current_connection=state.connection,
        current_sync=state.sync,
        connections_of=partial(connections_of, interval=interval, pool=pool),
        connection_of=partial(connection_of, interval=interval, pool=pool),
        courses_of=partial(courses_of, pool=pool),
        assignments_of=partial(assignments_of, pool=pool),
        grades_of=partial(grades_of, pool=pool),
        grade_changes_of=partial(grade_changes_of, pool=pool),
        syncs_of=partial(syncs_of, pool=pool),
        sync_status_of=partial(sync_status_of, interval=interval, pool=pool),
        stats_of=partial(stats_of, pool=pool),
        history=history.history,
        state_at=history.state_at,
        all_connections=history.connections,
        projection_status=partial(projection_status, pool=pool),
        rebuild_projection=BackgroundRebuild(process.database_url, process.log_reader),
        wait_for_position=process.checkpoint_waiter.wait_for,
        health=HealthCheck(pool, process.database_url, partial(role_health, pool=pool)),
        **_http_members(process),
    )


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


def _http_members(process: Process) -> _HttpMembers:
    addresses, pool = process.calendar_addresses, process.pools.read_pool
    return {
        "share_calendar": _bind_ports(share_calendar, calendars=addresses),
        "end_calendar": _bind_ports(end_calendar, calendars=addresses),
        "calendar_owner": addresses.owner_of,
        "due_dates_of": partial(due_dates_of, pool=pool),
        "course_of": partial(course_of, pool=pool),
        "what_if_of": partial(what_if_of, pool=pool),
        "assignment_of": partial(assignment_of, pool=pool),
        "idempotency_keys": process.idempotency_keys,
    }


def _command(
    execute: Callable[Concatenate[C, P], Awaitable[R]], *args: P.args, **ports: P.kwargs
) -> Callable[[C], Awaitable[R]]:
    """Bind the ports of a command, which is executed again if another append came first."""

    async def execute_command(command: C) -> R:
        return await retry_conflicts(execute, command, *args, **ports)

    return execute_command


def _bind_ports(
    execute: Callable[Concatenate[C, P], Awaitable[R]], *args: P.args, **ports: P.kwargs
) -> Callable[[C], Awaitable[R]]:
    async def execute_command(command: C) -> R:
        return await execute(command, *args, **ports)

    return execute_command

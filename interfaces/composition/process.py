"""The parts that one process holds open, and the service that is built from them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from typing import TypedDict
from uuid import UUID

from application.cancel_sync import cancel_sync
from application.close_connection import close_connection
from application.end_calendar import EndCalendar, end_calendar
from application.ports import SharedCalendar
from application.record_history_read import record_history_read
from application.record_list_read import RecordListRead, record_list_read
from application.recover_sync import recover_sync
from application.requeue_sync import requeue_sync
from application.run_sync import run_sync
from application.settle_dead_letter import LetterOutcome, SettleDeadLetter, settle_dead_letter
from application.share_calendar import ShareCalendar, share_calendar
from infrastructure.canvas.circuit_breakers import CircuitBreakers, load_circuit_breakers
from infrastructure.canvas.client import CanvasClient
from infrastructure.crypto.calendar_addresses import CalendarAddresses
from infrastructure.crypto.token_vault import TokenVault
from infrastructure.event_store.command_events import find_append_time, find_command_events
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.lost_events import describe_losses
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
from infrastructure.queue.syncing_switch import DESCRIPTIONS, SyncingSwitch
from infrastructure.rate_limiting.person_usage import PersonUsage
from infrastructure.seals.seal_tasks import SealTasks
from infrastructure.settings.settings import Settings
from interfaces.composition.audit_views import event_names, view_members
from interfaces.composition.background_rebuild import ProjectionControl
from interfaces.composition.bound_commands import CanvasMembers, bind_ports, canvas_members
from interfaces.composition.bound_proofs import proof_members
from interfaces.composition.erasure import Erasure, erasure_members
from interfaces.composition.operational_queries import operational_members
from interfaces.live.broadcast import Broadcast
from interfaces.queries.admin.admin_protocols import OperationalMembers
from interfaces.queries.audit_history import AuditHistory
from interfaces.queries.audit_protocols import AuditMembers
from interfaces.queries.audited_connections import all_connections
from interfaces.queries.current_state import CurrentState
from interfaces.queries.grade_receipts import GradeReceipts
from interfaces.queries.health import HealthCheck
from interfaces.queries.kept_documents import KeptDocuments
from interfaces.queries.proof_protocols import ProofMembers
from interfaces.queries.recorded_readings import RecordedReadings
from interfaces.service import Service
from interfaces.service_protocols import (
    CalculateWhatIf,
    Document,
    FindAppendTime,
    FindAssignment,
    FindCommandEvents,
    FindCourse,
    ListDeadLetters,
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
    person_usage: PersonUsage
    circuit_breakers: CircuitBreakers
    queue: SyncQueue
    checkpoint_waiter: CheckpointWaiter
    idempotency_keys: IdempotencyKeys
    erasure: Erasure
    projection_daemon: ProjectionDaemon
    sealing: SealTasks
    live_updates: Broadcast
    kept_documents: KeptDocuments
    render_metrics: MetricsRenderer

    @cached_property
    def syncing_switch(self) -> SyncingSwitch:
        """Whether this database may sync."""
        return SyncingSwitch(self.queue.pool)

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
                names=event_names(self.pools, self.mapper),
                interval=interval,
            ),
        )


def _build_service(process: Process, state: CurrentState, history: AuditHistory) -> Service:
    store, vault, queue = process.store, process.token_vault, process.queue
    canvas, interval = process.canvas, process.settings.sync_interval
    return Service(
        close_connection=bind_ports(close_connection, store=store, vault=vault),
        run_sync=bind_ports(
            run_sync,
            store=store,
            vault=vault,
            canvas=canvas,
            host_health=process.circuit_breakers,
            budget=process.person_usage,
        ),
        cancel_sync=bind_ports(cancel_sync, store=store),
        requeue_sync=bind_ports(requeue_sync, store=store, queue=queue),
        recover_sync=bind_ports(recover_sync, store=store, queue=queue),
        record_history_read=bind_ports(record_history_read, store=store),
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
        grade_receipt=GradeReceipts(
            process.pools.read_pool, process.mapper, store, process.settings.seal_witnesses
        ).grade_receipt,
        **_admin_members(process),
        health=_health_check(process),
        **_canvas_members(process),
        **_audit_members(history, interval),
        **view_members(history, process.pools, process.mapper),
        **_proof_members(process),
        **_http_members(process),
        **erasure_members(process),
    )


def _canvas_members(process: Process) -> CanvasMembers:
    return canvas_members(
        process.syncing_switch.require_on,
        store=process.store,
        vault=process.token_vault,
        canvas=process.canvas,
        queue=process.queue,
        budget=process.person_usage,
        interval=process.settings.sync_interval,
    )


def _proof_members(process: Process) -> ProofMembers:
    pool = process.pools.read_pool
    return proof_members(process.settings, process.database_url, pool, process.mapper)


def _health_check(process: Process) -> HealthCheck:
    return HealthCheck(process.pools, process.database_url, partial(_informational_health, process))


async def _informational_health(process: Process) -> dict[str, str]:
    roles = await role_health(process.pools.read_pool)
    syncing = DESCRIPTIONS[await process.syncing_switch.state()]
    return roles | {"syncing": syncing, "log": await describe_losses(process.pools.read_pool)}


def _audit_members(history: AuditHistory, interval: timedelta) -> AuditMembers:
    readings = RecordedReadings(pool=history.pool, mapper=history.mapper, marks=history.marks)
    return {
        "readings": readings.readings,
        "disclosures_of": readings.disclosures_of,
        "history": history.history,
        "state_at": history.state_at,
        "all_connections": partial(all_connections, interval=interval),
        "wait_for_mark": history.marks.wait_for,
    }


class _AdminMembers(OperationalMembers):
    """Members of Service about the operational state and the read models themselves."""

    projection_status: Callable[[], Awaitable[list[Document]]]
    dead_letters_of: ListDeadLetters
    rebuild_projection: Callable[[str], Awaitable[None]]
    verify_projection: Callable[[str], Awaitable[None]]
    roll_back_projection: Callable[[str], Awaitable[None]]
    pause_projection: Callable[[str], Awaitable[None]]
    resume_projection: Callable[[str], Awaitable[None]]
    settle_dead_letter: Callable[[SettleDeadLetter], Awaitable[LetterOutcome]]


def _admin_members(process: Process) -> _AdminMembers:
    control = ProjectionControl(process.database_url, process.log_reader, process.store)
    return {
        **operational_members(process.pools.read_pool, process.settings.sync_interval),
        "projection_status": partial(projection_status, pool=process.pools.read_pool),
        "dead_letters_of": partial(dead_letters_of, process.pools.read_pool),
        "rebuild_projection": control.rebuild,
        "verify_projection": control.verify,
        "roll_back_projection": control.roll_back,
        "pause_projection": control.pause,
        "resume_projection": control.resume,
        "settle_dead_letter": bind_ports(
            settle_dead_letter, store=process.store, letters=control.letters
        ),
    }


class _HttpMembers(TypedDict):
    """Members of Service that only HTTP uses."""

    record_list_read: Callable[[RecordListRead], Awaitable[None]]
    share_calendar: Callable[[ShareCalendar], Awaitable[SharedCalendar]]
    end_calendar: Callable[[EndCalendar], Awaitable[None]]
    calendar_owner: Callable[[str], Awaitable[UUID | None]]
    due_dates_of: ListDueDates
    course_of: FindCourse
    what_if_of: CalculateWhatIf
    assignment_of: FindAssignment
    idempotency_keys: IdempotencyKeys
    command_events: FindCommandEvents
    append_time: FindAppendTime
    read: ReadInOneSnapshot
    require_known_place: RequireKnownPlace
    wait_for_place: WaitForPlace


def _http_members(process: Process) -> _HttpMembers:
    addresses, pool = process.calendar_addresses, process.pools.read_pool
    return {
        "read": partial(read_models, pool),
        "require_known_place": partial(require_known_place, pool),
        "wait_for_place": process.checkpoint_waiter.wait_for,
        "record_list_read": bind_ports(record_list_read, store=process.store),
        "share_calendar": bind_ports(share_calendar, store=process.store, calendars=addresses),
        "end_calendar": bind_ports(end_calendar, store=process.store, calendars=addresses),
        "calendar_owner": addresses.owner_of,
        "due_dates_of": due_dates_of,
        "course_of": course_of,
        "what_if_of": what_if_of,
        "assignment_of": assignment_of,
        "idempotency_keys": process.idempotency_keys,
        "command_events": partial(find_command_events, pool=pool, mapper=process.mapper),
        "append_time": partial(find_append_time, pool=pool),
    }

"""Every command and query the program offers: the table of contents of the code base.

`interfaces/composition/process.py` binds each of them to the parts it needs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from application.cancel_sync import CancelSync
from application.close_connection import CloseConnection
from application.end_calendar import EndCalendar
from application.erase_person import ErasePerson
from application.ports import SharedCalendar
from application.record_history_read import RecordHistoryRead
from application.record_list_read import RecordListRead
from application.recover_sync import RecoverSync
from application.request_sync import QueuedSync, RequestSync
from application.requeue_sync import RequeueSync
from application.rotate_token import RotateToken
from application.run_sync import RunSync
from application.set_up_connection import SetUpConnection
from application.settle_dead_letter import LetterOutcome, SettleDeadLetter
from application.share_calendar import ShareCalendar
from application.validate_connection import ValidateConnection
from interfaces.queries.admin.admin_protocols import (
    ListActiveRuns,
    ListFailingConnections,
    ReadListPage,
)
from interfaces.queries.audit_protocols import (
    ListAllConnections,
    ListDisclosures,
    ListReadings,
    ReadDiff,
    ReadHistory,
    ReadStateAt,
    ReadViewAt,
    WaitForMark,
)
from interfaces.queries.grade_receipts import GetGradeReceipt
from interfaces.queries.health import HealthReport
from interfaces.queries.log_proofs import FoundEvent
from interfaces.queries.proof_protocols import ExportLines, ListSignedCheckpoints
from interfaces.queries.take_out.person_history import PersonRecords
from interfaces.service_protocols import (
    CalculateWhatIf,
    Document,
    FindAppendTime,
    FindAssignment,
    FindCommandEvents,
    FindConnection,
    FindCourse,
    GetStats,
    GetSyncStatus,
    IdempotencyKeyStore,
    ListAssignments,
    ListConnections,
    ListCourses,
    ListDeadLetters,
    ListDueDates,
    ListGradeChanges,
    ListGrades,
    ListSyncs,
    ReadInOneSnapshot,
    RequireKnownPlace,
    WaitForPlace,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The commands and queries of one process, for HTTP, live updates, command line and worker.

    All except `health` can raise DATABASE_ERRORS of `infrastructure/postgres/errors.py`.
    """

    # Commands: each is described by its module in application/
    set_up_connection: Callable[[SetUpConnection], Awaitable[QueuedSync]]
    rotate_token: Callable[[RotateToken], Awaitable[None]]
    validate_connection: Callable[[ValidateConnection], Awaitable[str | None]]
    close_connection: Callable[[CloseConnection], Awaitable[None]]
    request_sync: Callable[[RequestSync], Awaitable[QueuedSync]]
    run_sync: Callable[[RunSync], Awaitable[None]]
    cancel_sync: Callable[[CancelSync], Awaitable[None]]
    requeue_sync: Callable[[RequeueSync], Awaitable[None]]
    recover_sync: Callable[[RecoverSync], Awaitable[None]]
    record_history_read: Callable[[RecordHistoryRead], Awaitable[None]]
    record_list_read: Callable[[RecordListRead], Awaitable[None]]
    share_calendar: Callable[[ShareCalendar], Awaitable[SharedCalendar]]
    end_calendar: Callable[[EndCalendar], Awaitable[None]]
    erase_person: Callable[[ErasePerson], Awaitable[None]]

    # Queries of the event log: unlike read models, they do not lag behind commands
    current_connection: Callable[[UUID], Awaitable[Document]]
    current_sync: Callable[[UUID], Awaitable[Document | None]]
    grade_receipt: GetGradeReceipt

    # Queries of read models, which `read` executes
    connections_of: ListConnections
    connection_of: FindConnection
    courses_of: ListCourses
    course_of: FindCourse
    what_if_of: CalculateWhatIf
    assignments_of: ListAssignments
    assignment_of: FindAssignment
    grades_of: ListGrades
    grade_changes_of: ListGradeChanges
    syncs_of: ListSyncs
    sync_status_of: GetSyncStatus
    stats_of: GetStats
    due_dates_of: ListDueDates

    # How queries of read models are executed, and what they include
    read: ReadInOneSnapshot
    require_known_place: RequireKnownPlace
    wait_for_place: WaitForPlace

    # Queries of recorded history, for auditors
    history: ReadHistory
    state_at: ReadStateAt
    view_at: ReadViewAt
    diff: ReadDiff
    all_connections: ListAllConnections
    wait_for_mark: WaitForMark
    readings: ListReadings
    disclosures_of: ListDisclosures
    export_history: Callable[[UUID], Awaitable[ExportLines]]

    # Queries that prove the log
    signed_checkpoints: ListSignedCheckpoints
    find_event: Callable[[UUID], Awaitable[FoundEvent]]
    proof_text: Callable[[UUID], Awaitable[bytes]]
    log_keys: Callable[[], Awaitable[str]]
    verify_log: Callable[[], Awaitable[Document]]

    # The read models themselves, for admins
    projection_status: Callable[[], Awaitable[list[Document]]]
    dead_letters_of: ListDeadLetters
    rebuild_projection: Callable[[str], Awaitable[None]]
    verify_projection: Callable[[str], Awaitable[None]]
    roll_back_projection: Callable[[str], Awaitable[None]]
    pause_projection: Callable[[str], Awaitable[None]]
    resume_projection: Callable[[str], Awaitable[None]]
    settle_dead_letter: Callable[[SettleDeadLetter], Awaitable[LetterOutcome]]

    # The operational state, for admins
    status_report: Callable[[], Awaitable[Document]]
    failing_connections: ListFailingConnections
    active_runs: ListActiveRuns
    canvas_hosts: ReadListPage
    role_processes: ReadListPage
    scheduled_hours: ReadListPage

    # Neither commands nor queries; needed by HTTP
    is_erased: Callable[[UUID], Awaitable[bool]]
    person_records: PersonRecords
    calendar_owner: Callable[[str], Awaitable[UUID | None]]
    idempotency_keys: IdempotencyKeyStore
    command_events: FindCommandEvents
    append_time: FindAppendTime
    health: Callable[[], Awaitable[HealthReport]]

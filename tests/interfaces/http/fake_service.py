"""A service in memory, which records how it is called."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Unpack
from uuid import UUID

import orjson

from application.cancel_sync import CancelSync
from application.close_connection import CloseConnection
from application.event_metadata import current_metadata
from application.recover_sync import RecoverSync
from application.request_sync import QueuedSync, RequestSync
from application.requeue_sync import RequeueSync
from application.rotate_token import RotateToken
from application.run_sync import RunSync
from application.set_up_connection import SetUpConnection
from application.validate_connection import ValidateConnection
from domain.errors import ConnectionNotFound, NoSyncRunning
from interfaces.queries.health import HealthReport
from interfaces.service import Service
from interfaces.service_protocols import Document
from projections.support.clock_changes import TimedDocument
from projections.support.page import Page
from projections.support.query import Query
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_audit import FakeAudit
from tests.interfaces.http.fake_calendars import FakeCalendars
from tests.interfaces.http.fake_erasures import FakeErasures
from tests.interfaces.http.fake_idempotency_keys import InMemoryIdempotencyKeys
from tests.interfaces.http.fake_operations import FakeOperations
from tests.interfaces.http.fake_projections import FakeProjections
from tests.interfaces.http.fake_proofs import FakeProofs
from tests.interfaces.http.fake_reads import place_at, query_of
from tests.interfaces.http.query_options import (
    AssignmentOptions,
    ChangeOptions,
    CourseOptions,
    GradeOptions,
    PageOptions,
    SyncOptions,
)

CONNECTION_ID = UUID("00000000-0000-4000-8000-00000000c0c1")
SYNC_ID = UUID("00000000-0000-4000-8000-00000000c0c2")
COURSE_ID = UUID("00000000-0000-4000-8000-c01000c0c103")
ASSIGNMENT_ID = UUID("00000000-0000-4000-8000-a51000c0c104")
AT = "2026-09-01T05:59:59Z"

CONNECTION_DOCUMENT: Document = {
    "id": str(CONNECTION_ID),
    "canvas_url": "https://school.instructure.com",
    "canvas_name": "My school",
    "canvas_user": {"id": "9007199254740993", "name": "Ada"},
    "status": "active",
    "token_fingerprint": "0a1b2c3d",
    "token_rotated_at": AT,
    "last_validated_at": AT,
    "last_synced_at": AT,
    "next_sync_at": None,
    "created_at": AT,
    "version": 1,
}
SYNC_DOCUMENT: Document = {
    "id": str(SYNC_ID),
    "connection_id": str(CONNECTION_ID),
    "trigger": "setup",
    "mode": "full",
    "status": "queued",
    "started_at": None,
    "finished_at": None,
    "courses": {"total": 0, "done": 0, "failed": 0},
    "changes": {"courses": 0, "assignments": 0, "grades": 0},
    "requests": {"total": 0, "not_modified": 0, "retried": 0},
    "error": None,
}
STATUS_DOCUMENT = {
    "connection_id": str(CONNECTION_ID),
    "state": "queued",
    "sync": SYNC_DOCUMENT,
    "next_sync_at": None,
}
MODEL_BY_QUERY = {"syncs_of": "sync_log", "grade_changes_of": "grade_history"}
"""Read models of lists that do not have the name of the query."""


def page_of(*documents: Document, next_cursor: str | None = None) -> Page:
    """Return a page of these documents."""
    return Page([orjson.dumps(document) for document in documents], next_cursor)


class OwnedCommand(Protocol):
    """A command of a person on one of their connections."""

    @property
    def person_id(self) -> UUID: ...

    @property
    def connection_id(self) -> UUID: ...


@dataclass
class FakeService(
    FakeCalendars, FakeAudit, FakeProjections, FakeOperations, FakeProofs, FakeErasures
):
    """Answers from memory: Ada has one connection, Bob has none."""

    audited_connection: Document = field(
        default_factory=lambda: {**CONNECTION_DOCUMENT, "user_id": str(ADA)}
    )
    appended_position: int = 0
    """The position of the last event of a command; 0 if it appends none."""
    health_report: HealthReport = field(
        default_factory=lambda: HealthReport({"database": "ok"}, {"worker": "ok"})
    )
    health_hangs: bool = False
    refusal_reason: str | None = None
    stats: bytes = b'{"completion_rate":null}'
    stats_change_at: datetime | None = None
    """When the clock changes `stats`."""
    assignments_change_at: datetime | None = None
    """When the clock changes the assignments."""
    open_circuits: int = 0
    """The digest of the circuits that connections and their status show."""
    idempotency_keys: InMemoryIdempotencyKeys = field(default_factory=InMemoryIdempotencyKeys)
    newest_run: Document = field(default_factory=SYNC_DOCUMENT.copy)

    def as_service(self) -> Service:
        """Return a Service made of these methods; mypy compares their signatures."""
        return Service(
            set_up_connection=self.set_up_connection,
            rotate_token=self.rotate_token,
            validate_connection=self.validate_connection,
            close_connection=self.close_connection,
            request_sync=self.request_sync,
            run_sync=self.run_sync,
            cancel_sync=self.cancel_sync,
            requeue_sync=self.requeue_sync,
            recover_sync=self.recover_sync,
            record_history_read=self.record_history_read,
            record_list_read=self.record_list_read,
            current_connection=self.current_connection,
            current_sync=self.current_sync,
            grade_receipt=self.grade_receipt,
            connections_of=self.connections_of,
            connection_of=self.connection_of,
            courses_of=self.courses_of,
            course_of=self.course_of,
            what_if_of=self.what_if_of,
            assignments_of=self.assignments_of,
            assignment_of=self.assignment_of,
            grades_of=self.grades_of,
            grade_changes_of=self.grade_changes_of,
            syncs_of=self.syncs_of,
            sync_status_of=self.sync_status_of,
            stats_of=self.stats_of,
            **self.members_for_admins(),
            **self.operational_members(),
            **self.calendar_members(),
            idempotency_keys=self.idempotency_keys,
            command_events=self.idempotency_keys.command_events,
            **self.read_members(),
            health=self.health,
            **self.audit_members(),
            **self.view_members(),
            **self.proof_members(),
            **self.erasure_members(),
        )

    def _execute(self, name: str, command: OwnedCommand) -> None:
        self.record_call(name, command)
        if command.person_id != ADA or command.connection_id != CONNECTION_ID:
            raise ConnectionNotFound(command.connection_id)
        self._append()

    def _append(self) -> None:
        if self.appended_position:
            current_metadata().appended = place_at(self.appended_position)

    async def set_up_connection(self, command: SetUpConnection) -> QueuedSync:
        self.record_call("set_up_connection", command)
        self._append()
        return QueuedSync(SYNC_ID, CONNECTION_ID, "setup", "full")

    async def rotate_token(self, command: RotateToken) -> None:
        self._execute("rotate_token", command)

    async def validate_connection(self, command: ValidateConnection) -> str | None:
        self._execute("validate_connection", command)
        return self.refusal_reason

    async def close_connection(self, command: CloseConnection) -> None:
        self._execute("close_connection", command)

    async def request_sync(self, command: RequestSync) -> QueuedSync:
        self._execute("request_sync", command)
        mode = "full" if command.mode == "full" else "incremental"
        return QueuedSync(SYNC_ID, command.connection_id, command.trigger, mode)

    async def run_sync(self, command: RunSync) -> None:
        self.record_call("run_sync", command)

    async def cancel_sync(self, command: CancelSync) -> None:
        self._execute("cancel_sync", command)
        if self.refusal_reason:
            raise NoSyncRunning

    async def requeue_sync(self, command: RequeueSync) -> None:
        self.record_call("requeue_sync", command)

    async def recover_sync(self, command: RecoverSync) -> None:
        self.record_call("recover_sync", command)

    async def current_connection(self, _: UUID) -> Document:
        return CONNECTION_DOCUMENT

    async def current_sync(self, _: UUID) -> Document | None:
        return self.newest_run

    def _page_if_owned(
        self, name: str, person_id: UUID, *documents: Document, **options: Any
    ) -> Query[Page]:
        self.record_call(name, person_id, **options)
        is_own = person_id == ADA
        page = page_of(*documents, next_cursor="bmV4dA") if is_own else page_of()
        return query_of(MODEL_BY_QUERY.get(name) or name.removesuffix("_of"), page)

    def connections_of(self, person_id: UUID, **options: Unpack[PageOptions]) -> Query[Page]:
        page = self._page_if_owned("connections_of", person_id, CONNECTION_DOCUMENT, **options)
        return self._with_circuits("connections", page)

    def _with_circuits(self, model: str, page: Query[Page]) -> Query[Page]:
        return query_of(model, page.build(())._replace(open_circuits=self.open_circuits))

    def connection_of(self, person_id: UUID, connection_id: UUID) -> Query[bytes | None]:
        self.record_call("connection_of", person_id, connection_id)
        is_own = person_id == ADA and connection_id == CONNECTION_ID
        return query_of("connections", orjson.dumps(CONNECTION_DOCUMENT) if is_own else None)

    def courses_of(self, person_id: UUID, **options: Unpack[CourseOptions]) -> Query[Page]:
        return self._page_if_owned("courses_of", person_id, {"name": "Physics"}, **options)

    def _if_own(
        self, name: str, person_id: UUID, id_: UUID, own_id: UUID, **options: Any
    ) -> Document | None:
        self.record_call(name, person_id, id_, **options)
        return {"id": str(id_)} if (person_id, id_) == (ADA, own_id) else None

    def course_of(self, person_id: UUID, course_id: UUID) -> Query[bytes | None]:
        course = self._if_own("course_of", person_id, course_id, COURSE_ID)
        return query_of("courses", orjson.dumps(course) if course else None)

    def what_if_of(
        self, person_id: UUID, course_id: UUID, *, scores: Mapping[UUID, float | None]
    ) -> Query[Document | None]:
        totals = self._if_own("what_if_of", person_id, course_id, COURSE_ID, scores=scores)
        return query_of("courses", totals)

    def assignment_of(
        self, person_id: UUID, assignment_id: UUID, *, now: datetime
    ) -> Query[bytes | None]:
        options = {"now": now}
        found = self._if_own("assignment_of", person_id, assignment_id, ASSIGNMENT_ID, **options)
        return query_of("assignments", orjson.dumps(found) if found else None)

    def assignments_of(self, person_id: UUID, **options: Unpack[AssignmentOptions]) -> Query[Page]:
        page = self._page_if_owned("assignments_of", person_id, {"name": "Essay"}, **options)
        changes_at = self.assignments_change_at
        return query_of("assignments", page.build(())._replace(changes_at=changes_at))

    def grades_of(self, person_id: UUID, **options: Unpack[GradeOptions]) -> Query[Page]:
        return self._page_if_owned("grades_of", person_id, {"course_name": "Physics"}, **options)

    def grade_changes_of(self, person_id: UUID, **options: Unpack[ChangeOptions]) -> Query[Page]:
        return self._page_if_owned("grade_changes_of", person_id, {"changed_at": AT}, **options)

    def syncs_of(self, person_id: UUID, **options: Unpack[SyncOptions]) -> Query[Page]:
        return self._page_if_owned("syncs_of", person_id, SYNC_DOCUMENT, **options)

    def sync_status_of(self, person_id: UUID) -> Query[Page]:
        page = self._page_if_owned("sync_status_of", person_id, STATUS_DOCUMENT)
        return self._with_circuits("sync_log", page)

    def stats_of(self, person_id: UUID, *, now: datetime) -> Query[TimedDocument]:
        self.record_call("stats_of", person_id, now=now)
        return query_of("dashboard_stats", TimedDocument(self.stats, self.stats_change_at))

    async def health(self) -> HealthReport:
        if self.health_hangs:
            await asyncio.Event().wait()
        return self.health_report

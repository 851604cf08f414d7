"""A service in memory, which records how it is called."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Unpack
from uuid import UUID

import orjson

from application.cancel_sync import CancelSync
from application.close_connection import CloseConnection
from application.event_metadata import current_metadata
from application.record_history_read import RecordHistoryRead
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
from projections.support.page import Page
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_calendars import FakeCalendars
from tests.interfaces.http.fake_idempotency_keys import InMemoryIdempotencyKeys
from tests.interfaces.http.query_options import (
    AllConnectionsOptions,
    AssignmentOptions,
    ChangeOptions,
    CourseOptions,
    GradeOptions,
    HistoryOptions,
    PageOptions,
    StateOptions,
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
PROJECTION_NAMES = ("connections", "courses")


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
class FakeService(FakeCalendars):
    """Answers from memory: Ada has one connection, Bob has none."""

    appended_position: int = 0
    """The position of the last event of a command; 0 if it appends none."""
    projected_position: int = 10**9
    """The position up to which the read models have applied the log."""
    waits: list[tuple[int, tuple[str, ...], float]] = field(default_factory=list)
    health_report: HealthReport = field(
        default_factory=lambda: HealthReport({"database": "ok"}, {"worker": "ok"})
    )
    health_hangs: bool = False
    refusal_reason: str | None = None
    stats: bytes = b'{"completion_rate":null}'
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
            share_calendar=self.share_calendar,
            end_calendar=self.end_calendar,
            current_connection=self.current_connection,
            current_sync=self.current_sync,
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
            due_dates_of=self.due_dates_of,
            history=self.history,
            state_at=self.state_at,
            all_connections=self.all_connections,
            projection_status=self.projection_status,
            rebuild_projection=self.rebuild_projection,
            calendar_owner=self.calendar_owner,
            idempotency_keys=self.idempotency_keys,
            wait_for_position=self.wait_for_position,
            health=self.health,
        )

    def _execute(self, name: str, command: OwnedCommand) -> None:
        self.record_call(name, command)
        if command.person_id != ADA or command.connection_id != CONNECTION_ID:
            raise ConnectionNotFound(command.connection_id)
        current_metadata().position = self.appended_position

    async def set_up_connection(self, command: SetUpConnection) -> QueuedSync:
        self.record_call("set_up_connection", command)
        current_metadata().position = self.appended_position
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

    async def record_history_read(self, command: RecordHistoryRead) -> None:
        self.record_call("record_history_read", command)

    async def current_connection(self, _: UUID) -> Document:
        return CONNECTION_DOCUMENT

    async def current_sync(self, _: UUID) -> Document | None:
        return self.newest_run

    def _page_if_owned(
        self, name: str, person_id: UUID, *documents: Document, **options: Any
    ) -> Page:
        self.record_call(name, person_id, **options)
        return page_of(*documents, next_cursor="bmV4dA") if person_id == ADA else page_of()

    async def connections_of(self, person_id: UUID, **options: Unpack[PageOptions]) -> Page:
        return self._page_if_owned("connections_of", person_id, CONNECTION_DOCUMENT, **options)

    async def connection_of(self, person_id: UUID, connection_id: UUID) -> bytes | None:
        self.record_call("connection_of", person_id, connection_id)
        is_own = person_id == ADA and connection_id == CONNECTION_ID
        return orjson.dumps(CONNECTION_DOCUMENT) if is_own else None

    async def courses_of(self, person_id: UUID, **options: Unpack[CourseOptions]) -> Page:
        return self._page_if_owned("courses_of", person_id, {"name": "Physics"}, **options)

    def _if_own(
        self, name: str, person_id: UUID, id_: UUID, own_id: UUID, **options: Any
    ) -> Document | None:
        self.record_call(name, person_id, id_, **options)
        return {"id": str(id_)} if (person_id, id_) == (ADA, own_id) else None

    async def course_of(self, person_id: UUID, course_id: UUID) -> bytes | None:
        course = self._if_own("course_of", person_id, course_id, COURSE_ID)
        return orjson.dumps(course) if course else None

    async def what_if_of(
        self, person_id: UUID, course_id: UUID, *, scores: Mapping[UUID, float | None]
    ) -> Document | None:
        return self._if_own("what_if_of", person_id, course_id, COURSE_ID, scores=scores)

    async def assignment_of(
        self, person_id: UUID, assignment_id: UUID, *, now: datetime
    ) -> bytes | None:
        options = {"now": now}
        found = self._if_own("assignment_of", person_id, assignment_id, ASSIGNMENT_ID, **options)
        return orjson.dumps(found) if found else None

    async def assignments_of(self, person_id: UUID, **options: Unpack[AssignmentOptions]) -> Page:
        return self._page_if_owned("assignments_of", person_id, {"name": "Essay"}, **options)

    async def grades_of(self, person_id: UUID, **options: Unpack[GradeOptions]) -> Page:
        return self._page_if_owned("grades_of", person_id, {"course_name": "Physics"}, **options)

    async def grade_changes_of(self, person_id: UUID, **options: Unpack[ChangeOptions]) -> Page:
        return self._page_if_owned("grade_changes_of", person_id, {"changed_at": AT}, **options)

    async def syncs_of(self, person_id: UUID, **options: Unpack[SyncOptions]) -> Page:
        return self._page_if_owned("syncs_of", person_id, SYNC_DOCUMENT, **options)

    async def sync_status_of(self, person_id: UUID) -> list[bytes]:
        return self._page_if_owned("sync_status_of", person_id, STATUS_DOCUMENT).items

    async def stats_of(self, person_id: UUID, *, now: datetime) -> bytes:
        self.record_call("stats_of", person_id, now=now)
        return self.stats

    async def history(self, connection_id: UUID, **options: Unpack[HistoryOptions]) -> Page:
        self.record_call("history", connection_id, **options)
        return page_of({"position": 1, "type": "ConnectionOpened"})

    async def state_at(self, connection_id: UUID, **options: Unpack[StateOptions]) -> Document:
        self.record_call("state_at", connection_id, **options)
        return {"connection": CONNECTION_DOCUMENT}

    async def all_connections(self, **options: Unpack[AllConnectionsOptions]) -> Page:
        self.record_call("all_connections", **options)
        return page_of({**CONNECTION_DOCUMENT, "user_id": str(ADA)})

    async def projection_status(self) -> list[Document]:
        self.record_call("projection_status")
        return [{"name": name} for name in PROJECTION_NAMES]

    async def rebuild_projection(self, name: str) -> None:
        self.record_call("rebuild_projection", name)

    async def wait_for_position(
        self, position: int, names: Iterable[str], timeout_seconds: float, /
    ) -> bool:
        self.waits.append((position, tuple(names), timeout_seconds))
        return position <= self.projected_position

    async def health(self) -> HealthReport:
        if self.health_hangs:
            await asyncio.Event().wait()
        return self.health_report

"""A service that answers from memory and remembers what it was asked."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import orjson

from application.event_metadata import current_metadata
from application.request_sync import QueuedSync
from domain.errors import ConnectionNotFound, NoSyncRunning
from infrastructure.idempotency_keys import IdempotencyKeys
from interfaces.queries.health_report import HealthReport
from interfaces.service import Service
from projections.support.page import Page
from tests.dev_tokens import ADA

CONNECTION_ID = UUID("00000000-0000-4000-8000-00000000c0c1")
SYNC_ID = UUID("00000000-0000-4000-8000-00000000c0c2")
AT = "2026-09-01T05:59:59Z"

CONNECTION_DOCUMENT: dict[str, Any] = {
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
SYNC_DOCUMENT: dict[str, Any] = {
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


def page_of(*documents: dict[str, Any], next_cursor: str | None = None) -> Page:
    """A page of documents."""
    return Page([orjson.dumps(document) for document in documents], next_cursor)


@dataclass
class FakeService:
    """Ada has one connection; Bob has none."""

    sync_interval: timedelta = timedelta(hours=2)
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    error: Exception | None = None
    """What every command and query does instead of answering."""
    appended_position: int = 0
    """How far a command writes into the log."""
    projected_position: int = 10**9
    """How far the read models have come."""
    waits: list[tuple[int, tuple[str, ...], float]] = field(default_factory=list)
    health_report: HealthReport = field(
        default_factory=lambda: HealthReport({"database": "ok"}, {"worker": "ok"})
    )
    refusal_reason: str | None = None
    actors: list[str] = field(default_factory=list)
    correlation_ids: list[str | None] = field(default_factory=list)
    idempotency_keys: IdempotencyKeys | None = None
    newest_run: dict[str, Any] = field(default_factory=SYNC_DOCUMENT.copy)
    """The newest run as it is by now."""

    def as_service(self) -> Service:
        """Itself, for the type checker."""
        return cast(Service, self)

    def _record_call(self, name: str, *args: Any, **options: Any) -> None:
        self.calls.append((name, args, options))
        self.actors.append(current_metadata().actor)
        self.correlation_ids.append(current_metadata().correlation_id)
        if self.error:
            raise self.error

    def _execute(self, name: str, command: Any) -> None:
        self._record_call(name, command)
        owned = getattr(command, "connection_id", CONNECTION_ID)
        if command.person_id != ADA or owned != CONNECTION_ID:
            raise ConnectionNotFound(owned)
        current_metadata().position = self.appended_position

    async def set_up_connection(self, command: Any) -> UUID:
        self._record_call("set_up_connection", command)
        current_metadata().position = self.appended_position
        return CONNECTION_ID

    async def rotate_token(self, command: Any) -> None:
        self._execute("rotate_token", command)

    async def validate_connection(self, command: Any) -> str | None:
        self._execute("validate_connection", command)
        return self.refusal_reason

    async def close_connection(self, command: Any) -> None:
        self._execute("close_connection", command)

    async def request_sync(self, command: Any) -> QueuedSync:
        self._execute("request_sync", command)
        return QueuedSync(SYNC_ID, "full" if command.mode == "full" else "incremental")

    async def cancel_sync(self, command: Any) -> None:
        self._execute("cancel_sync", command)
        if self.refusal_reason:
            raise NoSyncRunning

    async def current_connection(self, _: UUID) -> dict[str, Any]:
        return CONNECTION_DOCUMENT

    async def current_sync(self, _: UUID) -> dict[str, Any] | None:
        return self.newest_run

    def _page_if_owned(
        self, name: str, person_id: UUID, *documents: dict[str, Any], **options: Any
    ) -> Page:
        self._record_call(name, person_id, **options)
        return page_of(*documents, next_cursor="bmV4dA") if person_id == ADA else page_of()

    async def connections_of(self, person_id: UUID, **options: Any) -> Page:
        return self._page_if_owned("connections_of", person_id, CONNECTION_DOCUMENT, **options)

    async def connection_of(
        self, person_id: UUID, connection_id: UUID, **options: Any
    ) -> bytes | None:
        self._record_call("connection_of", person_id, connection_id, **options)
        is_own = person_id == ADA and connection_id == CONNECTION_ID
        return orjson.dumps(CONNECTION_DOCUMENT) if is_own else None

    async def courses_of(self, person_id: UUID, **options: Any) -> Page:
        return self._page_if_owned("courses_of", person_id, {"name": "Physics"}, **options)

    async def assignments_of(self, person_id: UUID, **options: Any) -> Page:
        return self._page_if_owned("assignments_of", person_id, {"name": "Essay"}, **options)

    async def grades_of(self, person_id: UUID, **options: Any) -> Page:
        return self._page_if_owned("grades_of", person_id, {"course_name": "Physics"}, **options)

    async def grade_changes_of(self, person_id: UUID, **options: Any) -> Page:
        return self._page_if_owned("grade_changes_of", person_id, {"changed_at": AT}, **options)

    async def syncs_of(self, person_id: UUID, **options: Any) -> Page:
        return self._page_if_owned("syncs_of", person_id, SYNC_DOCUMENT, **options)

    async def sync_status_of(self, person_id: UUID, **options: Any) -> list[bytes]:
        return self._page_if_owned("sync_status_of", person_id, STATUS_DOCUMENT, **options).items

    async def stats_of(self, person_id: UUID, **options: Any) -> bytes:
        self._record_call("stats_of", person_id, **options)
        return orjson.dumps({"completion_rate": None})

    async def history(self, connection_id: UUID, **options: Any) -> Page:
        self._record_call("history", connection_id, **options)
        return page_of({"position": 1, "type": "ConnectionOpened"})

    async def state_at(self, connection_id: UUID, **options: Any) -> dict[str, Any]:
        self._record_call("state_at", connection_id, **options)
        return {"connection": CONNECTION_DOCUMENT}

    async def all_connections(self, **options: Any) -> Page:
        self._record_call("all_connections", **options)
        return page_of({**CONNECTION_DOCUMENT, "user_id": str(ADA)})

    async def record_history_read(self, connection_id: UUID, reader: str, description: str) -> None:
        self._record_call("record_history_read", connection_id, reader, description)

    async def projection_status(self) -> list[dict[str, Any]]:
        self._record_call("projection_status")
        return [{"name": name} for name in PROJECTION_NAMES]

    async def rebuild_projection(self, name: str) -> None:
        self._record_call("rebuild_projection", name)

    async def wait_for_position(self, position: int, names: Sequence[str], seconds: float) -> bool:
        self.waits.append((position, tuple(names), seconds))
        return position <= self.projected_position

    async def health(self) -> HealthReport:
        return self.health_report

    async def canvas_host_counts(self) -> dict[str, int]:
        return {"open": 0, "half_open": 0}

    def last_call(self, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """How it was asked this the last time."""
        with suppress(StopIteration):
            return next(
                (args, options) for called, args, options in self.calls[::-1] if called == name
            )
        raise AssertionError(f"{name} was never called")

"""A service that answers from memory and remembers what it was asked."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import orjson

from application.event_metadata import now_acting
from application.request_sync import Queued
from domain.errors import ConnectionNotFound, NoSyncRunning
from infrastructure.idempotency_keys import Answers
from interfaces.queries.health_report import Wellness
from interfaces.service import Service
from projections.support.page import Page
from tests.dev_tokens import ADA

CONNECTION = UUID("00000000-0000-4000-8000-00000000c0c1")
SYNC = UUID("00000000-0000-4000-8000-00000000c0c2")
AT = "2026-09-01T05:59:59Z"

CONNECTION_DOCUMENT: dict[str, Any] = {
    "id": str(CONNECTION),
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
    "id": str(SYNC),
    "connection_id": str(CONNECTION),
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
    "connection_id": str(CONNECTION),
    "state": "queued",
    "sync": SYNC_DOCUMENT,
    "next_sync_at": None,
}
NAMES = ("connections", "courses")


def page(*documents: dict[str, Any], after: str | None = None) -> Page:
    """A page of documents."""
    return Page([orjson.dumps(document) for document in documents], after)


@dataclass
class Told:
    """Ada has one connection; Bob has none."""

    interval: timedelta = timedelta(hours=2)
    asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    raises: Exception | None = None
    """What every command and query does instead of answering."""
    position: int = 0
    """How far a command writes into the log."""
    come_to: int = 10**9
    """How far the read models have come."""
    waited: list[tuple[int, tuple[str, ...], float]] = field(default_factory=list)
    well: Wellness = field(default_factory=lambda: Wellness({"database": "ok"}, {"worker": "ok"}))
    verdict: str | None = None
    actors: list[str] = field(default_factory=list)
    correlations: list[str | None] = field(default_factory=list)
    answers: Answers | None = None
    newest: dict[str, Any] = field(default_factory=SYNC_DOCUMENT.copy)
    """The newest run as it is by now."""

    def as_service(self) -> Service:
        """Itself, for the type checker."""
        return cast(Service, self)

    def _hear(self, name: str, *args: Any, **named: Any) -> None:
        self.asked.append((name, args, named))
        self.actors.append(now_acting().actor)
        self.correlations.append(now_acting().correlation_id)
        if self.raises:
            raise self.raises

    def _do(self, name: str, command: Any) -> None:
        self._hear(name, command)
        owned = getattr(command, "connection_id", CONNECTION)
        if command.person_id != ADA or owned != CONNECTION:
            raise ConnectionNotFound(owned)
        now_acting().position = self.position

    async def set_up_connection(self, command: Any) -> UUID:
        self._hear("set_up_connection", command)
        now_acting().position = self.position
        return CONNECTION

    async def rotate_token(self, command: Any) -> None:
        self._do("rotate_token", command)

    async def validate_connection(self, command: Any) -> str | None:
        self._do("validate_connection", command)
        return self.verdict

    async def close_connection(self, command: Any) -> None:
        self._do("close_connection", command)

    async def request_sync(self, command: Any) -> Queued:
        self._do("request_sync", command)
        return Queued(SYNC, "full" if command.mode == "full" else "incremental")

    async def cancel_sync(self, command: Any) -> None:
        self._do("cancel_sync", command)
        if self.verdict:
            raise NoSyncRunning

    async def connection_now(self, _: UUID) -> dict[str, Any]:
        return CONNECTION_DOCUMENT

    async def sync_now(self, _: UUID) -> dict[str, Any] | None:
        return self.newest

    def _owned(self, name: str, person: UUID, *documents: dict[str, Any], **named: Any) -> Page:
        self._hear(name, person, **named)
        return page(*documents, after="bmV4dA") if person == ADA else page()

    async def connections_of(self, person: UUID, **named: Any) -> Page:
        return self._owned("connections_of", person, CONNECTION_DOCUMENT, **named)

    async def connection_of(self, person: UUID, connection: UUID, **named: Any) -> bytes | None:
        self._hear("connection_of", person, connection, **named)
        mine = person == ADA and connection == CONNECTION
        return orjson.dumps(CONNECTION_DOCUMENT) if mine else None

    async def courses_of(self, person: UUID, **named: Any) -> Page:
        return self._owned("courses_of", person, {"name": "Physics"}, **named)

    async def assignments_of(self, person: UUID, **named: Any) -> Page:
        return self._owned("assignments_of", person, {"name": "Essay"}, **named)

    async def grades_of(self, person: UUID, **named: Any) -> Page:
        return self._owned("grades_of", person, {"course_name": "Physics"}, **named)

    async def grade_changes_of(self, person: UUID, **named: Any) -> Page:
        return self._owned("grade_changes_of", person, {"changed_at": AT}, **named)

    async def syncs_of(self, person: UUID, **named: Any) -> Page:
        return self._owned("syncs_of", person, SYNC_DOCUMENT, **named)

    async def sync_status_of(self, person: UUID, **named: Any) -> list[bytes]:
        return self._owned("sync_status_of", person, STATUS_DOCUMENT, **named).items

    async def stats_of(self, person: UUID, **named: Any) -> bytes:
        self._hear("stats_of", person, **named)
        return orjson.dumps({"completion_rate": None})

    async def history(self, connection: UUID, **named: Any) -> Page:
        self._hear("history", connection, **named)
        return page({"position": 1, "type": "ConnectionOpened"})

    async def state_at(self, connection: UUID, **named: Any) -> dict[str, Any]:
        self._hear("state_at", connection, **named)
        return {"connection": CONNECTION_DOCUMENT}

    async def audited_connections(self, **named: Any) -> Page:
        self._hear("audited_connections", **named)
        return page({**CONNECTION_DOCUMENT, "user_id": str(ADA)})

    async def record_reading(self, connection: UUID, reader: str, what: str) -> None:
        self._hear("record_reading", connection, reader, what)

    async def projections(self) -> list[dict[str, Any]]:
        self._hear("projections")
        return [{"name": name} for name in NAMES]

    async def rebuild(self, name: str) -> None:
        self._hear("rebuild", name)

    async def wait_for(self, position: int, names: Sequence[str], seconds: float) -> bool:
        self.waited.append((position, tuple(names), seconds))
        return position <= self.come_to

    async def health(self) -> Wellness:
        return self.well

    async def canvas_hosts(self) -> dict[str, int]:
        return {"open": 0, "half_open": 0}

    def last(self, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """How it was asked this the last time."""
        with suppress(StopIteration):
            return next((args, named) for asked, args, named in self.asked[::-1] if asked == name)
        raise AssertionError(f"never asked {name}")

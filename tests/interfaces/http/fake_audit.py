"""Recorded history in memory, and a high-water mark that can stay behind."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Unpack
from uuid import UUID

import orjson

from application.record_history_read import RecordHistoryRead
from application.record_list_read import RecordListRead
from domain.log_position import LogPosition
from interfaces.queries.audit_history import LogReading
from interfaces.queries.audit_protocols import AuditMembers, ViewMembers
from interfaces.queries.past_views.past_views import PastView
from projections.support.page import Page
from projections.support.query import Query
from tests.interfaces.http.fake_reads import HEAD, FakeReads, place_at, query_of
from tests.interfaces.http.query_options import (
    AllConnectionsOptions,
    DiffOptions,
    DisclosureOptions,
    HistoryOptions,
    ReadingOptions,
    StateOptions,
    ViewOptions,
)

VIEWED_AT = datetime(2026, 9, 1, 12, tzinfo=UTC)


@dataclass
class FakeAudit(FakeReads):
    """The history of one connection: one event."""

    audited_connection: dict[str, Any] = field(default_factory=dict)
    mark: int = HEAD
    """The position of the high-water mark."""
    mark_waits: list[tuple[int, float]] = field(default_factory=list)
    basis: bytes | None = None
    """What the `ETag` of the history and of the readings depends on."""

    async def history(
        self, connection_id: UUID, **options: Unpack[HistoryOptions]
    ) -> LogReading[Page]:
        self.record_call("history", connection_id, **options)
        items = [b'{"position":1,"type":"ConnectionOpened"}']
        return self._reading(Page(items, None, basis=self.basis))

    async def state_at(
        self, connection_id: UUID, **options: Unpack[StateOptions]
    ) -> LogReading[dict[str, Any]]:
        self.record_call("state_at", connection_id, **options)
        return self._reading({"connection": self.audited_connection})

    async def view_at(
        self, connection_id: UUID, **options: Unpack[ViewOptions]
    ) -> LogReading[PastView]:
        self.record_call("view_at", connection_id, **options)
        return self._reading(
            PastView(
                connection_id,
                options.get("as_of") or VIEWED_AT,
                self.mark,
                self.audited_connection,
                is_redacted=False,
                left_out=[],
                courses=[],
                assignments=[],
                grades=[],
                dashboard=b"{}",
            )
        )

    async def diff(
        self, connection_id: UUID, **options: Unpack[DiffOptions]
    ) -> LogReading[dict[str, Any]]:
        self.record_call("diff", connection_id, **options)
        return self._reading({"connection_id": str(connection_id), "items": []})

    def all_connections(self, **options: Unpack[AllConnectionsOptions]) -> Query[Page]:
        self.record_call("all_connections", **options)
        return query_of("connections", Page([orjson.dumps(self.audited_connection)], None))

    async def readings(self, **options: Unpack[ReadingOptions]) -> LogReading[Page]:
        self.record_call("readings", **options)
        return self._reading(Page([b'{"position":1,"purpose":"complaint"}'], None))

    async def disclosures_of(
        self, person_id: UUID, **options: Unpack[DisclosureOptions]
    ) -> LogReading[Page]:
        self.record_call("disclosures_of", person_id, **options)
        return self._reading(Page([b'{"position":1,"purpose":"complaint"}'], None))

    async def wait_for_mark(self, position: int, seconds: float, /) -> LogPosition:
        self.mark_waits.append((position, seconds))
        return place_at(self.mark)

    async def record_history_read(self, command: RecordHistoryRead) -> None:
        self.record_call("record_history_read", command)

    async def record_list_read(self, command: RecordListRead) -> None:
        self.record_call("record_list_read", command)

    def audit_members(self) -> AuditMembers:
        return {
            "history": self.history,
            "state_at": self.state_at,
            "all_connections": self.all_connections,
            "wait_for_mark": self.wait_for_mark,
            "readings": self.readings,
            "disclosures_of": self.disclosures_of,
        }

    def view_members(self) -> ViewMembers:
        return {"view_at": self.view_at, "diff": self.diff}

    def _reading(self, result: Any) -> LogReading[Any]:
        return LogReading(result, place_at(self.mark))

"""Recorded history in memory, and a high-water mark that can stay behind."""

from dataclasses import dataclass, field
from typing import Any, Unpack
from uuid import UUID

import orjson

from domain.log_position import LogPosition
from interfaces.queries.audit_history import LogReading
from interfaces.queries.audit_protocols import AuditMembers
from projections.support.page import Page
from tests.interfaces.http.fake_reads import HEAD, FakeReads, place_at
from tests.interfaces.http.query_options import AllConnectionsOptions, HistoryOptions, StateOptions


@dataclass
class FakeAudit(FakeReads):
    """The history of one connection: one event."""

    audited_connection: dict[str, Any] = field(default_factory=dict)
    mark: int = HEAD
    """The position of the high-water mark."""
    mark_waits: list[tuple[int, float]] = field(default_factory=list)

    async def history(
        self, connection_id: UUID, **options: Unpack[HistoryOptions]
    ) -> LogReading[Page]:
        self.record_call("history", connection_id, **options)
        return self._reading(Page([b'{"position":1,"type":"ConnectionOpened"}'], None))

    async def state_at(
        self, connection_id: UUID, **options: Unpack[StateOptions]
    ) -> LogReading[dict[str, Any]]:
        self.record_call("state_at", connection_id, **options)
        return self._reading({"connection": self.audited_connection})

    async def all_connections(self, **options: Unpack[AllConnectionsOptions]) -> LogReading[Page]:
        self.record_call("all_connections", **options)
        return self._reading(Page([orjson.dumps(self.audited_connection)], None))

    async def wait_for_mark(self, position: int, seconds: float, /) -> LogPosition:
        self.mark_waits.append((position, seconds))
        return place_at(self.mark)

    def audit_members(self) -> AuditMembers:
        return {
            "history": self.history,
            "state_at": self.state_at,
            "all_connections": self.all_connections,
            "wait_for_mark": self.wait_for_mark,
        }

    def _reading(self, result: Any) -> LogReading[Any]:
        return LogReading(result, place_at(self.mark))

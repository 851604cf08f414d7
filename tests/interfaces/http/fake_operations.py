"""The operational state in memory, as admins see it: one item in each list."""

from typing import Any

import orjson

from interfaces.http.schemas.admin_examples import ADMIN_EXAMPLES
from interfaces.queries.admin.admin_protocols import OperationalMembers
from projections.support.page import Page
from projections.support.query import Query
from tests.interfaces.http.call_recorder import CallRecorder
from tests.interfaces.http.fake_reads import query_of


def _page_of(example: str) -> Page:
    return Page([orjson.dumps(ADMIN_EXAMPLES[example])], None)


class FakeOperations(CallRecorder):
    """Each list has the example of its schema; the parameters are recorded."""

    def operational_members(self) -> OperationalMembers:
        """Return these members of Service."""
        return {
            "failing_connections": self.failing_connections,
            "active_runs": self.active_runs,
            "canvas_hosts": self.canvas_hosts,
            "role_processes": self.role_processes,
            "scheduled_hours": self.scheduled_hours,
            "status_report": self.status_report,
        }

    def failing_connections(self, **options: Any) -> Query[Page]:
        self.record_call("failing_connections", **options)
        return query_of("sync_log", _page_of("AdminConnection"))

    def active_runs(self, **options: Any) -> Query[Page]:
        self.record_call("active_runs", **options)
        return query_of("sync_log", _page_of("ActiveRun"))

    async def canvas_hosts(self, **options: Any) -> Page:
        self.record_call("canvas_hosts", **options)
        return _page_of("CanvasHost")

    async def role_processes(self, **options: Any) -> Page:
        self.record_call("role_processes", **options)
        return _page_of("RoleProcesses")

    async def scheduled_hours(self, **options: Any) -> Page:
        self.record_call("scheduled_hours", **options)
        return _page_of("ScheduledHour")

    async def status_report(self) -> dict[str, Any]:
        self.record_call("status_report")
        document: dict[str, Any] = ADMIN_EXAMPLES["AdminStatus"]
        return document

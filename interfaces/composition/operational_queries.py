"""Binds the queries of the operational state to the parts of a process that they need."""

from datetime import timedelta
from functools import partial

from infrastructure.postgres.pools import ReadPool
from interfaces.queries.admin.active_runs import active_runs
from interfaces.queries.admin.admin_protocols import OperationalMembers
from interfaces.queries.admin.canvas_hosts import CanvasHosts
from interfaces.queries.admin.failing_connections import failing_connections
from interfaces.queries.admin.role_processes import RoleProcesses
from interfaces.queries.admin.scheduled_hours import ScheduledHours
from interfaces.queries.admin.status_report import StatusReport


def operational_members(pool: ReadPool, interval: timedelta) -> OperationalMembers:
    """Bind the queries; `interval` is the time between two syncs."""
    schedule = ScheduledHours(pool, interval)
    return {
        "failing_connections": partial(failing_connections, interval=interval),
        "active_runs": active_runs,
        "canvas_hosts": CanvasHosts(pool).page,
        "role_processes": RoleProcesses(pool).page,
        "scheduled_hours": schedule.page,
        "status_report": StatusReport(pool, schedule).report,
    }

"""The signatures of the members of Service about the operational state, for admins."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypedDict

from projections.support.page import Page
from projections.support.query import Query


class ListFailingConnections(Protocol):
    """interfaces.queries.admin.failing_connections.failing_connections."""

    def __call__(
        self,
        *,
        status: str | None = None,
        code: str | None = None,
        host: str | None = None,
        q: str | None = None,
        cursor: str | None = None,
        limit: int,
    ) -> Query[Page]:
        """Query a page of open connections, worst first.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class ListActiveRuns(Protocol):
    """interfaces.queries.admin.active_runs.active_runs."""

    def __call__(
        self, *, status: str | None = None, cursor: str | None = None, limit: int
    ) -> Query[Page]:
        """Query a page of runs that are queued or running.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class ReadListPage(Protocol):
    """A list that is no read model."""

    async def __call__(self, *, cursor: str | None = None, limit: int) -> Page:
        """Return a page of the list; raises BadCursor if the cursor does not belong to it."""


class OperationalMembers(TypedDict):
    """Members of Service about the operational state."""

    failing_connections: ListFailingConnections
    active_runs: ListActiveRuns
    canvas_hosts: ReadListPage
    role_processes: ReadListPage
    scheduled_hours: ReadListPage
    status_report: Callable[[], Awaitable[dict[str, Any]]]

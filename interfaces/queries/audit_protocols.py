"""The signatures of the members of `interfaces/service.py` that read the event log for auditors."""

from datetime import datetime
from typing import Any, Protocol, TypedDict
from uuid import UUID

from domain.log_position import LogPosition
from interfaces.queries.audit_history import LogReading
from projections.support.page import Page


class ReadHistory(Protocol):
    """interfaces.queries.audit_history.AuditHistory.history."""

    async def __call__(
        self,
        connection_id: UUID,
        *,
        at: LogPosition | None = None,
        types: frozenset[str] = frozenset(),
        since: datetime | None = None,
        until: datetime | None = None,
        after_position: int = 0,
        sort: str = "position",
        cursor: str | None = None,
        limit: int | None = 100,
    ) -> LogReading[Page]:
        """Return a page of a connection's events in the order of the log, or in the reverse.

        Raises:
            ConnectionNotFound: If no such connection was ever opened.
            BadCursor: If the cursor does not belong to this list in this order.
        """


class ReadStateAt(Protocol):
    """interfaces.queries.audit_history.AuditHistory.state_at."""

    async def __call__(
        self,
        connection_id: UUID,
        *,
        at: LogPosition | None = None,
        as_of: datetime | None = None,
        version: int | None = None,
    ) -> LogReading[dict[str, Any]]:
        """Return the state of a connection and its syncs at a time or at a version of it.

        If both are None, it is the state at the high-water mark.
        Raises: ConnectionNotFound if the connection was never opened or had no such version;
        LogNotSettled if the version cannot be read yet.
        """


class ListAllConnections(Protocol):
    """interfaces.queries.audit_history.AuditHistory.connections."""

    async def __call__(
        self,
        *,
        at: LogPosition | None = None,
        user_id: UUID | None = None,
        canvas_url: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> LogReading[Page]:
        """Return a page of the connections of all people, closed ones too, oldest first.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class WaitForMark(Protocol):
    """infrastructure.event_store.mark_waiter.MarkWaiter.wait_for."""

    async def __call__(self, position: int, seconds: float, /) -> LogPosition:
        """Return the high-water mark when it has reached a position, or after `seconds`."""


class AuditMembers(TypedDict):
    """The members of Service for auditors."""

    history: ReadHistory
    state_at: ReadStateAt
    all_connections: ListAllConnections
    wait_for_mark: WaitForMark

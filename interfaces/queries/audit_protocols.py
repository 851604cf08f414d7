"""The signatures of the members of `interfaces/service.py` that only auditors use."""

from datetime import datetime
from typing import Any, Protocol, TypedDict
from uuid import UUID

from domain.log_position import LogPosition
from interfaces.queries.audit_history import LogReading
from interfaces.queries.past_views.past_views import PastView
from projections.support.page import Page
from projections.support.query import Query


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
        reader: str | None = None,
    ) -> LogReading[Page]:
        """Return a page of a connection's events in the order of the log, or in the reverse.

        With a `reader`, the basis of the page does not depend on the readings of this reader.

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


class ReadViewAt(Protocol):
    """interfaces.queries.past_views.past_views.PastViews.view_at."""

    async def __call__(
        self,
        connection_id: UUID,
        *,
        at: LogPosition | None = None,
        as_of: datetime | None = None,
    ) -> LogReading[PastView]:
        """Return what the student saw of a connection at a time; without one, what they see now.

        Raises: ConnectionNotFound if no such connection was ever opened.
        """


class ReadDiff(Protocol):
    """interfaces.queries.past_views.view_diffs.ViewDiffs.diff."""

    async def __call__(
        self,
        connection_id: UUID,
        *,
        at: LogPosition | None = None,
        since: datetime,
        until: datetime | None = None,
    ) -> LogReading[dict[str, Any]]:
        """Return what changed of what the student saw of a connection, between two times.

        Raises: ConnectionNotFound if no such connection was ever opened.
        """


class ListAllConnections(Protocol):
    """interfaces.queries.audited_connections.all_connections."""

    def __call__(
        self,
        *,
        user_id: UUID | None = None,
        canvas_url: str | None = None,
        status: str | None = None,
        q: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Query[Page]:
        """Query a page of the connections of all people, closed ones too, oldest first.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class ListReadings(Protocol):
    """interfaces.queries.recorded_readings.RecordedReadings.readings."""

    async def __call__(
        self,
        *,
        at: LogPosition | None = None,
        reader: str | None = None,
        connection_id: UUID | None = None,
        since: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
        asked_by: str | None = None,
    ) -> LogReading[Page]:
        """Return a page of who read what, the newest first.

        The basis of a page does not depend on the lists that `asked_by` has read.
        Raises: BadCursor if the cursor does not belong to this list.
        """


class ListDisclosures(Protocol):
    """interfaces.queries.recorded_readings.RecordedReadings.disclosures_of."""

    async def __call__(
        self,
        person_id: UUID,
        *,
        at: LogPosition | None = None,
        since: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> LogReading[Page]:
        """Return a page of who read the data of a person, the newest first.

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
    readings: ListReadings
    disclosures_of: ListDisclosures


class ViewMembers(TypedDict):
    """The members of Service about what a student saw at an earlier time."""

    view_at: ReadViewAt
    diff: ReadDiff

"""The signatures of the members of `interfaces/service.py` that are not commands.

A query of a read model is a function of `projections/*/query.py`. `Process.service` has bound its
pool of database connections, and the interval between two syncs if the query needs it.

A `Page` has the items of a list as JSON and the cursor of the next page, or None after the last.
`limit` is the maximum number of items; None means all.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from infrastructure.idempotency_keys import Claim, KeyedRequest, StoredResponse
from projections.assignments.due_dates import DatedAssignment
from projections.support.page import Page

Document = dict[str, Any]
"""A JSON object with the members that the HTTP API documents."""


class ListConnections(Protocol):
    """projections.connections.query.connections_of."""

    async def __call__(
        self, person_id: UUID, *, cursor: str | None = None, limit: int | None
    ) -> Page:
        """Return a page of a person's open connections, oldest first.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class FindConnection(Protocol):
    """projections.connections.query.connection_of."""

    async def __call__(self, person_id: UUID, connection_id: UUID) -> bytes | None:
        """Return one open connection of a person as JSON; None if they have none with this id."""


class ListCourses(Protocol):
    """projections.courses.query.courses_of."""

    async def __call__(
        self,
        person_id: UUID,
        *,
        connection_id: UUID | None = None,
        state: str | None = None,
        q: str | None = None,
        cursor: str | None = None,
        limit: int | None,
    ) -> Page:
        """Return a page of a person's courses, sorted by name.

        `q` is a part of the name or of the course code.
        Raises: BadCursor if the cursor does not belong to this list.
        """


class FindCourse(Protocol):
    """projections.courses.query.course_of."""

    async def __call__(self, person_id: UUID, course_id: UUID) -> bytes | None:
        """Return one course of a person as JSON; None if they have none with this id."""


class CalculateWhatIf(Protocol):
    """projections.courses.what_if.what_if_of."""

    async def __call__(
        self, person_id: UUID, course_id: UUID, *, scores: Mapping[UUID, float | None]
    ) -> Document | None:
        """Return the totals of a person's course as they would be with these scores in points.

        None as a score is an assignment without a grade. The result is None if the person has no
        such course.
        Raises: UnknownAssignment if the course does not have an assignment of `scores`.
        """


class ListAssignments(Protocol):
    """projections.assignments.query.assignments_of."""

    async def __call__(
        self,
        person_id: UUID,
        *,
        now: datetime,
        connection_id: UUID | None = None,
        course_id: UUID | None = None,
        statuses: AbstractSet[str] = frozenset(),
        due_after: datetime | None = None,
        due_before: datetime | None = None,
        q: str | None = None,
        sort: str = "due_at",
        cursor: str | None = None,
        limit: int | None,
    ) -> Page:
        """Return a page of a person's assignments with their status at `now`.

        `q` is a part of the name. An empty set of `statuses` means every status.
        Raises: BadCursor if the cursor does not belong to this list in this order.
        """


class FindAssignment(Protocol):
    """projections.assignments.query.assignment_of."""

    async def __call__(
        self, person_id: UUID, assignment_id: UUID, *, now: datetime
    ) -> bytes | None:
        """Return one assignment with its status at `now` as JSON; None if the person has none."""


class ListDueDates(Protocol):
    """projections.assignments.query.due_dates_of."""

    async def __call__(self, person_id: UUID) -> list[DatedAssignment]:
        """Return a person's assignments that have a due date, or parts, sorted by due date."""


class ListGrades(Protocol):
    """projections.grades.query.grades_of."""

    async def __call__(
        self,
        person_id: UUID,
        *,
        connection_id: UUID | None = None,
        course_id: UUID | None = None,
        cursor: str | None = None,
        limit: int | None,
    ) -> Page:
        """Return a page of a person's grades: one item for each course, sorted by its name.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class ListGradeChanges(Protocol):
    """projections.grade_history.query.grade_changes_of."""

    async def __call__(
        self,
        person_id: UUID,
        *,
        course_id: UUID | None = None,
        assignment_id: UUID | None = None,
        since: datetime | None = None,
        baseline: bool | None = None,
        sort: str = "changed_at",
        cursor: str | None = None,
        limit: int | None,
    ) -> Page:
        """Return a page of a person's grade changes recorded at `since` or later.

        `baseline` selects what the first sync found, or all but that; None means both.
        Raises: BadCursor if the cursor does not belong to this list in this order.
        """


class ListSyncs(Protocol):
    """projections.sync_log.query.syncs_of."""

    async def __call__(
        self,
        person_id: UUID,
        *,
        connection_id: UUID | None = None,
        status: str | None = None,
        cursor: str | None = None,
        limit: int | None,
    ) -> Page:
        """Return a page of a person's runs, newest first.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class GetSyncStatus(Protocol):
    """projections.sync_log.query.sync_status_of."""

    async def __call__(self, person_id: UUID) -> list[bytes]:
        """Return one JSON object for each open connection of a person, with its newest run."""


class GetStats(Protocol):
    """projections.dashboard_stats.query.stats_of."""

    async def __call__(self, person_id: UUID, *, now: datetime) -> bytes:
        """Return a person's dashboard at `now`, as JSON."""


class ReadHistory(Protocol):
    """interfaces.queries.audit_history.AuditHistory.history."""

    async def __call__(
        self,
        connection_id: UUID,
        *,
        types: frozenset[str] = frozenset(),
        since: datetime | None = None,
        until: datetime | None = None,
        after_version: int | None = None,
        cursor: str | None = None,
        limit: int | None = 100,
    ) -> Page:
        """Return a page of a connection's events in the order of the log.

        Raises:
            ConnectionNotFound: If no such connection was ever opened.
            BadCursor: If the cursor does not belong to this list.
        """


class ReadStateAt(Protocol):
    """interfaces.queries.audit_history.AuditHistory.state_at."""

    async def __call__(
        self, connection_id: UUID, *, as_of: datetime | None = None, version: int | None = None
    ) -> Document:
        """Return the state of a connection and its syncs at a time or at a version of it.

        If both are None, it is the current state.
        Raises: ConnectionNotFound if the connection was never opened or had no such version.
        """


class ListAllConnections(Protocol):
    """interfaces.queries.audit_history.AuditHistory.connections."""

    async def __call__(
        self,
        *,
        user_id: UUID | None = None,
        canvas_url: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Return a page of the connections of all people, closed ones too, oldest first.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class WaitForPosition(Protocol):
    """infrastructure.projection_engine.checkpoint_waiter.CheckpointWaiter.wait_for."""

    async def __call__(
        self, position: int, names: Iterable[str], timeout_seconds: float, /
    ) -> bool:
        """Wait until these read models have applied the log up to a position.

        Returns False if they have not after `timeout_seconds`.
        """


class IdempotencyKeyStore(Protocol):
    """The part of infrastructure.idempotency_keys.IdempotencyKeys that routes use."""

    async def claim(self, request: KeyedRequest) -> Claim | StoredResponse:
        """Claim a key for a request, or return the response that was stored for it.

        Raises:
            KeyInUse: If the first request with this key is still being handled.
            KeyReused: If the key was used with a different request before.
        """

    async def store(self, claim: Claim, response: StoredResponse) -> None:
        """Store the response to a claimed request."""

    async def release(self, claim: Claim) -> None:
        """Release a claim without a response, so that the key can be used again."""

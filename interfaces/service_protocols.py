"""The signatures of the members of `interfaces/service.py` that are not commands.

A query of a read model is a value that a function of `projections/*/query.py` returns, and that
`Service.read` executes. `Process.service` has bound the interval between two syncs if it is needed.

A `Page` has the items of a list as JSON and the cursor of the next page, or None after the last.
`limit` is the maximum number of items; None means all.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.log_position import LogPosition
from infrastructure.crypto.keyed_requests import KeyedRequest
from infrastructure.event_store.command_events import CommandEvents
from infrastructure.idempotency_keys import Claim, EarlierClaim, StoredResponse
from infrastructure.projection_engine.snapshot_reads import Reading, ReadModelQuery
from projections.assignments.due_dates import DatedAssignment
from projections.support.clock_changes import TimedDocument
from projections.support.page import Page
from projections.support.query import Query

Document = dict[str, Any]
"""A JSON object with the members that the HTTP API documents."""


class ListConnections(Protocol):
    """projections.connections.query.connections_of."""

    def __call__(
        self, person_id: UUID, *, cursor: str | None = None, limit: int | None
    ) -> Query[Page]:
        """Query a page of a person's open connections, oldest first.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class FindConnection(Protocol):
    """projections.connections.query.connection_of."""

    def __call__(self, person_id: UUID, connection_id: UUID) -> Query[bytes | None]:
        """Query one open connection of a person as JSON; None if they have none with this id."""


class ListCourses(Protocol):
    """projections.courses.query.courses_of."""

    def __call__(
        self,
        person_id: UUID,
        *,
        connection_id: UUID | None = None,
        state: str | None = None,
        q: str | None = None,
        cursor: str | None = None,
        limit: int | None,
    ) -> Query[Page]:
        """Query a page of a person's courses, sorted by name.

        `q` is a part of the name or of the course code.
        Raises: BadCursor if the cursor does not belong to this list.
        """


class FindCourse(Protocol):
    """projections.courses.query.course_of."""

    def __call__(self, person_id: UUID, course_id: UUID) -> Query[bytes | None]:
        """Query one course of a person as JSON; None if they have none with this id."""


class CalculateWhatIf(Protocol):
    """projections.courses.what_if.what_if_of."""

    def __call__(
        self, person_id: UUID, course_id: UUID, *, scores: Mapping[UUID, float | None]
    ) -> Query[Document | None]:
        """Query the totals of a person's course as they would be with these scores in points.

        None as a score is an assignment without a grade. The result is None if the person has no
        such course.
        Raises: UnknownAssignment if the course does not have an assignment of `scores`.
        """


class ListAssignments(Protocol):
    """projections.assignments.query.assignments_of."""

    def __call__(
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
    ) -> Query[Page]:
        """Query a page of a person's assignments with their status at `now`.

        `q` is a part of the name. An empty set of `statuses` means every status.
        Raises: BadCursor if the cursor does not belong to this list in this order.
        """


class FindAssignment(Protocol):
    """projections.assignments.query.assignment_of."""

    def __call__(
        self, person_id: UUID, assignment_id: UUID, *, now: datetime
    ) -> Query[bytes | None]:
        """Query one assignment with its status at `now` as JSON; None if the person has none."""


class ListDueDates(Protocol):
    """projections.assignments.query.due_dates_of."""

    def __call__(self, person_id: UUID) -> Query[list[DatedAssignment]]:
        """Query a person's assignments that have a due date, or parts, sorted by due date."""


class ListGrades(Protocol):
    """projections.grades.query.grades_of."""

    def __call__(
        self,
        person_id: UUID,
        *,
        connection_id: UUID | None = None,
        course_id: UUID | None = None,
        cursor: str | None = None,
        limit: int | None,
    ) -> Query[Page]:
        """Query a page of a person's grades: one item for each course, sorted by its name.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class ListGradeChanges(Protocol):
    """projections.grade_history.query.grade_changes_of."""

    def __call__(
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
    ) -> Query[Page]:
        """Query a page of a person's grade changes recorded at `since` or later.

        `baseline` selects what the first sync found, or all but that; None means both.
        Raises: BadCursor if the cursor does not belong to this list in this order.
        """


class ListSyncs(Protocol):
    """projections.sync_log.query.syncs_of."""

    def __call__(
        self,
        person_id: UUID,
        *,
        connection_id: UUID | None = None,
        status: str | None = None,
        cursor: str | None = None,
        limit: int | None,
    ) -> Query[Page]:
        """Query a page of a person's runs, newest first.

        Raises: BadCursor if the cursor does not belong to this list.
        """


class GetSyncStatus(Protocol):
    """projections.sync_log.query.sync_status_of."""

    def __call__(self, person_id: UUID) -> Query[Page]:
        """Query one JSON object for each open connection of a person, with its newest run."""


class GetStats(Protocol):
    """projections.dashboard_stats.query.stats_of."""

    def __call__(self, person_id: UUID, *, now: datetime) -> Query[TimedDocument]:
        """Query a person's dashboard at `now`, as JSON."""


class ListDeadLetters(Protocol):
    """infrastructure.projection_engine.status.dead_letters_of."""

    async def __call__(self, name: str | None) -> list[Document]:
        """Return the dead letters of a read model, or of all, in the order of the log."""


class ReadInOneSnapshot(Protocol):
    """infrastructure.projection_engine.snapshot_reads.read_models."""

    async def __call__(self, *queries: ReadModelQuery) -> Reading:
        """Execute queries in one snapshot; the reading has the place in the log that they show."""


class RequireKnownPlace(Protocol):
    """infrastructure.event_store.timelines.require_known_place."""

    async def __call__(self, place: LogPosition) -> None:
        """Check that the log has a place; raises UnknownPlace if it does not."""


class WaitForPlace(Protocol):
    """infrastructure.projection_engine.checkpoint_waiter.CheckpointWaiter.wait_for."""

    async def __call__(
        self, position: int, names: Iterable[str], timeout_seconds: float, /
    ) -> bool:
        """Wait until these read models are at one position, and not before this one.

        Returns False if they are not after `timeout_seconds`.
        """


class FindCommandEvents(Protocol):
    """infrastructure.event_store.command_events.find_command_events."""

    async def __call__(self, person_id: UUID, command_id: UUID, since: datetime) -> CommandEvents:
        """Return what a command has appended about a person since a time."""


class FindAppendTime(Protocol):
    """infrastructure.event_store.command_events.find_append_time."""

    async def __call__(self, place: LogPosition) -> datetime | None:
        """Return when the events of an append were recorded; None if there are none."""


class IdempotencyKeyStore(Protocol):
    """The part of infrastructure.idempotency_keys.IdempotencyKeys that routes use."""

    async def claim(self, request: KeyedRequest) -> Claim | EarlierClaim | StoredResponse:
        """Claim a key, or return the earlier claim, or the response that was stored.

        Raises:
            KeyInUse: If the claim changes all the time.
            KeyReused: If the key was used with a different request before.
            TooManyKeys: If the person has used as many keys as one may within a day.
            PersonIsErased: If the data of the person was erased.
        """

    async def take_over(self, earlier: EarlierClaim) -> Claim:
        """Take over a claim; raises KeyInUse if a living process holds it."""

    async def store(self, claim: Claim, response: StoredResponse) -> None:
        """Store the response to a claimed request."""

    async def release(self, claim: Claim) -> None:
        """Release a claim without a response, so that the key can be used again."""

    async def abandon(self, claim: Claim) -> None:
        """Leave a claim to the next request with the same content."""

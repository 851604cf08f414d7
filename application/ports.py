"""What the commands need from outside: the ports, each below the types of its values."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

from domain.aggregate import Aggregate
from domain.canvas import Assignment, AssignmentGroup, Course
from domain.change_feed import FeedEntry, PlannerWindow
from domain.course_events import CourseList, KnownCourse
from domain.errors import CanvasFailure
from domain.events.sync import Requests

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R")


class SecretChange:
    """A change of stored secrets, which is made in the transaction of an append; see Store.save."""

    __slots__ = ()


class StreamUnreadable(Exception):
    """An event of a stream cannot be read, so nothing can be decided from the stream."""


class LastEvent(NamedTuple):
    """The end of a stream, which can be read also if its events cannot."""

    version: int
    """The version of the last event; 0 without events."""
    topic: str | None
    """The stored name of the last event."""
    person_id: UUID | None
    """The person whose data the stream has."""
    correlation_id: str | None = None
    """The correlation id of the last event."""


class Store(Protocol):
    """The event log, as streams of aggregates."""

    async def load(self, kind: type[A], stream: UUID, *, version: int | None = None) -> A:
        """Rebuild an aggregate from its events, up to `version` if given.

        A stream without events gives a new one.

        Raises: StreamUnreadable if an event cannot be decrypted or decoded.
        """

    async def end_of(self, stream: UUID) -> LastEvent:
        """Return the end of a stream, without reading its events."""

    async def in_turn(self, stream: UUID, decide: Callable[[], Awaitable[R]]) -> R:
        """Call `decide`, which loads, decides and saves, when it is the turn of this command.

        The commands of one stream take their turns in the order in which they arrive. After a
        VersionConflict, which another process has caused, `decide` is called again. It must
        therefore not send requests to Canvas.

        Raises: what `decide` raises; ConnectionBusy if too many wait, or the turn does not come.
        """

    async def save(self, *aggregates: Aggregate, secrets: Sequence[SecretChange] = ()) -> None:
        """Append all pending events and make the changes of secrets, in one transaction.

        Without a pending event only the secrets are changed: nothing then keeps another process
        from changing the same ones. Events that decide nothing, which others appended meanwhile,
        are no conflict. The saved aggregates keep the times of this process. The log has those of
        the database, which clients receive: load the aggregate again to return a time of a new
        event.

        Raises: VersionConflict if a stream has newer events; PersonIsErased. Then nothing is
        appended or changed.
        """

    async def record(self, kind: type[A], stream: UUID, decide: Callable[[A], None]) -> None:
        """Append events that decide nothing, such as confirmations, at the end of a stream.

        `decide` records them on the aggregate; it may be called again, and together with those of
        other callers. For a kind that is APPEND_ONLY, the aggregate has its version but no state.

        Raises: what `decide` raises; nothing is appended for this caller then.
        """

    async def has_newer_events(self, aggregate: Aggregate) -> bool:
        """Return whether the stream has newer events; raises PersonIsErased of its person."""

    async def save_snapshot(self, aggregate: Aggregate) -> None:
        """Save a snapshot, so that the next load reads few events."""


class Vault(Protocol):
    """Where Canvas tokens are stored, encrypted."""

    def fingerprint(self, connection_id: UUID, token: str, known: str = "") -> str:
        """Return 8 hex digits that identify a token of a connection and do not reveal it.

        It is `known` if that is a fingerprint of this token.
        """

    def storing(
        self, person_id: UUID, connection_id: UUID, origin: str, token: str, fingerprint: str
    ) -> SecretChange:
        """Return the change that stores a token; the other tokens of the connection remain."""

    def replacing(
        self, person_id: UUID, connection_id: UUID, origin: str, token: str, fingerprint: str
    ) -> SecretChange:
        """Return the change that encrypts a token anew; it does nothing if it is not stored."""

    async def load(
        self, person_id: UUID, connection_id: UUID, origin: str, fingerprint: str
    ) -> str:
        """Return a stored token.

        Raises: KeyError if it was destroyed.
        """

    def destroying(self, connection_id: UUID, *, keep: str | None = None) -> SecretChange:
        """Return the change that destroys all tokens of a connection.

        The token with the fingerprint `keep` remains.
        """


class CanvasUser(NamedTuple):
    """The Canvas user that a token belongs to."""

    id: str
    name: str


class FetchedCourse(NamedTuple):
    """One course as fetched; what is None was hidden, failed, or is that of the `work_digest`."""

    course: Course
    assignments: list[Assignment] | None
    failure: CanvasFailure | None = None
    groups: list[AssignmentGroup] | None = None
    is_known: bool = True
    """Whether `course` has all that Canvas shows; if not, it is not recorded after a failure."""
    work_digest: str | None = None


class PlannerPage(NamedTuple):
    """A page of the planner; the first one has a validator (an ETag) if Canvas sends it."""

    entries: list[FeedEntry]
    validator: str | None = None


class CanvasAccount(Protocol):
    """One Canvas account, while a run reads it; methods that send requests raise CanvasFailure."""

    @property
    def requests(self) -> Requests:
        """The number of requests so far."""

    @property
    def drops_includes(self) -> bool:
        """Whether Canvas refuses `include` parameters to this token, so that courses lack parts."""

    async def list_courses(self) -> CourseList:
        """Return the courses of the person in every state; restricted ones are `restricted`."""

    async def list_ended_courses(self) -> CourseList:
        """Return the courses that have ended, of which `list_courses` may lack some."""

    async def find_course(self, canvas_id: str) -> Course | None:
        """Return one course that the lists lack; None if Canvas has none for this person."""

    def graded_submissions(self) -> AsyncGenerator[list[FeedEntry], None]:
        """Yield pages of the graded submissions of all courses, newest first."""

    def planner_items(
        self, window: PlannerWindow, validator: str | None
    ) -> AsyncGenerator[PlannerPage, None]:
        """Yield pages of the planner, latest first; none if `validator` is still valid."""

    def fetch_courses(
        self, courses: Sequence[Course], known: Mapping[str, KnownCourse]
    ) -> AsyncIterator[FetchedCourse]:
        """Fetch courses with their assignments in parallel; yield each when it has arrived.

        `known` has what was recorded of each course before, by its id.
        A course that fails is yielded with its failure.
        """


class Canvas(Protocol):
    """All Canvas hosts."""

    def allowed_origin(self, url: str) -> str:
        """Return the origin of a URL.

        Raises: CanvasUrlNotAllowed if no token may be sent to it.
        """

    async def fetch_user(self, origin: str, token: str) -> CanvasUser:
        """Request the user of a token.

        Raises: CanvasFailure if the token is refused or Canvas does not respond.
        """

    def open_account(
        self,
        origin: str,
        token: str,
        *,
        user_id: str | None = None,
        host_degraded: bool = False,
    ) -> AbstractAsyncContextManager[CanvasAccount]:
        """Open the account of a Canvas user; a degraded host gets no retries until it responds."""


WorkerStatus = Literal["alive", "lost", "gone"]
"""`lost`: the worker died while another one was alive. `gone`: it died and none was alive."""


class Queue(Protocol):
    """The jobs of queued runs."""

    async def enqueue(
        self,
        connection_id: UUID,
        origin: str,
        *,
        person_id: UUID | None = None,
        urgent: bool = False,
        delay_seconds: float = 0,
    ) -> None:
        """Add a job for the queued run of a connection at this Canvas; urgent jobs come first.

        Idempotent: a connection has at most one waiting job.
        """

    async def worker_status(self, worker: str) -> WorkerStatus:
        """Return whether the worker of an attempt is alive."""

    async def release(self, connection_id: UUID) -> None:
        """Free the lane that a dead worker occupies for a connection."""


class HostHealth(Protocol):
    """Which Canvas hosts respond."""

    async def record_success(self, origin: str) -> None:
        """Record that a host responded, with any status."""

    async def record_rejection(self, origin: str) -> None:
        """Record that a host responded, and rejected the token of a run."""

    async def record_failure(self, origin: str) -> None:
        """Record that a run failed because a host did not respond."""

    async def is_degraded(self, origin: str) -> bool:
        """Return whether several runs in a row got no response, or had their tokens rejected."""

    async def admits_scheduled_run(self, origin: str) -> bool:
        """Return whether a scheduled run may send requests to this host now.

        While a host is degraded, one run may do so from time to time.
        """

    def admits_requested_run(self, origin: str) -> bool:
        """Return whether a run that a person requested may send requests to this host now.

        While a host does not respond, one run at a time may wait for it.
        """


@dataclass(frozen=True, slots=True)
class SharedCalendar:
    """The secret in the address of a calendar, and when the address was made, in UTC."""

    secret: str = field(repr=False)
    created_at: datetime


class Calendars(Protocol):
    """The secret addresses of calendars, at most one for each person."""

    def sharing(self, person_id: UUID) -> tuple[str, SecretChange]:
        """Return a new secret, and the change that makes it the only one of the person."""

    def ending(self, person_id: UUID) -> SecretChange:
        """Return the change that ends the address of a person."""

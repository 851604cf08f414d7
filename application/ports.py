"""The outside world as the commands need it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

from domain.aggregate import Aggregate
from domain.canvas import Assignment, Course
from domain.change_feed import FeedEntry, PlannerWindow
from domain.errors import CanvasFailure
from domain.events.sync import Requests

A = TypeVar("A", bound=Aggregate)
WorkerStatus = Literal["alive", "lost", "gone"]
"""Of a worker: it lives; it died while another one lived; it died and none did."""


class CanvasUser(NamedTuple):
    """Whose token it is."""

    id: str
    name: str


class FetchedCourse(NamedTuple):
    """One course as just read; `assignments` is None where Canvas shows none, or on a failure."""

    course: Course
    assignments: list[Assignment] | None
    failure: CanvasFailure | None = None


class PlannerPage(NamedTuple):
    """A page of the planner; the first has its validator where Canvas sends one."""

    entries: list[FeedEntry]
    validator: str | None = None


class Store(Protocol):
    """The event log, as aggregates see it."""

    async def load(self, kind: type[A], stream: UUID) -> A:
        """Fold a stream; an unborn aggregate where there is none."""

    async def save(self, *aggregates: Aggregate) -> None:
        """Append all pending events in one transaction, or raise VersionConflict and none."""

    async def has_newer_events(self, aggregate: Aggregate) -> bool:
        """Whether somebody else appended to the stream after what this aggregate knows."""

    async def save_snapshot(self, aggregate: Aggregate) -> None:
        """Keep a snapshot, so that the next load is short."""


class Vault(Protocol):
    """Where Canvas tokens are kept, under lock."""

    def fingerprint(self, token: str) -> str:
        """Tell two tokens apart: 8 hex digits of a keyed digest."""

    async def store(self, person_id: UUID, connection_id: UUID, origin: str, token: str) -> None:
        """Keep a token beside those the connection has."""

    async def load(
        self, person_id: UUID, connection_id: UUID, origin: str, fingerprint: str
    ) -> str:
        """Give a kept token back; raises KeyError where it was destroyed."""

    async def destroy(self, connection_id: UUID, fingerprint: str | None = None) -> None:
        """Destroy a connection's tokens, all or the one with this fingerprint."""


class CanvasAccount(Protocol):
    """One Canvas account, while a run reads it."""

    @property
    def requests(self) -> Requests:
        """How many requests there were so far."""

    async def list_courses(self) -> list[Course]:
        """Every course of the student, restricted ones as `state: restricted`."""

    @property
    def drops_includes(self) -> bool:
        """Whether Canvas gives this token the courses alone, without what it was asked to add."""

    def graded_submissions(self) -> AsyncGenerator[list[FeedEntry], None]:
        """The graded submissions of all courses, newest first, in pages."""

    def planner_items(
        self, window: PlannerWindow, validator: str | None
    ) -> AsyncGenerator[PlannerPage, None]:
        """The planner of these days, latest first; no page where nothing in it changed."""

    def fetch_courses(self, courses: Sequence[Course]) -> AsyncIterator[FetchedCourse]:
        """Each course with its assignments, in parallel, as the answers arrive."""


class Canvas(Protocol):
    """Every Canvas there is."""

    def allowed_origin(self, url: str) -> str:
        """The origin of an address we may send a token to; raises CanvasUrlNotAllowed."""

    async def fetch_user(self, origin: str, token: str) -> CanvasUser:
        """Ask Canvas whose token it is; raises CanvasFailure."""

    def open_account(
        self, origin: str, token: str, *, host_degraded: bool = False
    ) -> AbstractAsyncContextManager[CanvasAccount]:
        """Open an account for a run; a host in doubt is tried once, until it answers."""


class Queue(Protocol):
    """Where runs wait for a worker."""

    async def enqueue(
        self, connection_id: UUID, origin: str, *, urgent: bool = False, delay_seconds: float = 0
    ) -> None:
        """Let a worker take the connection's queued run on, after `delay_seconds`; twice is once.

        `origin` is the Canvas it is at; what is urgent comes before what is not.
        """

    async def worker_status(self, worker: str) -> WorkerStatus:
        """What became of a worker that took a run on."""

    async def release(self, connection_id: UUID) -> None:
        """Free what a worker that is no more held for a connection."""


class HostHealth(Protocol):
    """Which hosts of Canvas answer."""

    async def record_success(self, origin: str) -> None:
        """A host answered, whatever it said."""

    async def record_failure(self, origin: str) -> None:
        """A whole run failed because a host could not be reached, or took too long."""

    async def is_degraded(self, origin: str) -> bool:
        """Whether run after run has failed there of late."""

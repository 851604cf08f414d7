"""The ports of the commands in memory: a vault, a Canvas, a queue and the health of hosts."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4
from zlib import crc32

from application.ports import CanvasUser, FetchedCourse, PlannerPage, WorkerStatus
from domain.canvas import Course
from domain.change_feed import (
    FeedEntry,
    PlannerWindow,
    expected_planner_state_hash,
    graded_state_hash,
)
from domain.course_events import CourseList, KnownCourse
from domain.errors import CanvasFailure, CanvasTokenRejected, CanvasUrlNotAllowed
from domain.events.sync import Requests
from tests.memory_store import InMemoryChange

ORIGIN = "https://canvas.example"


@dataclass
class InMemoryVault:
    """A token vault that allows one origin; tokens by connection and fingerprint."""

    origin: str = ORIGIN
    tokens: dict[tuple[UUID, str], str] = field(default_factory=dict)

    def fingerprint(self, connection_id: UUID, token: str, known: str = "") -> str:
        assert len(known) in {0, 8}
        return f"{crc32(connection_id.bytes + token.encode()):08x}"

    def storing(
        self, person_id: UUID, connection_id: UUID, origin: str, token: str, fingerprint: str = ""
    ) -> InMemoryChange:
        assert person_id
        assert origin == self.origin
        key = connection_id, fingerprint or self.fingerprint(connection_id, token)
        return InMemoryChange(lambda: self.tokens.update({key: token}))

    def replacing(
        self, person_id: UUID, connection_id: UUID, origin: str, token: str, fingerprint: str = ""
    ) -> InMemoryChange:
        storing = self.storing(person_id, connection_id, origin, token, fingerprint)
        key = connection_id, fingerprint or self.fingerprint(connection_id, token)
        return InMemoryChange(lambda: storing.apply() if key in self.tokens else None)

    async def load(
        self, person_id: UUID, connection_id: UUID, origin: str, fingerprint: str
    ) -> str:
        assert person_id
        assert origin == self.origin
        return self.tokens[connection_id, fingerprint]

    def destroying(self, connection_id: UUID, *, keep: str | None = None) -> InMemoryChange:
        def destroy() -> None:
            for key in [key for key in self.tokens if key[0] == connection_id]:
                if key[1] != keep:
                    del self.tokens[key]

        return InMemoryChange(destroy)


@dataclass
class InMemoryCalendars:
    """The current secret of each person's calendar."""

    secrets: dict[UUID, str] = field(default_factory=dict)

    def sharing(self, person_id: UUID) -> tuple[str, InMemoryChange]:
        secret = str(uuid4())
        return secret, InMemoryChange(lambda: self.secrets.update({person_id: secret}))

    def ending(self, person_id: UUID) -> InMemoryChange:
        return InMemoryChange(lambda: self.secrets.pop(person_id, None))


@dataclass
class FakeAccount:
    """An account with fixed courses; with `failure`, its course list fails.

    `unlisted` are courses that only `find_course` returns; `ended` those that have ended.
    """

    fetched: list[FetchedCourse]
    failure: CanvasFailure | None = None
    unlisted: list[Course] = field(default_factory=list)
    ended: list[Course] = field(default_factory=list)
    request_count: int = 0
    drops_includes: bool = False

    @property
    def requests(self) -> Requests:
        return Requests(total=self.request_count, not_modified=0, retried=0)

    async def list_courses(self) -> CourseList:
        self.request_count += 1
        if self.failure:
            raise self.failure
        return CourseList([fetched.course for fetched in self.fetched], complete=True)

    async def list_ended_courses(self) -> CourseList:
        self.request_count += 1
        return CourseList(self.ended, complete=True)

    async def find_course(self, canvas_id: str) -> Course | None:
        self.request_count += 1
        found = (course for course in self.unlisted if course["canvas_id"] == canvas_id)
        return next(found, None)

    async def graded_submissions(self) -> AsyncGenerator[list[FeedEntry], None]:
        self.request_count += 1
        yield [entry for fetched in self.fetched for entry in graded_entries(fetched)]

    async def planner_items(
        self, window: PlannerWindow, validator: str | None
    ) -> AsyncGenerator[PlannerPage, None]:
        self.request_count += 1
        entries = [entry for fetched in self.fetched for entry in planner_entries(fetched, window)]
        current = str(hash(tuple(entries)))
        if validator != current:
            yield PlannerPage(entries, current)

    async def fetch_courses(
        self, courses: Sequence[Course], known: Mapping[str, KnownCourse]
    ) -> AsyncIterator[FetchedCourse]:
        assert isinstance(known, dict)
        for fetched in self.fetched:
            if fetched.course in courses:
                self.request_count += 1
                yield fetched


def graded_entries(fetched: FetchedCourse) -> Iterator[FeedEntry]:
    """The entries of a course in the change feed of graded submissions."""
    course_id = fetched.course["canvas_id"]
    for item in fetched.assignments or ():
        submission = item["submission"]
        state_hash = graded_state_hash(submission)
        if submission and state_hash:
            yield FeedEntry(
                "graded", course_id, item["canvas_id"], state_hash, submission["graded_at"]
            )


def planner_entries(fetched: FetchedCourse, window: PlannerWindow) -> Iterator[FeedEntry]:
    """The entries of a course in the change feed of the planner."""
    course_id = fetched.course["canvas_id"]
    for item in fetched.assignments or ():
        state_hash = expected_planner_state_hash(item)
        if state_hash and window.contains(item["due_at"]):
            yield FeedEntry("planned", course_id, item["canvas_id"], state_hash, item["due_at"])


@dataclass
class FakeCanvas:
    """A Canvas with one account; `users` maps tokens to users."""

    users: dict[str, CanvasUser] = field(default_factory=dict)
    fetched: list[FetchedCourse] = field(default_factory=list)
    failure: CanvasFailure | None = None
    degraded_flags: list[bool] = field(default_factory=list)

    def allowed_origin(self, url: str) -> str:
        if url != ORIGIN:
            raise CanvasUrlNotAllowed(f"{url} is not allowed")
        return url

    async def fetch_user(self, origin: str, token: str) -> CanvasUser:
        assert origin == ORIGIN
        if self.failure:
            raise self.failure
        if token not in self.users:
            raise CanvasTokenRejected("Canvas does not know this token.")
        return self.users[token]

    @asynccontextmanager
    async def open_account(
        self,
        origin: str,
        token: str,
        *,
        user_id: str | None = None,
        host_degraded: bool = False,
    ) -> AsyncIterator[FakeAccount]:
        assert (origin, user_id) == (ORIGIN, self.users[token].id)
        assert token in self.users
        self.degraded_flags.append(host_degraded)
        yield FakeAccount(self.fetched, self.failure)


@dataclass
class InMemoryQueue:
    """A queue of connections; a worker is alive unless `worker_statuses` has another status."""

    origin: str = ORIGIN
    queued: list[UUID] = field(default_factory=list)
    urgent: set[UUID] = field(default_factory=set)
    delays: list[float] = field(default_factory=list)
    started: list[UUID] = field(default_factory=list)
    released: list[UUID] = field(default_factory=list)
    worker_statuses: dict[str, WorkerStatus] = field(default_factory=dict)

    async def enqueue(
        self,
        connection_id: UUID,
        origin: str,
        *,
        person_id: UUID | None = None,  # noqa: ARG002  # the signature of the port
        urgent: bool = False,
        delay_seconds: float = 0,
    ) -> None:
        assert origin == self.origin
        if connection_id not in self.queued:
            self.queued.append(connection_id)
            self.delays.append(delay_seconds)
            if urgent:
                self.urgent.add(connection_id)

    async def worker_status(self, worker: str) -> WorkerStatus:
        return self.worker_statuses.get(worker, "alive")

    async def release(self, connection_id: UUID) -> None:
        self.released.append(connection_id)


@dataclass
class FakeHostHealth:
    """Records the reports about hosts, in order; `degraded` has the degraded hosts.

    `rejections` has a host as often as it rejected a token.

    A scheduled run is admitted at the hosts in `to_probe`, once, and at all that are not degraded;
    a requested one at all that are not `busy`.
    """

    reports: list[tuple[str, bool]] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)
    degraded: set[str] = field(default_factory=set)
    to_probe: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)

    async def record_success(self, origin: str) -> None:
        self.reports.append((origin, True))

    async def record_rejection(self, origin: str) -> None:
        self.rejections.append(origin)

    async def record_failure(self, origin: str) -> None:
        self.reports.append((origin, False))

    async def is_degraded(self, origin: str) -> bool:
        return origin in self.degraded

    def admits_requested_run(self, origin: str) -> bool:
        return origin not in self.busy

    async def admits_scheduled_run(self, origin: str) -> bool:
        is_probe = origin in self.to_probe
        self.to_probe.discard(origin)
        return is_probe or origin not in self.degraded

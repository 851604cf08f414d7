"""The outside world of the commands, held in memory: a vault, a Canvas and a queue."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID
from zlib import crc32

from application.ports import CanvasUser, Fate, PlannerPage, Sighting
from domain.canvas import Course
from domain.change_feed import Glimpse, Window, expected_mark, graded_mark
from domain.errors import CanvasFailure, CanvasTokenRejected, CanvasUrlNotAllowed
from domain.events.sync import Requests

ORIGIN = "https://canvas.example"


@dataclass
class DictVault:
    """Tokens by connection and fingerprint."""

    origin: str = ORIGIN
    kept: dict[tuple[UUID, str], str] = field(default_factory=dict)

    def fingerprint(self, token: str) -> str:
        return f"{crc32(token.encode()):08x}"

    async def keep(self, person_id: UUID, connection_id: UUID, origin: str, token: str) -> None:
        assert person_id
        assert origin == self.origin
        self.kept[connection_id, self.fingerprint(token)] = token

    async def reveal(
        self, person_id: UUID, connection_id: UUID, origin: str, fingerprint: str
    ) -> str:
        assert person_id
        assert origin == self.origin
        return self.kept[connection_id, fingerprint]

    async def destroy(self, connection_id: UUID, fingerprint: str | None = None) -> None:
        for kept in [kept for kept in self.kept if kept[0] == connection_id]:
            if fingerprint in {None, kept[1]}:
                del self.kept[kept]


@dataclass
class StillAccount:
    """An account that shows the same courses whenever it is read."""

    shown: list[Sighting]
    failure: CanvasFailure | None = None
    total: int = 0
    drops_includes: bool = False

    @property
    def requests(self) -> Requests:
        return Requests(total=self.total, not_modified=0, retried=0)

    async def courses(self) -> list[Course]:
        self.total += 1
        if self.failure:
            raise self.failure
        return [sighting.course for sighting in self.shown]

    async def graded(self) -> AsyncGenerator[list[Glimpse], None]:
        self.total += 1
        yield [glimpse for sighting in self.shown for glimpse in graded(sighting)]

    async def planned(
        self, window: Window, validator: str | None
    ) -> AsyncGenerator[PlannerPage, None]:
        self.total += 1
        found = [glimpse for sighting in self.shown for glimpse in planned(sighting, window)]
        newest = str(hash(tuple(found)))
        if validator != newest:
            yield PlannerPage(found, newest)

    async def sightings(self, courses: Sequence[Course]) -> AsyncIterator[Sighting]:
        for sighting in self.shown:
            if sighting.course in courses:
                self.total += 1
                yield sighting


def graded(sighting: Sighting) -> Iterator[Glimpse]:
    """What the graded submissions tell of a course."""
    course_id = sighting.course["canvas_id"]
    for item in sighting.assignments or ():
        submission = item["submission"]
        mark = graded_mark(submission)
        if submission and mark:
            yield Glimpse("graded", course_id, item["canvas_id"], mark, submission["graded_at"])


def planned(sighting: Sighting, window: Window) -> Iterator[Glimpse]:
    """What the planner tells of a course."""
    course_id = sighting.course["canvas_id"]
    for item in sighting.assignments or ():
        mark = expected_mark(item)
        if mark and window.holds(item["due_at"]):
            yield Glimpse("planned", course_id, item["canvas_id"], mark, item["due_at"])


@dataclass
class StillCanvas:
    """A Canvas with one account, whose users are known by their tokens."""

    users: dict[str, CanvasUser] = field(default_factory=dict)
    shown: list[Sighting] = field(default_factory=list)
    failure: CanvasFailure | None = None
    doubted: list[bool] = field(default_factory=list)

    def origin(self, url: str) -> str:
        if url != ORIGIN:
            raise CanvasUrlNotAllowed(f"{url} is not allowed")
        return url

    async def whoami(self, origin: str, token: str) -> CanvasUser:
        assert origin == ORIGIN
        if self.failure:
            raise self.failure
        if token not in self.users:
            raise CanvasTokenRejected("Canvas does not know this token.")
        return self.users[token]

    @asynccontextmanager
    async def account(
        self, origin: str, token: str, *, in_doubt: bool = False
    ) -> AsyncIterator[StillAccount]:
        assert origin == ORIGIN
        assert token in self.users
        self.doubted.append(in_doubt)
        yield StillAccount(self.shown, self.failure)


@dataclass
class ListQueue:
    """Connections in the order their runs were queued, and the workers known to be dead."""

    origin: str = ORIGIN
    queued: list[UUID] = field(default_factory=list)
    urgent: set[UUID] = field(default_factory=set)
    pauses: list[float] = field(default_factory=list)
    taken: list[UUID] = field(default_factory=list)
    forgotten: list[UUID] = field(default_factory=list)
    dead: dict[str, Fate] = field(default_factory=dict)

    async def enqueue(
        self, connection_id: UUID, origin: str, *, urgent: bool = False, after: float = 0
    ) -> None:
        assert origin == self.origin
        if connection_id not in self.queued:
            self.queued.append(connection_id)
            self.pauses.append(after)
            if urgent:
                self.urgent.add(connection_id)

    async def fate(self, worker: str) -> Fate:
        return self.dead.get(worker, "alive")

    async def forget(self, connection_id: UUID) -> None:
        self.forgotten.append(connection_id)


@dataclass
class ListHosts:
    """What was told of hosts, in its order, and which are in doubt."""

    told: list[tuple[str, bool]] = field(default_factory=list)
    in_doubt: set[str] = field(default_factory=set)

    async def answers(self, origin: str) -> None:
        self.told.append((origin, True))

    async def is_silent(self, origin: str) -> None:
        self.told.append((origin, False))

    async def is_in_doubt(self, origin: str) -> bool:
        return origin in self.in_doubt

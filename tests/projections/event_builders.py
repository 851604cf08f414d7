"""Made-up pasts: what people, connections and runs might have been through."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.canvas import Assignment, Course
from domain.connection import Connection
from domain.events import PersonErased
from domain.events.sync import Progress, Requests
from domain.recorded_event import Recorded
from domain.sync import Sync
from domain.sync_attempt import Attempt
from tests.canvas_builders import assignment, course, hidden_grade, restricted, submission

MAIN = UUID("00000000-0000-4000-8000-0000000000ff")
PERSON = uuid5(MAIN, "person")
BEGAN = datetime(2026, 9, 1, 12, tzinfo=UTC)
OBSTACLE = ("canvas-forbidden", "There is no planner.")
REQUESTS = Requests(total=3, not_modified=1, retried=0)


@dataclass
class Past:
    """A log that grows, a second and three microseconds an event."""

    events: list[Recorded] = field(default_factory=list)
    step: timedelta = timedelta(seconds=1, microseconds=3)

    def record(self, person: UUID, *events: Any) -> None:
        for event in events:
            position = len(self.events) + 1
            self.events.append(Recorded(event, position, BEGAN + position * self.step, person))

    def keep(self, *aggregates: Aggregate) -> None:
        for aggregate in aggregates:
            self.record(aggregate.person_id, *aggregate.collect_events())


@dataclass
class Account:
    """One connection of one person, and the runs over it."""

    past: Past
    person: UUID = PERSON
    url: str = "https://canvas.example"
    connection: Connection = field(init=False)
    sync: Sync = field(init=False)
    runs: int = 0

    def __post_init__(self) -> None:
        self.connection = Connection.unborn(Connection.id_for(self.person, self.url, 1))
        self.sync = Sync.unborn(Sync.id_for(self.connection.id))

    @property
    def id(self) -> UUID:
        return self.connection.id

    @property
    def run_id(self) -> UUID:
        return uuid5(self.id, f"run/{self.runs}")

    @property
    def attempt(self) -> Attempt:
        return Attempt(self.run_id, "worker-1")

    def open(self, **facts: Any) -> "Account":
        usual = {
            "person_id": self.person,
            "canvas_url": self.url,
            "canvas_name": "Example U",
            "canvas_user_id": "42",
            "canvas_user_name": "Ada",
            "token_fingerprint": "0a1b2c3d",
        }
        self.connection.open(**usual | facts)
        self.past.keep(self.connection)
        return self

    def decide(self, decide: Callable[[Connection], object]) -> "Account":
        decide(self.connection)
        self.past.keep(self.connection)
        return self

    def request(self, trigger: str = "manual", mode: str = "full") -> "Account":
        self.runs += 1
        return self.synchronise(
            lambda sync: sync.request(
                self.run_id,
                connection_id=self.id,
                person_id=self.person,
                trigger=trigger,
                mode=mode,
            )
        )

    def synchronise(self, decide: Callable[[Sync], object]) -> "Account":
        decide(self.sync)
        self.past.keep(self.sync)
        return self

    def start(self) -> "Account":
        return self.synchronise(lambda sync: sync.start("worker-1"))

    def see(self, course: Course, *assignments: Assignment, done: int = 1) -> "Account":
        shown = None if course["state"] == "restricted" else list(assignments)
        return self.synchronise(
            lambda sync: sync.see_course(
                self.attempt, course, shown, Progress(total=2, done=done, failed=0)
            )
        )

    def complete(self, failed: int = 0) -> "Account":
        progress = Progress(total=2, done=2 - failed, failed=failed)
        return self.synchronise(lambda sync: sync.complete(self.attempt, progress, REQUESTS))

    def run(self, *seen: tuple[Course, Iterable[Assignment]]) -> "Account":
        """One whole run that sees these courses."""
        self.request().start()
        listed = {course["canvas_id"] for course, _ in seen}
        self.synchronise(lambda sync: sync.list_courses(self.attempt, listed))
        for course_, assignments in seen:
            self.see(course_, *assignments)
        return self.complete()


class Wanderer:
    """Takes one random step after the other, each of which might happen."""

    def __init__(self, seed: int, people: int = 3, accounts: int = 2) -> None:
        self._chance = random.Random(seed)
        self.past = Past()
        self._accounts = [
            Account(self.past, uuid5(MAIN, f"{person}"), f"https://canvas{number}.example")
            for person in range(people)
            for number in range(accounts)
        ]
        self._erased: set[UUID] = set()

    def walk(self, steps: int) -> list[Recorded]:
        for _ in range(steps):
            self._step(self._chance.choice(self._accounts))
        return self.past.events

    def _step(self, account: Account) -> None:
        if account.person in self._erased:
            return
        status = account.connection.status
        if status == "new":
            account.open()
        elif status == "closed":
            self._stray(account)
        elif account.sync.live:
            self._go_on(account)
        elif self._chance.random() < 0.6:
            mode = self._chance.choice(["full", "incremental"])
            account.request(self._chance.choice(["manual", "schedule"]), mode)
        else:
            self._touch(account)

    def _stray(self, account: Account) -> None:
        if not account.sync.live and self._chance.random() < 0.3:
            account.request()

    def _touch(self, account: Account) -> None:
        rejected = account.connection.status == "token_rejected"
        chance = self._chance.random()
        if chance < 0.04:
            self._erased.add(account.person)
            self.past.record(account.person, erased(account.person))
        elif chance < 0.12:
            account.decide(lambda connection: connection.close())
        elif rejected or chance < 0.4:
            fingerprint = f"{self._chance.getrandbits(32):08x}"
            account.decide(lambda connection: connection.rotate_token("42", fingerprint))
        elif chance < 0.6:
            account.decide(lambda connection: connection.reject_token("revoked"))
        else:
            account.decide(lambda connection: connection.confirm("Ada L."))

    def _go_on(self, account: Account) -> None:
        run = account.sync.live
        assert run
        if run["status"] == "queued":
            account.start()
            listed = {id_ for id_ in ("101", "102", "103") if self._chance.random() < 0.8}
            account.synchronise(lambda sync: sync.list_courses(account.attempt, listed))
            if self._chance.random() < 0.3:
                account.synchronise(lambda sync: sync.widen(account.attempt, *OBSTACLE))
            return
        chance = self._chance.random()
        if chance < 0.7:
            self._see(account)
        elif chance < 0.75:
            account.synchronise(lambda sync: sync.requeue(account.attempt, "lost"))
        elif chance < 0.9:
            account.complete(failed=self._chance.choice([0, 0, 1]))
        elif chance < 0.95:
            account.synchronise(
                lambda sync: sync.fail(account.attempt, "canvas-timeout", "Too slow", REQUESTS)
            )
        else:
            account.synchronise(lambda sync: sync.cancel())

    def _see(self, account: Account) -> None:
        id_ = self._chance.choice(["101", "102", "103"])
        chance = self._chance.random()
        if chance < 0.1:
            account.see(restricted(id_))
        elif chance < 0.2:
            progress = Progress(total=3, done=1, failed=1)
            account.synchronise(
                lambda sync: sync.miss_course(
                    account.attempt, id_, "canvas-forbidden", "", progress
                )
            )
        else:
            account.see(self._course(id_), *self._assignments(id_))

    def _course(self, id_: str) -> Course:
        score = self._chance.choice([None, 88, 91.5])
        state = self._chance.choice(["active", "active", "active", "concluded"])
        return course(id_, name=f"Course {id_} É", current_score=score, state=state)

    def _assignments(self, course_id: str) -> list[Assignment]:
        shown = [number for number in range(5) if self._chance.random() < 0.75]
        return [self._assignment(f"{course_id}{number}") for number in shown]

    def _assignment(self, id_: str) -> Assignment:
        work = [None, submission(), submission(score=8), hidden_grade(), submission(late=True)]
        due = [None, "2026-09-11T05:59:59Z", "2026-09-20T05:59:59Z"]
        return assignment(
            id_,
            name=f"Work {id_} 100% \0",
            due_at=self._chance.choice(due),
            submission=self._chance.choice(work),
        )


def erased(person: UUID) -> PersonErased:
    """The end of a person's data."""
    return PersonErased(  # type: ignore[call-arg]  # the library adds the annotated fields
        originator_id=uuid5(person, "person"),
        originator_version=1,
        timestamp=BEGAN,
        person_id=person,
    )

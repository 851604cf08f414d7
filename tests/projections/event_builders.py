"""Builders of event logs: decisions of real aggregates, in a given or in a random order."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.canvas import Assignment, AssignmentGroup, Course
from domain.connection import Connection
from domain.course_diff import is_readable
from domain.course_events import CourseList
from domain.event import Event
from domain.events import GradeChanged, PersonErased
from domain.events.sync import Progress, Requests
from domain.recorded_event import RecordedEvent
from domain.sync import Sync
from domain.sync_attempt import Attempt
from tests.canvas_builders import course
from tests.projections.random_courses import (
    random_assignments,
    random_course,
    random_groups,
    random_restricted_course,
)

NAMESPACE = UUID("00000000-0000-4000-8000-0000000000ff")
PERSON = uuid5(NAMESPACE, "person")
STARTED_AT = datetime(2026, 9, 1, 12, tzinfo=UTC)
FALLBACK_REASON = ("canvas-forbidden", "There is no planner.")
COURSE_IDS = ("101", "102", "103")
REQUEST_COUNTS = Requests(total=3, not_modified=1, retried=0)


@dataclass
class EventLogBuilder:
    """Collects recorded events; each is recorded `step` after the one before."""

    events: list[RecordedEvent] = field(default_factory=list)
    step: timedelta = timedelta(seconds=1, microseconds=3)

    def record(self, person: UUID, *events: Any) -> None:
        for event in events:
            position = len(self.events) + 1
            recorded_at, event_id = STARTED_AT + position * self.step, event_id_at(position)
            self.events.append(RecordedEvent(event, position, recorded_at, person, event_id))

    def save(self, *aggregates: Aggregate) -> None:
        for aggregate in aggregates:
            self.record(aggregate.person_id, *aggregate.collect_events())


@dataclass
class StudentAccount:
    """One connection of one person and its runs; a step adds its events to the log."""

    log: EventLogBuilder
    person: UUID = PERSON
    url: str = "https://canvas.example"
    connection: Connection = field(init=False)
    sync: Sync = field(init=False)
    run_count: int = 0

    def __post_init__(self) -> None:
        self.connection = Connection.new(Connection.id_for(self.person, self.url, 1))
        self.sync = Sync.new(Sync.id_for(self.connection.id))

    @property
    def id(self) -> UUID:
        return self.connection.id

    @property
    def run_id(self) -> UUID:
        return uuid5(self.id, f"run/{self.run_count}")

    @property
    def attempt(self) -> Attempt:
        return Attempt(self.run_id, "worker-1")

    def open(self, **fields: Any) -> "StudentAccount":
        defaults = {
            "person_id": self.person,
            "canvas_url": self.url,
            "canvas_name": "Example U",
            "canvas_user_id": "42",
            "canvas_user_name": "Ada",
            "token_fingerprint": "0a1b2c3d",
        }
        self.connection.open(**defaults | fields)
        self.log.save(self.connection)
        return self

    def change_connection(self, change: Callable[[Connection], object]) -> "StudentAccount":
        change(self.connection)
        self.log.save(self.connection)
        return self

    def request(self, trigger: str = "manual", mode: str = "full") -> "StudentAccount":
        self.run_count += 1
        return self.change_sync(
            lambda sync: sync.request(
                self.run_id,
                connection_id=self.id,
                person_id=self.person,
                trigger=trigger,
                mode=mode,
            )
        )

    def change_sync(self, change: Callable[[Sync], object]) -> "StudentAccount":
        change(self.sync)
        self.log.save(self.sync)
        return self

    def start(self) -> "StudentAccount":
        return self.change_sync(lambda sync: sync.start("worker-1"))

    def fetch_course(
        self,
        course: Course,
        *assignments: Assignment,
        groups: list[AssignmentGroup] | None = None,
        done: int = 1,
    ) -> "StudentAccount":
        returned = list(assignments) if is_readable(course) else None
        progress = Progress(total=2, done=done, failed=0)
        return self.change_sync(
            lambda sync: sync.record_course(self.attempt, course, returned, progress, groups)
        )

    def fail_to_fetch(
        self, course: Course, code: str = "canvas-server-error", detail: str = "Canvas broke"
    ) -> "StudentAccount":
        """Record the course without its assignments, then why they could not be read."""
        progress = Progress(total=3, done=1, failed=1)
        self.change_sync(lambda sync: sync.record_course(self.attempt, course, None, progress))
        return self.change_sync(
            lambda sync: sync.record_fetch_failure(
                self.attempt, course["canvas_id"], code, detail, progress
            )
        )

    def list_courses(self, *listed: Course, complete: bool = True) -> "StudentAccount":
        """Record which known courses a list of Canvas lacks, or has as deleted."""
        courses = CourseList(list(listed), complete)
        return self.change_sync(lambda sync: sync.record_unlisted(self.attempt, courses))

    def complete(self, failed: int = 0) -> "StudentAccount":
        progress = Progress(total=2, done=2 - failed, failed=failed)
        return self.change_sync(lambda sync: sync.complete(self.attempt, progress, REQUEST_COUNTS))

    def run(
        self,
        *fetched: tuple[Course, Iterable[Assignment]],
        groups: list[AssignmentGroup] | None = None,
    ) -> "StudentAccount":
        """Add one completed run that lists and reads these courses.

        A known course that two runs in a row do not list is withdrawn.
        """
        self.request().start().list_courses(*(course for course, _ in fetched))
        for course_, assignments in fetched:
            self.fetch_course(course_, *assignments, groups=groups)
        return self.complete()


class RandomHistory:
    """Generates the log of several accounts by random steps, each of which the aggregates allow."""

    def __init__(self, seed: int, people: int = 3, accounts: int = 2) -> None:
        self._rng = random.Random(seed)
        self.log = EventLogBuilder()
        self._accounts = [
            StudentAccount(
                self.log, uuid5(NAMESPACE, f"{person}"), f"https://canvas{number}.example"
            )
            for person in range(people)
            for number in range(accounts)
        ]
        self._erased: set[UUID] = set()

    def generate(self, steps: int) -> list[RecordedEvent]:
        """Add so many steps; an older release recorded every second grade change."""
        before = len(self.log.events)
        for _ in range(steps):
            self._step(self._rng.choice(self._accounts))
        for index, recorded in enumerate(self.log.events[before:], before):
            if recorded.position % 2:
                self.log.events[index] = recorded._replace(event=without_names(recorded.event))
        return self.log.events

    def _step(self, account: StudentAccount) -> None:
        if account.person in self._erased:
            return
        status = account.connection.status
        if status == "new":
            account.open()
        elif status == "closed":
            self._request_after_close(account)
        elif account.sync.active_run:
            self._advance_run(account)
        elif self._rng.random() < 0.6:
            mode = self._rng.choice(["full", "incremental"])
            account.request(self._rng.choice(["manual", "schedule"]), mode)
        else:
            self._change_connection(account)

    def _request_after_close(self, account: StudentAccount) -> None:
        if not account.sync.active_run and self._rng.random() < 0.3:
            account.request()

    def _change_connection(self, account: StudentAccount) -> None:
        rejected = account.connection.status == "token_rejected"
        choice = self._rng.random()
        if choice < 0.04:
            self._erased.add(account.person)
            self.log.record(account.person, person_erased(account.person))
        elif choice < 0.12:
            account.change_connection(lambda connection: connection.close())
        elif rejected or choice < 0.4:
            fingerprint = f"{self._rng.getrandbits(32):08x}"
            account.change_connection(lambda connection: connection.rotate_token("42", fingerprint))
        elif choice < 0.6:
            account.change_connection(lambda connection: connection.reject_token("revoked"))
        else:
            account.change_connection(lambda connection: connection.record_validation("Ada L."))

    def _advance_run(self, account: StudentAccount) -> None:
        run = account.sync.active_run
        assert run
        if run["status"] == "queued":
            account.start()
            self._list_courses(account)
            if self._rng.random() < 0.3:
                account.change_sync(
                    lambda sync: sync.fall_back_to_full(account.attempt, *FALLBACK_REASON)
                )
            return
        choice = self._rng.random()
        if choice < 0.7:
            self._fetch_course(account)
        elif choice < 0.75:
            account.change_sync(lambda sync: sync.requeue(account.attempt, "lost"))
        elif choice < 0.9:
            account.complete(failed=self._rng.choice([0, 0, 1]))
        elif choice < 0.95:
            account.change_sync(
                lambda sync: sync.fail(
                    account.attempt, "canvas-timeout", "Too slow", REQUEST_COUNTS
                )
            )
        else:
            account.change_sync(lambda sync: sync.cancel())

    def _list_courses(self, account: StudentAccount) -> None:
        states = {id_: self._rng.random() for id_ in COURSE_IDS}
        listed = [
            course(id_, state="withdrawn" if state < 0.05 else "active")
            for id_, state in states.items()
            if state < 0.7
        ]
        account.list_courses(*listed, complete=self._rng.random() < 0.9)

    def _fetch_course(self, account: StudentAccount) -> None:
        id_ = self._rng.choice(COURSE_IDS)
        choice = self._rng.random()
        if choice < 0.12:
            account.fetch_course(random_restricted_course(self._rng, id_))
        elif choice < 0.25:
            account.fail_to_fetch(random_course(self._rng, id_))
        else:
            groups = random_groups(self._rng) if self._rng.random() < 0.5 else None
            assignments = random_assignments(self._rng, id_)
            account.fetch_course(random_course(self._rng, id_), *assignments, groups=groups)


def event_id_at(position: int) -> UUID:
    """Return the id of the event at a position of a log."""
    return uuid5(NAMESPACE, f"event/{position}")


def without_names(event: Event) -> Event:
    """Return a grade change as it is read that an older release recorded; others unchanged."""
    if not isinstance(event, GradeChanged):
        return event
    return type(event)(**vars(event) | {"course_name": None, "assignment_name": None})


def person_erased(person: UUID) -> PersonErased:
    """Return the event that erases a person."""
    return PersonErased(  # type: ignore[call-arg]  # the library adds the annotated fields
        originator_id=uuid5(person, "person"),
        originator_version=1,
        timestamp=STARTED_AT,
        person_id=person,
    )

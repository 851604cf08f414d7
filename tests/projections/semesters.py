"""Many students' semesters as the log would hold them, made without asking the aggregates.

A student connects, is synchronised once with every course, and then again and again with
little that changed: about one event in seven carries a course, most of those one assignment.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from domain.canvas import Assignment, Score
from domain.event import Event
from domain.events import (
    ConnectionOpened,
    CourseFetched,
    DueDateChanged,
    GradeChanged,
    SyncCompleted,
    SyncRequested,
    SyncStarted,
)
from domain.events.sync import Changes, Progress, Requests
from domain.recorded_event import Recorded
from tests.canvas_builders import assignment, course, submission

BEGAN = datetime(2026, 9, 1, tzinfo=UTC)
COURSES = 6
RUNS = 60


class Student(NamedTuple):
    """Somebody, their connection, its two streams, and the chance that moves them."""

    person: UUID
    connection: UUID
    sync: UUID
    chance: Random
    versions: Iterator[int]


def semesters(total: int, *, seed: int = 1, assignments: int = 8) -> Iterator[Recorded]:
    """So many events, students taking turns in the log."""
    chance = Random(seed)
    lives = (_life(_student(chance, nth), assignments) for nth in count())
    for position, (event, person) in enumerate(islice(_in_turns(lives), total), 1):
        yield Recorded(event, position, BEGAN + timedelta(milliseconds=50 * position), person)


def _in_turns(lives: Iterator[Iterator[tuple[Event, UUID]]]) -> Iterator[tuple[Event, UUID]]:
    """A hundred at a time, each a run's worth of events."""
    while True:
        living = list(islice(lives, 100))
        while living:
            for life in list(living):
                some = list(islice(life, 6))
                yield from some
                if not some:
                    living.remove(life)


def _student(chance: Random, nth: int) -> Student:
    ids = [UUID(int=chance.getrandbits(128), version=4) for _ in range(3)]
    return Student(ids[0], ids[1], ids[2], Random(nth), count(1))


def _life(student: Student, assignments: int) -> Iterator[tuple[Event, UUID]]:
    opened = {
        "person_id": student.person,
        "canvas_url": "https://canvas.example",
        "canvas_name": "Example U",
        "canvas_user_id": "42",
        "canvas_user_name": "Ada",
        "token_fingerprint": "0a1b2c3d",
    }
    yield _event(ConnectionOpened, student.connection, 1, opened), student.person
    for run in range(RUNS):
        for event in _run(student, assignments, first=run == 0):
            yield event, student.person


def _run(student: Student, assignments: int, *, first: bool) -> Iterator[Event]:
    sync_id = UUID(int=student.chance.getrandbits(128), version=4)

    def said(kind: type[Any], **facts: Any) -> Event:
        facts |= {"connection_id": student.connection, "sync_id": sync_id}
        return _event(kind, student.sync, next(student.versions), facts)

    yield said(SyncRequested, person_id=student.person, trigger="schedule", mode="full")
    yield said(SyncStarted, worker="worker-1")
    for nth in range(COURSES) if first else [student.chance.randrange(COURSES)]:
        numbers = range(assignments) if first else [student.chance.randrange(assignments)]
        shown = [_assignment(student, nth, number) for number in numbers]
        changes = Changes(courses=1, assignments=len(shown), grades=1)
        progress = Progress(total=COURSES, done=nth, failed=0)
        seen = course(f"{nth}", name=f"Course {nth}")
        facts = {"course": seen, "assignments": shown, "removed": []}
        yield said(CourseFetched, **facts, changes=changes, progress=progress)
        if not first and student.chance.random() < 0.3:
            due = {"previous": shown[0]["due_at"], "current": shown[0]["due_at"]}
            ids = {"course_id": f"{nth}", "assignment_id": shown[0]["canvas_id"]}
            yield said(DueDateChanged, **ids, **due)
        yield said(GradeChanged, **_change(f"{nth}", shown[0], first=first))
    progress = Progress(total=COURSES, done=COURSES, failed=0)
    requests = Requests(total=COURSES + 1, not_modified=0, retried=0)
    yield said(SyncCompleted, progress=progress, requests=requests, planner_validator=None)


def _assignment(student: Student, nth: int, number: int) -> Assignment:
    score = float(student.chance.randrange(10))
    return assignment(
        f"{nth}{number:03}",
        name=f"Problem set {number}",
        due_at=f"2026-{10 + number % 3}-{1 + number % 28:02}T05:59:59Z",
        submission=submission(score=score, grade=f"{score}") if number % 2 else None,
    )


def _change(course_id: str, seen: Assignment, *, first: bool) -> dict[str, Any]:
    return {
        "subject": "assignment",
        "course_id": course_id,
        "assignment_id": seen["canvas_id"],
        "previous": None if first else Score(score=7.5, grade="7.5"),
        "current": Score(score=8.5, grade="8.5"),
        "baseline": first,
    }


def _event(kind: type[Any], stream: UUID, version: int, facts: dict[str, Any]) -> Event:
    event: Event = kind(originator_id=stream, originator_version=version, timestamp=BEGAN, **facts)
    return event

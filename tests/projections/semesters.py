"""Generates the events of many students' semesters, quickly: without aggregates.

A student connects, has a first run that reads every course, and then many runs in which little has
changed. About one event in seven contains a course, in most cases with one assignment.
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
from domain.recorded_event import RecordedEvent
from tests.canvas_builders import assignment, course, group, submission

STARTED_AT = datetime(2026, 9, 1, tzinfo=UTC)
COURSES_PER_STUDENT = 6
RUNS_PER_STUDENT = 60


class Student(NamedTuple):
    """A student with one connection; `sync` is the stream of its runs."""

    person: UUID
    connection: UUID
    sync: UUID
    rng: Random
    versions: Iterator[int]
    """The versions of the events in the stream `sync`."""


def generate_semesters(
    total: int, *, seed: int = 1, assignments: int = 8
) -> Iterator[RecordedEvent]:
    """Generate `total` events; those of different students alternate.

    Each course has so many `assignments`.
    """
    rng = Random(seed)
    students = (_student_events(_new_student(rng, nth), assignments) for nth in count())
    for position, (event, person) in enumerate(islice(_interleave(students), total), 1):
        recorded_at = STARTED_AT + timedelta(milliseconds=50 * position)
        yield RecordedEvent(event, position, recorded_at, person, UUID(int=position))


def _interleave(students: Iterator[Iterator[tuple[Event, UUID]]]) -> Iterator[tuple[Event, UUID]]:
    """Alternate between 100 students at a time, after every six events of one."""
    while True:
        active = list(islice(students, 100))
        while active:
            for student_events in list(active):
                next_events = list(islice(student_events, 6))
                yield from next_events
                if not next_events:
                    active.remove(student_events)


def _new_student(rng: Random, nth: int) -> Student:
    ids = [UUID(int=rng.getrandbits(128), version=4) for _ in range(3)]
    return Student(ids[0], ids[1], ids[2], Random(nth), count(1))


def _student_events(student: Student, assignments: int) -> Iterator[tuple[Event, UUID]]:
    opened = {
        "person_id": student.person,
        "canvas_url": "https://canvas.example",
        "canvas_name": "Example U",
        "canvas_user_id": "42",
        "canvas_user_name": "Ada",
        "token_fingerprint": "0a1b2c3d",
    }
    yield _new_event(ConnectionOpened, student.connection, 1, opened), student.person
    for run in range(RUNS_PER_STUDENT):
        for event in _run_events(student, assignments, first=run == 0):
            yield event, student.person


def _run_events(student: Student, assignments: int, *, first: bool) -> Iterator[Event]:
    sync_id = UUID(int=student.rng.getrandbits(128), version=4)

    def sync_event(event_class: type[Any], **fields: Any) -> Event:
        fields |= {"connection_id": student.connection, "sync_id": sync_id}
        return _new_event(event_class, student.sync, next(student.versions), fields)

    yield sync_event(SyncRequested, person_id=student.person, trigger="schedule", mode="full")
    yield sync_event(SyncStarted, worker="worker-1")
    for course_number in (
        range(COURSES_PER_STUDENT) if first else [student.rng.randrange(COURSES_PER_STUDENT)]
    ):
        numbers = range(assignments) if first else [student.rng.randrange(assignments)]
        assignments_fetched = [
            _assignment(student, course_number, assignment_number) for assignment_number in numbers
        ]
        fields = _fetched_fields(course_number, assignments_fetched, first=first)
        yield sync_event(CourseFetched, **fields)
        if not first and student.rng.random() < 0.3:
            due = {
                "previous": assignments_fetched[0]["due_at"],
                "current": assignments_fetched[0]["due_at"],
            }
            ids = {
                "course_id": f"{course_number}",
                "assignment_id": assignments_fetched[0]["canvas_id"],
            }
            yield sync_event(DueDateChanged, **ids, **due)
        yield sync_event(
            GradeChanged, **_grade_change(f"{course_number}", assignments_fetched[0], first=first)
        )
    progress = Progress(total=COURSES_PER_STUDENT, done=COURSES_PER_STUDENT, failed=0)
    requests = Requests(total=COURSES_PER_STUDENT + 1, not_modified=0, retried=0)
    yield sync_event(SyncCompleted, progress=progress, requests=requests, planner_validator=None)


def _fetched_fields(
    course_number: int, assignments: list[Assignment], *, first: bool
) -> dict[str, Any]:
    return {
        "course": course(f"{course_number}", name=f"Course {course_number}"),
        "complete": True,
        "groups": [group()] if first else None,
        "assignments": assignments,
        "removed": [],
        "changes": Changes(courses=1, assignments=len(assignments), grades=1),
        "progress": Progress(total=COURSES_PER_STUDENT, done=course_number, failed=0),
    }


def _assignment(student: Student, course_number: int, assignment_number: int) -> Assignment:
    score = float(student.rng.randrange(10))
    return assignment(
        f"{course_number}{assignment_number:03}",
        name=f"Problem set {assignment_number}",
        due_at=f"2026-{10 + assignment_number % 3}-{1 + assignment_number % 28:02}T05:59:59Z",
        submission=submission(score=score, grade=f"{score}") if assignment_number % 2 else None,
    )


def _grade_change(course_id: str, graded: Assignment, *, first: bool) -> dict[str, Any]:
    return {
        "subject": "assignment",
        "course_id": course_id,
        "assignment_id": graded["canvas_id"],
        "course_name": f"Course {course_id}",
        "assignment_name": graded["name"],
        "previous": None if first else Score(score=7.5, grade="7.5"),
        "current": Score(score=8.5, grade="8.5"),
        "baseline": first,
    }


def _new_event(event_class: type[Any], stream: UUID, version: int, fields: dict[str, Any]) -> Event:
    event: Event = event_class(
        originator_id=stream, originator_version=version, timestamp=STARTED_AT, **fields
    )
    return event

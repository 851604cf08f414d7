"""Students whose documents are read: 8 courses of 25 assignments each, half of them graded."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.canvas import Assignment
from domain.recorded_event import RecordedEvent
from tests.canvas_builders import assignment, course, submission
from tests.projections.event_builders import EventLogBuilder, StudentAccount

COURSES, ASSIGNMENTS = 8, 25


def student_ids(count: int) -> list[UUID]:
    """Return the ids of the students."""
    return [UUID(int=0x10000000000040008000000000000000 + nth) for nth in range(count)]


def student_events(students: list[UUID]) -> Iterator[RecordedEvent]:
    """Generate the events of each student: a connection, and one run that reads everything."""
    for student in students:
        log = EventLogBuilder()
        account = StudentAccount(log, student).open()
        courses = (course(f"{nth}", name=f"Course {nth}") for nth in range(COURSES))
        account.run(*((each, _work(nth)) for nth, each in enumerate(courses)))
        yield from log.events


def _work(course_number: int) -> list[Assignment]:
    today = datetime.now(UTC).replace(hour=5, minute=59, second=59, microsecond=0)
    return [
        assignment(
            f"{course_number}{nth:03}",
            name=f"Problem set {nth} of course {course_number}",
            due_at=f"{today + timedelta(days=3 * nth - 40):%Y-%m-%dT%H:%M:%SZ}",
            submission=submission(score=float(nth % 10), grade=f"{nth % 10}") if nth % 2 else None,
        )
        for nth in range(ASSIGNMENTS)
    ]

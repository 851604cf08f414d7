"""Generates students and their enrollments from a seed."""

from collections.abc import Iterable
from random import Random

from infrastructure.canvas_sandbox.enrolled_students import Enrollment, Seat, Student
from infrastructure.canvas_sandbox.generator.names import COURSE_NICKNAME, STUDENT_NAMES
from infrastructure.canvas_sandbox.model import Course, Person
from infrastructure.canvas_sandbox.options import SandboxOptions

FIRST_ENROLLMENT_ID = 700_000
SECTION_ENROLLMENT_STEP = 1_000_000_000
NICKNAMED_COURSE = 3
"""The index of the course that students gave a nickname."""
OBSERVED_USER_ID = 4_001
"""The child whom a student who is observer in a course observes."""


def person_of(index: int, seed: int) -> Person:
    """The Canvas user of the student with this index."""
    name = STUDENT_NAMES[(index + seed - 1) % len(STUDENT_NAMES)]
    if index >= len(STUDENT_NAMES):
        name = f"{name} {index // len(STUDENT_NAMES) + 1}"
    return Person(5_001 + index, name)


def generate_student(
    options: SandboxOptions,
    index: int,
    courses: Iterable[Course],
    other_courses: Iterable[tuple[Course, str, str]],
) -> Student:
    """Generate the student with this index.

    The student has an own favorite among `courses`, and in each of `other_courses` the role and
    the enrollment state that are given with it.
    """
    rng = Random(f"{options.seed}/student/{index}")  # noqa: S311  must be reproducible
    seats = {course.id: _generate_seat(index, course, rng) for course in courses}
    for course, role, state in other_courses:
        seats[course.id] = Seat([new_enrollment(index, course, role=role, state=state)])
    return Student(index, person_of(index, options.seed), seats)


def new_enrollment(
    student: int, course: Course, *, section: int = 0, role: str = "student", state: str = "active"
) -> Enrollment:
    """Create the enrollment of a student, by index, in one section of a course."""
    return Enrollment(
        id=FIRST_ENROLLMENT_ID + student * 1_000 + course.index + section * SECTION_ENROLLMENT_STEP,
        role=role,
        section=section,
        state=state,
        observed_id=OBSERVED_USER_ID if role == "observer" else None,
    )


def _generate_seat(index: int, course: Course, rng: Random) -> Seat:
    return Seat(
        [new_enrollment(index, course, section=section) for section in range(course.sections)],
        nickname=COURSE_NICKNAME if course.index == NICKNAMED_COURSE else None,
        favorite=course.index == 0 or rng.random() < 1 / 3,
        activity_time=rng.randrange(600, 90_000),
    )

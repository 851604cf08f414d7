"""Generates students and courses from a seed; the same options give the same school.

Each student and course has its own random generator, so the order of requests has no effect.
"""

from random import Random

from infrastructure.canvas_sandbox.generator.generate_work import generate_assignments
from infrastructure.canvas_sandbox.generator.names import (
    COURSE_NAMES,
    COURSE_NICKNAME,
    GROUP_NAMES,
    STUDENT_NAMES,
    TEACHER_NAMES,
)
from infrastructure.canvas_sandbox.model import (
    SHARD,
    Course,
    Enrollment,
    Group,
    Person,
    Student,
    Term,
)
from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS

GROUP_WEIGHTS = (30.0, 40.0, 20.0, 10.0)
OTHER_SHARD = 7752
FIRST_COURSE_KINDS = ("plain", "weighted", "hidden", "lettered", "concluded", "restricted")
LATER_COURSE_KINDS = ("plain", "weighted", "lettered")
TIME_ZONES = ("America/Denver", "Europe/Berlin", "Asia/Tokyo")


def generate_students(options: SandboxOptions, courses: list[Course]) -> list[Student]:
    """Generate students who are enrolled in every course, with their own favorites."""
    return [_generate_student(options, index, courses) for index in range(options.students)]


def generate_courses(options: SandboxOptions, now: int) -> list[Course]:
    """Generate courses; the first six are of six kinds, the others plain, weighted or lettered."""
    return [_generate_course(options, index, now) for index in range(options.courses)]


def _generate_student(options: SandboxOptions, index: int, courses: list[Course]) -> Student:
    rng = Random(f"{options.seed}/student/{index}")  # noqa: S311  must be reproducible
    name = STUDENT_NAMES[(index + options.seed - 1) % len(STUDENT_NAMES)]
    if index >= len(STUDENT_NAMES):
        name = f"{name} {index // len(STUDENT_NAMES) + 1}"
    enrollments = {
        course.id: Enrollment(
            id=700_000 + index * 1_000 + course.index,
            nickname=COURSE_NICKNAME
            if course.index == FIRST_COURSE_KINDS.index("lettered")
            else None,
            favorite=course.index == 0 or rng.random() < 1 / 3,
            activity_time=rng.randrange(600, 90_000),
        )
        for course in courses
    }
    return Student(index, Person(5_001 + index, name), enrollments)


def _generate_course(options: SandboxOptions, index: int, now: int) -> Course:
    rng = Random(f"{options.seed}/course/{index}")  # noqa: S311  must be reproducible
    kind = _course_kind(options, index)
    has_letter_grades = kind == "lettered"
    is_on_other_shard = has_letter_grades and index < len(FIRST_COURSE_KINDS)
    shard_offset = OTHER_SHARD * SHARD if is_on_other_shard else 0
    course = Course(
        id=shard_offset + 29_520 if is_on_other_shard else 1_001 + index,
        index=index,
        name=_course_name(options, index),
        code=f"{rng.choice(('MATH', 'HIST', 'BIO', 'LIT'))} {rng.randrange(100, 499)}",
        term=_generate_term(kind, index, now),
        time_zone=TIME_ZONES[index % len(TIME_ZONES)],
        created_at=now - 120 * DAY_SECONDS,
        teachers=_choose_teachers(rng),
        groups=_generate_groups(index, shard_offset, weighted=kind == "weighted"),
        weighted=kind == "weighted",
        has_letter_grades=has_letter_grades,
        totals_hidden=kind == "hidden",
        concluded=kind == "concluded",
        restricted=kind == "restricted",
        has_image=index % 2 == 0,
        grading_period_start=now - 30 * DAY_SECONDS if index == 1 else None,
        sections=2 if index == 1 else 1,
    )
    around = now - 70 * DAY_SECONDS if course.concluded else now
    first_id = shard_offset + (index + 1) * 10_000
    assignments = generate_assignments(
        course, rng, count=options.assignments, first_id=first_id, now=around
    )
    course.assignments = {assignment.id: assignment for assignment in assignments}
    return course


def _course_kind(options: SandboxOptions, index: int) -> str:
    kind = (
        FIRST_COURSE_KINDS[index]
        if index < len(FIRST_COURSE_KINDS)
        else LATER_COURSE_KINDS[index % len(LATER_COURSE_KINDS)]
    )
    return "plain" if kind == "restricted" and not options.restricted else kind


def _course_name(options: SandboxOptions, index: int) -> str:
    name = COURSE_NAMES[(index + options.seed - 1) % len(COURSE_NAMES)]
    section = index // len(COURSE_NAMES)
    return f"{name} ({section + 1})" if section else name


def _generate_term(kind: str, index: int, now: int) -> Term:
    if kind == "concluded":
        return Term(21, "Last Term", now - 200 * DAY_SECONDS, now - 20 * DAY_SECONDS)
    if index and index % 5 == 0:
        return Term(1, "Default Term", None, None)
    return Term(22, "Herbst 🍂 / Fall", now - 70 * DAY_SECONDS, now + 70 * DAY_SECONDS)


def _choose_teachers(rng: Random) -> list[Person]:
    names = rng.sample(TEACHER_NAMES, rng.choice((1, 1, 2)))
    return [Person(300 + TEACHER_NAMES.index(name), name) for name in names]


def _generate_groups(index: int, shard_offset: int, *, weighted: bool) -> list[Group]:
    return [
        Group(
            id=shard_offset + (index + 1) * 100 + position,
            name=name,
            position=position,
            weight=GROUP_WEIGHTS[position - 1] if weighted else 0.0,
        )
        for position, name in enumerate(GROUP_NAMES, start=1)
    ]

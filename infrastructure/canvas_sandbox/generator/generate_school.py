"""Invents a school from a seed: the same seed, the same school, whoever asks first."""

from random import Random

from infrastructure.canvas_sandbox.generator.generate_work import invent_assignments
from infrastructure.canvas_sandbox.generator.names import (
    GROUPS,
    NICKNAME,
    STUDENTS,
    SUBJECTS,
    TEACHERS,
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
from infrastructure.canvas_sandbox.sandbox_clock import DAY

WEIGHTS = (30.0, 40.0, 20.0, 10.0)
OTHER_SHARD = 7752
FIRST_KINDS = ("plain", "weighted", "hidden", "lettered", "concluded", "restricted")
LATER_KINDS = ("plain", "weighted", "lettered")
TIME_ZONES = ("America/Denver", "Europe/Berlin", "Asia/Tokyo")


def invent_students(options: SandboxOptions, courses: list[Course]) -> list[Student]:
    """Everybody takes every course; nicknames, favourites and work are their own."""
    return [_student(options, index, courses) for index in range(options.students)]


def invent_courses(options: SandboxOptions, now: int) -> list[Course]:
    """The first six courses are of six kinds, the others ordinary ones."""
    return [_course(options, index, now) for index in range(options.courses)]


def _student(options: SandboxOptions, index: int, courses: list[Course]) -> Student:
    chance = Random(f"{options.seed}/student/{index}")  # noqa: S311  made up, no secret
    name = STUDENTS[(index + options.seed - 1) % len(STUDENTS)]
    if index >= len(STUDENTS):
        name = f"{name} {index // len(STUDENTS) + 1}"
    enrollments = {
        course.id: Enrollment(
            id=700_000 + index * 1_000 + course.index,
            nickname=NICKNAME if course.index == FIRST_KINDS.index("lettered") else None,
            favorite=course.index == 0 or chance.random() < 1 / 3,
            activity_time=chance.randrange(600, 90_000),
        )
        for course in courses
    }
    return Student(index, Person(5_001 + index, name), enrollments)


def _course(options: SandboxOptions, index: int, now: int) -> Course:
    chance = Random(f"{options.seed}/course/{index}")  # noqa: S311  made up, no secret
    kind = _kind(options, index)
    lettered = kind == "lettered"
    foreign = lettered and index < len(FIRST_KINDS)
    home = OTHER_SHARD * SHARD if foreign else 0
    course = Course(
        id=home + 29_520 if foreign else 1_001 + index,
        index=index,
        name=_name(options, index),
        code=f"{chance.choice(('MATH', 'HIST', 'BIO', 'LIT'))} {chance.randrange(100, 499)}",
        term=_term(kind, index, now),
        time_zone=TIME_ZONES[index % len(TIME_ZONES)],
        created_at=now - 120 * DAY,
        teachers=_teachers(chance),
        groups=_groups(index, home, weighted=kind == "weighted"),
        weighted=kind == "weighted",
        lettered=lettered,
        totals_hidden=kind == "hidden",
        concluded=kind == "concluded",
        restricted=kind == "restricted",
        pictured=index % 2 == 0,
        periods_since=now - 30 * DAY if index == 1 else None,
        sections=2 if index == 1 else 1,
    )
    about = now - 70 * DAY if course.concluded else now
    first = home + (index + 1) * 10_000
    invented = invent_assignments(course, chance, count=options.assignments, first=first, now=about)
    course.assignments = {assignment.id: assignment for assignment in invented}
    return course


def _kind(options: SandboxOptions, index: int) -> str:
    kind = FIRST_KINDS[index] if index < len(FIRST_KINDS) else LATER_KINDS[index % len(LATER_KINDS)]
    return "plain" if kind == "restricted" and not options.restricted else kind


def _name(options: SandboxOptions, index: int) -> str:
    name = SUBJECTS[(index + options.seed - 1) % len(SUBJECTS)]
    section = index // len(SUBJECTS)
    return f"{name} ({section + 1})" if section else name


def _term(kind: str, index: int, now: int) -> Term:
    if kind == "concluded":
        return Term(21, "Last Term", now - 200 * DAY, now - 20 * DAY)
    if index and index % 5 == 0:
        return Term(1, "Default Term", None, None)
    return Term(22, "Herbst 🍂 / Fall", now - 70 * DAY, now + 70 * DAY)


def _teachers(chance: Random) -> list[Person]:
    names = chance.sample(TEACHERS, chance.choice((1, 1, 2)))
    return [Person(300 + TEACHERS.index(name), name) for name in names]


def _groups(index: int, home: int, *, weighted: bool) -> list[Group]:
    return [
        Group(
            id=home + (index + 1) * 100 + position,
            name=name,
            position=position,
            weight=WEIGHTS[position - 1] if weighted else 0.0,
        )
        for position, name in enumerate(GROUPS, start=1)
    ]

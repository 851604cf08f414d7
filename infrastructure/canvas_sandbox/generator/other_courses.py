"""Generates courses besides the current ones: of past terms, of other roles, and to come."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from infrastructure.canvas_sandbox.generator.course_catalogue import choose_course
from infrastructure.canvas_sandbox.generator.generate_school import (
    choose_teachers,
    current_term,
    generate_groups,
    new_term,
)
from infrastructure.canvas_sandbox.generator.generate_work import generate_assignments
from infrastructure.canvas_sandbox.grade_format import DEFAULT_SCHEME
from infrastructure.canvas_sandbox.model import Course, Term
from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS

PAST_COURSE_KINDS = ("hard", "soft", "closed")
OTHER_ROLES = ("ta", "observer", "designer", "teacher")
DRAFTS = 2
PAST_AGE_DAYS = 170
PAST_COURSE_INDEX, TAUGHT_COURSE_INDEX, COMING_COURSE_INDEX = 100, 200, 300
"""Indices from which the courses of a kind count."""


class OtherCourse(NamedTuple):
    """A course, with the role and the enrollment state that each student has in it."""

    course: Course
    role: str
    state: str


def generate_other_courses(options: SandboxOptions, now: int) -> list[OtherCourse]:
    """Generate the past, the taught and the coming courses that the options name."""
    return [
        *_generate_past_courses(options, now),
        *_generate_taught_courses(options, now),
        *_generate_coming_courses(options, now),
    ]


def _generate_past_courses(options: SandboxOptions, now: int) -> Iterator[OtherCourse]:
    for number in range(options.past_courses):
        kind = PAST_COURSE_KINDS[number % len(PAST_COURSE_KINDS)]
        course = _generate_course(
            options,
            PAST_COURSE_INDEX + number,
            new_term(20, now - 260 * DAY_SECONDS, now - 110 * DAY_SECONDS),
            now - PAST_AGE_DAYS * DAY_SECONDS,
        )
        course.restricts_past_view = kind == "closed"
        course.state = "completed" if kind == "hard" else "available"
        course.scheme = DEFAULT_SCHEME if number % 2 == 0 else None
        yield OtherCourse(course, "student", "completed" if kind == "hard" else "active")


def _generate_taught_courses(options: SandboxOptions, now: int) -> Iterator[OtherCourse]:
    for number in range(options.taught_courses):
        course = _generate_course(options, TAUGHT_COURSE_INDEX + number, current_term(now), now)
        for draft in list(course.assignments.values())[-DRAFTS:]:
            draft.present = False
        yield OtherCourse(course, OTHER_ROLES[number % len(OTHER_ROLES)], "active")


def _generate_coming_courses(options: SandboxOptions, now: int) -> Iterator[OtherCourse]:
    if options.varied:
        term = new_term(23, now + 75 * DAY_SECONDS, now + 190 * DAY_SECONDS)
        course = _generate_course(options, COMING_COURSE_INDEX, term, now)
        course.assignments.clear()
        yield OtherCourse(course, "student", "invited")


def _generate_course(options: SandboxOptions, index: int, term: Term, around: int) -> Course:
    rng = Random(f"{options.seed}/course/{index}")  # noqa: S311  must be reproducible
    listed = choose_course(options.courses + _number_among_others(options, index), options.seed)
    course = Course(
        id=1_001 + index,
        index=index,
        name=listed.name,
        code=listed.code,
        term=term,
        time_zone="America/Denver",
        created_at=around - 120 * DAY_SECONDS,
        teachers=choose_teachers(rng),
        groups=generate_groups(index),
        classmates=options.classmates,
    )
    assignments = generate_assignments(
        course,
        rng,
        count=max(options.assignments // 2, 1),
        first_id=(index + 1) * 10_000,
        now=around,
    )
    course.assignments = {assignment.id: assignment for assignment in assignments}
    return course


def _number_among_others(options: SandboxOptions, index: int) -> int:
    """Return which of the other courses this is, from 0, so that each has another name."""
    if index >= COMING_COURSE_INDEX:
        return options.past_courses + options.taught_courses + index - COMING_COURSE_INDEX
    if index >= TAUGHT_COURSE_INDEX:
        return options.past_courses + index - TAUGHT_COURSE_INDEX
    return index - PAST_COURSE_INDEX

"""Generates the courses of a school from a seed; the same options give the same school.

Each course has its own random generator, so the order of requests has no effect.
"""

from datetime import UTC, datetime
from random import Random

from infrastructure.canvas_sandbox.generator.course_catalogue import choose_course
from infrastructure.canvas_sandbox.generator.generate_work import generate_assignments
from infrastructure.canvas_sandbox.generator.names import GROUP_NAMES, TEACHER_NAMES
from infrastructure.canvas_sandbox.grade_format import DEFAULT_SCHEME
from infrastructure.canvas_sandbox.model import SHARD, Course, Group, Person, Term
from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.period_calendar import GradingPeriod, PeriodGroup
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS

GROUP_WEIGHTS = (30.0, 40.0, 20.0, 10.0)
OTHER_SHARD = 7752
FIRST_COURSE_KINDS = ("plain", "weighted", "hidden", "lettered", "concluded", "restricted")
LATER_COURSE_KINDS = ("plain", "weighted", "lettered")
SEASONS = ((5, "Spring"), (8, "Summer"), (12, "Fall"))
"""Names of terms, with the last month of each."""
TIME_ZONES = ("America/Denver", "Europe/Berlin", "Asia/Tokyo")


def generate_courses(options: SandboxOptions, now: int) -> list[Course]:
    """Generate courses; the first six are of six kinds, the others plain, weighted or lettered."""
    return [_generate_course(options, index, now) for index in range(options.courses)]


def _generate_course(options: SandboxOptions, index: int, now: int) -> Course:
    rng = Random(f"{options.seed}/course/{index}")  # noqa: S311  must be reproducible
    kind, listed = _course_kind(options, index), choose_course(index, options.seed)
    has_letter_grades = kind == "lettered"
    is_on_other_shard = has_letter_grades and index < len(FIRST_COURSE_KINDS)
    shard_offset = OTHER_SHARD * SHARD if is_on_other_shard else 0
    course = Course(
        id=shard_offset + 29_520 if is_on_other_shard else 1_001 + index,
        index=index,
        name=listed.name,
        code=listed.code,
        term=_generate_term(kind, index, now),
        section_dates=(None, now + 120 * DAY_SECONDS) if kind == "concluded" else None,
        time_zone=TIME_ZONES[index % len(TIME_ZONES)],
        created_at=now - 120 * DAY_SECONDS,
        teachers=choose_teachers(rng),
        groups=generate_groups(index, shard_offset, weighted=kind == "weighted"),
        weighted=kind == "weighted",
        scheme=DEFAULT_SCHEME if has_letter_grades else None,
        totals_hidden=kind == "hidden",
        restricted=kind == "restricted",
        has_image=index % 2 == 0,
        periods=_generate_periods(now) if index == 1 else None,
        sections=2 if index == 1 else 1,
        classmates=options.classmates,
    )
    around = now - 70 * DAY_SECONDS if kind == "concluded" else now
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


def _generate_term(kind: str, index: int, now: int) -> Term:
    if kind == "concluded":
        return new_term(21, now - 200 * DAY_SECONDS, now - 20 * DAY_SECONDS)
    if index and index % 5 == 0:
        return Term(1, "Default Term", None, None)
    return current_term(now)


def current_term(now: int) -> Term:
    """The term of most courses."""
    return new_term(22, now - 70 * DAY_SECONDS, now + 70 * DAY_SECONDS)


def new_term(id_: int, starts: int, ends: int) -> Term:
    """Create a term that has the name of the season in its middle, such as `Fall 2026`."""
    middle = datetime.fromtimestamp((starts + ends) / 2, UTC)
    season = next(name for month, name in SEASONS if middle.month <= month)
    return Term(id_, f"{season} {middle.year}", starts, ends)


def choose_teachers(rng: Random) -> list[Person]:
    """Choose one or two teachers."""
    names = rng.sample(TEACHER_NAMES, rng.choice((1, 1, 2)))
    return [Person(300 + TEACHER_NAMES.index(name), name) for name in names]


def generate_groups(index: int, shard_offset: int = 0, *, weighted: bool = False) -> list[Group]:
    """Generate the assignment groups of the course with this index."""
    return [
        Group(
            id=shard_offset + (index + 1) * 100 + position,
            name=name,
            position=position,
            weight=GROUP_WEIGHTS[position - 1] if weighted else 0.0,
        )
        for position, name in enumerate(GROUP_NAMES, start=1)
    ]


def _generate_periods(now: int) -> PeriodGroup:
    start, middle, end = (now + days * DAY_SECONDS for days in (-70, -30, 70))
    return PeriodGroup(
        id=30,
        periods=(
            GradingPeriod(30, "First half", start, middle, middle),
            GradingPeriod(31, "Second half", middle, end, end),
        ),
    )
